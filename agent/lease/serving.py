"""The holder's own mysqld: opened, restarted in place, given up when it does not come back; synchronous or alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from . import candidate, handing
from .holding import may_write
from .state import Action, Alarm, Hold, Open, Restart, SemiSync, State, Step, WasSemiSync
from .view import Local, Peer, Settings


def serve(state: State, local: Local, peers: Mapping[str, Peer], now: float) -> Step:
    """Open what is closed, restart what is dead, hand over what stays closed or has no room to write."""
    hold = state.hold
    if local.alive and hold.opened:
        state = replace(state, hold=replace(hold, down_since=None))
        return handing.fail_over(state, local, peers, now) if local.disk_free < handing.FULL else (state, ())
    if hold.opening or state.closing is not None or not may_write(hold, now):
        return state, ()
    since = hold.down_since if hold.down_since is not None else now
    state = replace(state, hold=replace(hold, opened=False, down_since=since))
    actions: tuple[Action, ...] = ()
    if now - since >= state.settings.restart_budget_s:
        state, actions = handing.fail_over(state, local, peers, now)
    if state.hold.handing:
        return state, actions
    reason = candidate.refusal(local, hold.record, state.settings, server=state.server)
    if reason is None:
        waits = must_wait(hold)
        return replace(state, hold=replace(state.hold, opening=True, touched=True, waits=waits)), (*actions, Open(waits))
    return state, (*actions, Restart()) if not local.alive else actions or (Alarm(reason),)


def publishes_sync(hold: Hold, local: Local, settings: Settings, now: float) -> bool:
    """What the next renewal says. It stays true for the patience with a replica that went away: writes wait meanwhile.

    mysqld's own word does not suffice: it may be about to obey an order that it has not obeyed yet.
    """
    if not (settings.semi_sync and local.semi_sync and hold.waits):
        return False
    if local.replicas_connected and local.replicas_caught_up:
        return True
    alone_s = now - hold.alone_since if hold.alone_since is not None else 0
    return hold.record.sync and alone_s < settings.sync_patience_s


def must_wait(hold: Hold) -> bool:
    """Whether the store may still say sync=true, now or when a renewal under way lands."""
    return hold.record.sync or hold.record.counter < hold.last_sync


def synchronise(state: State, local: Local, publishes: bool, now: float) -> Step:
    """Degrade only after the store says sync=false; wait for replicas as soon as there are any that keep up."""
    hold = state.hold
    alone_since = None if local.replicas_connected else hold.alone_since if hold.alone_since is not None else now
    actions: tuple[Action, ...] = ()
    wanted = state.settings.semi_sync and local.replicas_connected
    if local.alive and hold.opened:
        if wanted and local.replicas_near and not (local.semi_sync and hold.waits):
            hold, actions = _order(hold, True)
        elif (local.semi_sync or hold.waits) and not wanted and not publishes and not must_wait(hold):
            hold, actions = _order(replace(hold, waits=False), False)
    return replace(state, hold=replace(hold, alone_since=alone_since)), actions


def was_semi_sync(state: State, event: WasSemiSync) -> State:
    """What an order came to that another has followed says nothing."""
    if state.hold is None or event.order != state.hold.order:
        return state
    return replace(state, hold=replace(state.hold, waits=event.order.on))


def _order(hold: Hold, on: bool) -> tuple[Hold, tuple[SemiSync]]:
    order = hold.order
    if order is None or order.on != on:
        order = SemiSync(on, order.number + 1 if order else 0)
    return replace(hold, order=order), (order,)
