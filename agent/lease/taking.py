"""The watcher: the record standing still, and the taking of the lease. Decides only for a server that does not hold it."""

from __future__ import annotations

from dataclasses import replace

from . import candidate, timing
from . import record as records
from .holding import adopt, begin
from .record import Record
from .state import Alarm, Outcome, Read, Send, State, Step, Take, WasRead, WasWritten, Watch
from .view import Local, Settings


def was_read(state: State, event: WasRead, now: float) -> State:
    watch = state.watch
    if watch and event.sent <= watch.asked:
        return state  # overtaken by a newer read
    state = replace(state, watch=_watched(watch, event, now))
    if event.record is None:
        return state
    state = replace(state, seen=max(state.seen, event.record.version))
    return adopt(_resolved(state, event), event.record, now)


def was_written(state: State, event: WasWritten, now: float) -> Step:
    """An answer to a taking. A refusal may be the answer to a second copy of one that was done: the record is read."""
    if state.take is None or event.write != state.take.write:
        return state, ()
    if event.outcome is Outcome.DONE:
        return begin(state, event.write.record, now, confirmed=event.sent), ()
    return replace(state, read=now), (Read(now),)


def take(state: State, local: Local, now: float) -> Step:
    """Take the lease, or say why not; nothing while there is nothing to take."""
    if state.take:
        return _again(state, now)
    watch = state.watch
    if watch and watch.record is None:
        return state, (Alarm("the lease's item is missing: nobody writes until it is made, or put back by an operator"),)
    if state.closing is not None or not is_free(watch, now) or now < state.promised_until:
        return state, ()
    record = watch.record
    forced = state.forced_epoch == record.epoch
    if reason := refusal(state, local, record, now - watch.since, forced):
        return state, (Alarm(reason),)
    write = records.taking(
        record,
        # Of a restored record the next number was somebody's already, and those who saw that take no older record for true.
        epoch=max(record.epoch, state.seen[0]) + 1,
        holder=state.server,
        boot_nonce=state.boot_nonce,
        ttl_s=state.settings.ttl_s,
        gtid_executed=local.executed,
        # To have it back after a restart is none; but it does not end the pause after one either.
        failover=not forced and (record.holder != state.server or record.failover),
    )
    return replace(state, take=Take(write=write, observed=record, sent=now)), (Send(write, now),)


def is_free(watch: Watch | None, now: float) -> bool:
    """The record's own ttl counts, whatever this server's settings say. A missing item is never free."""
    if watch is None or watch.record is None or timing.is_gap(watch.asked, now, watch.record.ttl_s):
        return False
    return timing.stood_still(watch.since, now, watch.record.ttl_s)


def refusal(state: State, local: Local, record: Record, watched_s: float, forced: bool) -> str | None:
    settings = state.settings
    own = record.holder == state.server  # to have it back is no failover
    if not (settings.automatic or forced or own):
        return f"database.failover is manual: {record.holder} does not renew; make promote to take over"
    if record.version < state.seen and not forced:
        return f"the store was restored to epoch {record.epoch}, renewal {record.counter}; {state.seen} had been seen"
    lasted_s = timing.tenure(record.counter, watched_s, record.ttl_s)
    if not (forced or own) and (reason := too_soon(record, lasted_s, settings)):
        return reason
    return candidate.refusal(local, record, settings, server=state.server, forced=forced)


def too_soon(record: Record, lasted_s: float, settings: Settings) -> str | None:
    """Why an epoch that has lasted for so long is not ended by a failover."""
    if record.failover and lasted_s < settings.pause_s:
        return f"the failover to {record.holder} is less than {settings.pause_s:g} s ago: no second one by itself"
    return None


def _watched(watch: Watch | None, event: WasRead, now: float) -> Watch:
    """One watch as long as every answer shows the same record and no two are far apart. It begins when the first answer
    is here: the record may have been renewed until the store read it."""
    same = watch is not None and watch.record is not None and watch.record == event.record
    if same and not timing.is_gap(watch.asked, now, watch.record.ttl_s):
        return replace(watch, asked=event.sent)
    return Watch(record=event.record, since=now, asked=event.sent)


def _resolved(state: State, event: WasRead) -> State:
    """A taking can no longer land once the record is another than the one it is conditional on."""
    if state.take and event.sent > state.take.sent and event.record != state.take.observed:
        return replace(state, take=None)
    return state


def _again(state: State, now: float) -> Step:
    """The same write again, while it is not known what became of it."""
    if now - state.take.sent < timing.renewal_period(state.take.observed.ttl_s) or not is_free(state.watch, now):
        return state, ()
    return replace(state, take=replace(state.take, sent=now)), (Send(state.take.write, now),)
