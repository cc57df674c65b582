"""The failover's decisions: one state, one event, one own time in; the next state and the actions out. Pure.

docs/adr/0002 says what this promises; tests/model drives it through every fault that it must survive.
"""

from __future__ import annotations

from dataclasses import replace

from .lease import handing, holding, promising, serving, taking, timing
from .lease.state import (
    Asked,
    Event,
    Outcome,
    Promised,
    Promote,
    Read,
    State,
    Step,
    Switchover,
    Tick,
    WasClosed,
    WasOpened,
    WasRead,
    WasSemiSync,
    WasWritten,
)
from .lease.view import Settings


def step(state: State, event: Event, now: float) -> Step:
    """`now`: this server's CLOCK_BOOTTIME in seconds, read when the event is handled. A deadline that went by is seen before
    anything that could lengthen it."""
    if not holding.has_expired(state.hold, now):
        return _step(state, event, now)
    state, actions = holding.demote(state, now)
    state, more = _step(state, event, now)
    return state, actions + more


def _step(state: State, event: Event, now: float) -> Step:
    match event:
        case Tick():
            return _tick(state, event, now)
        case WasRead():
            return holding.was_read(state, event, now) if state.hold else (taking.was_read(state, event, now), ())
        case WasWritten():
            return _was_written(state, event, now)
        case Asked():
            return promising.was_asked(state, event, now)
        case Promised():
            return promising.was_promised(state, event), ()
        case WasOpened():
            return _was_opened(state, event)
        case WasClosed():
            return replace(state, closing=None), ()
        case WasSemiSync():
            return serving.was_semi_sync(state, event), ()
        case Switchover():
            return handing.begin(state, event.to, now)
        case Promote():
            return replace(state, forced_epoch=event.epoch), ()


def started(server: str, boot_nonce: str, settings: Settings, now: float) -> State:
    """An agent that starts knows nothing: mysqld is closed, and the watch begins."""
    return State(server=server, boot_nonce=boot_nonce, settings=settings, closing=timing.kill_at(now, settings.ttl_s))


def due(state: State, now: float) -> float:
    """When the next Tick must come at the latest, besides the regular ones; infinity when nothing runs out."""
    ends = (state.hold.until if state.hold else now, state.closing if state.closing is not None else now)
    return min((end for end in ends if end > now), default=float("inf"))


def feeds_watchdog(state: State, now: float) -> bool:
    """Asked after every Tick. A demotion that is not confirmed does not: should the agent stop right now, it is over in time.
    A planned closing is bounded by the lease like any other moment of a holder, until mysqld should have been gone."""
    return state.closing is None or (state.hold is not None and now < state.closing)


def kills_when_stopped(state: State, now: float) -> bool:
    """Whether a read-only, however certain, could be undone: by an opening whose end is not known, or is to be a SIGKILL."""
    if state.hold:
        return state.hold.opening
    return state.closing is not None and now >= state.closing


def is_primary(state: State, now: float) -> bool:
    """Whether `/primary` answers 200, asked of the clock in every answer."""
    return holding.may_write(state.hold, now) and state.hold.opened


def may_open(state: State, now: float) -> bool:
    """Asked at the last instant before mysqld is made writable."""
    return holding.may_write(state.hold, now) and state.hold.opening


def _tick(state: State, event: Tick, now: float) -> Step:
    state, actions = holding.close(state, now) if state.closing is not None else (state, ())
    state, more = _hold(state, event, now) if state.hold else _watch(state, event, now)
    return state, actions + more


def _hold(state: State, event: Tick, now: float) -> Step:
    actions = []
    if state.hold.handing:
        state, some = handing.continued(state, event.local, event.peers, now)
        actions += some
    if not state.hold.handover:
        publishes = serving.publishes_sync(state.hold, event.local, state.settings, now)
        for part in (
            lambda s: holding.renew(s, event.local, publishes, now),
            lambda s: promising.ask(s, now),
            lambda s: serving.synchronise(s, event.local, publishes, now),
            lambda s: serving.serve(s, event.local, event.peers, now),
        ):
            state, some = part(state)
            actions += some
    return state, tuple(actions)


def _watch(state: State, event: Tick, now: float) -> Step:
    ttl_s = state.watch.record.ttl_s if state.watch and state.watch.record else state.settings.ttl_s
    reads = ()
    if now - state.read >= timing.read_period(ttl_s):
        state, reads = replace(state, read=now), (Read(now),)
    state, actions = taking.take(state, event.local, now)
    return state, reads + actions


def _was_written(state: State, event: WasWritten, now: float) -> Step:
    if not state.hold:
        return taking.was_written(state, event, now)
    given = state.hold.handover is not None and event.write == state.hold.handover
    if given and event.outcome is Outcome.DONE:
        return replace(state, hold=None, given_up=state.hold.record.epoch), ()
    if given:
        return replace(state, read=now), (Read(now),)
    return holding.was_written(state, event, now)


def _was_opened(state: State, event: WasOpened) -> Step:
    if not state.hold or not state.hold.opening:
        return state, ()
    return replace(state, hold=replace(state.hold, opening=False, opened=event.ok)), ()
