"""The store is silent: the holder lives on promises of every other member. Both sides of a promise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from . import timing
from .state import NEVER, Ask, Asked, Promised, Reply, State, Step


def ask(state: State, now: float) -> Step:
    """Ask the members the record names, never fewer: membership cannot change while nobody can write it down."""
    hold = state.hold
    ttl_s = hold.record.ttl_s
    if hold.confirmed == NEVER:
        return state, ()  # nothing to prolong yet
    if not hold.store_is_silent(now) or now - hold.asked < timing.read_period(ttl_s):
        return state, ()
    others = [name for name in hold.record.members if name != state.server]
    asks = tuple(Ask(to=name, epoch=hold.record.epoch, ttl_s=ttl_s, ask=now) for name in others)
    return replace(state, hold=replace(hold, asked=now)), asks


def was_asked(state: State, event: Asked, now: float) -> Step:
    """The promise: not to take for 1.1 of the holder's ttl from now on. A restart forgets it, and its new watch lasts longer."""
    reason = refusal(state, event)
    if not reason:
        state = replace(state, promised_until=max(state.promised_until, timing.promise_end(now, event.ttl_s)))
    return state, (Reply(to=event.by, epoch=event.epoch, ask=event.ask, yes=not reason, reason=reason or ""),)


def refusal(state: State, event: Asked) -> str | None:
    if state.take:
        return f"{state.server} has a taking under way"
    if state.hold:
        return f"{state.server} holds the lease itself"
    if event.epoch < state.seen[0]:
        return f"{state.server} has seen epoch {state.seen[0]}, newer than {event.epoch}"
    return None


def was_promised(state: State, event: Promised) -> State:
    """Counted from before asking, which `ask` brings back."""
    hold = state.hold
    if not event.yes or hold is None or event.epoch != hold.record.epoch:
        return state
    return replace(state, hold=replace(hold, promises=_newest(hold.promises, event.by, event.ask)))


def _newest(promises: Mapping[str, float], by: str, asked: float) -> Mapping[str, float]:
    return {**promises, by: max(asked, promises.get(by, asked))}
