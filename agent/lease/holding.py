"""The holder: renewals, what their answers mean, the deadline and the demotion."""

from __future__ import annotations

from dataclasses import replace

from . import record as records
from . import timing
from .record import Record
from .state import NEVER, Alarm, Close, Hold, Kill, Outcome, Read, Send, State, Step, WasRead, WasWritten
from .view import Local

REMEMBERED = 20  # renewals without an answer; older ones could not lengthen the deadline any more


def begin(state: State, record: Record, now: float, *, confirmed: float = NEVER) -> State:
    """The epoch is ours; without `confirmed` a renewal must succeed first."""
    hold = Hold(record=record, since=now, confirmed=confirmed, counter=record.counter)
    return replace(state, hold=hold, take=None, watch=None, seen=max(state.seen, record.version))


def adopt(state: State, record: Record, now: float) -> State:
    """A record that names this start of this server: a handover, or a taking that landed unanswered. Not an epoch that was given
    up, nor a record older than one that was seen: the store may have been restored to it while another server holds a newer."""
    if state.hold or state.closing is not None or not record.names(state.server, state.boot_nonce):
        return state
    if record.epoch <= state.given_up or record.version < state.seen:
        return state
    return begin(state, record, now)


def renew(state: State, local: Local, sync: bool, now: float) -> Step:
    """Never waits for a renewal that hangs."""
    hold = state.hold
    if now - hold.renewed < timing.renewal_period(hold.record.ttl_s):
        return state, ()
    counter = hold.counter + 1
    write = records.renewal(hold.record, counter=counter, sync=sync, gtid_executed=local.executed if local.alive else None)
    hold = replace(
        hold,
        counter=counter,
        renewed=now,
        sent=(*hold.sent, (counter, now))[-REMEMBERED:],
        last_sync=counter if sync else hold.last_sync,
    )
    return replace(state, hold=hold), (Send(write, now),)


def was_written(state: State, event: WasWritten, now: float) -> Step:
    """Only `done` says something; after anything else the record is read back, and until then the old deadline stands."""
    if not _is_ours(state.hold, event.write.record):
        return state, ()
    if event.outcome is Outcome.DONE:
        return replace(state, hold=_confirm(state.hold, event.write.record, event.sent)), ()
    return replace(state, read=now), (Read(now),)


def was_read(state: State, event: WasRead, now: float) -> Step:
    hold = state.hold
    if event.sent < hold.since:
        return state, ()  # says what was before
    if event.record is None:
        state, actions = demote(state, now)
        return state, (*actions, Alarm("the lease's item is missing: nobody writes until an operator restores it"))
    if not _is_ours(hold, event.record):
        return demote(state, now)
    sent = dict(hold.sent).get(event.record.counter, NEVER)
    return replace(state, hold=_confirm(hold, event.record, sent)), ()


def demote(state: State, now: float) -> Step:
    """At the deadline, also when it is noticed late, or at once. An opening under way could outlive a confirmed
    read-only, so it is killed without asking."""
    hold = state.hold
    state = replace(state, hold=None, given_up=max(state.given_up, hold.record.epoch), seen=max(state.seen, hold.record.version))
    if not hold.touched:
        return state, ()
    began = min(now, max(hold.until, hold.since))
    kill_at = now if hold.opening else timing.kill_at(began, hold.record.ttl_s)
    return close(replace(state, closing=kill_at), now)


def close(state: State, now: float) -> Step:
    return state, (Kill() if now >= state.closing else Close(),)


def may_write(hold: Hold | None, now: float) -> bool:
    return hold is not None and hold.handing is None and now < hold.until


def has_expired(hold: Hold | None, now: float) -> bool:
    """The deadline went by; not so for an epoch whose first renewal is still to be confirmed."""
    return hold is not None and hold.since < hold.until <= now


def _confirm(hold: Hold, record: Record, sent: float) -> Hold:
    newest = record if record.counter >= hold.record.counter else hold.record
    return replace(hold, record=newest, confirmed=max(hold.confirmed, sent))


def _is_ours(hold: Hold | None, record: Record) -> bool:
    return hold is not None and record.names(hold.record.holder, hold.record.boot_nonce) and (record.epoch == hold.record.epoch)
