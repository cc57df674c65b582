"""Giving the epoch to another server: a planned switchover, or a mysqld that cannot be brought back in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from . import candidate, gtid, taking, timing
from . import record as records
from .state import Alarm, Close, Send, State, Step
from .view import Local, Peer

FULL = 0.02  # part of the volume left free, below which it counts as full
PATIENCE_S = 2.5  # of a planned switchover, from the order on: less than writers are kept waiting (member/balancer.py)


def begin(state: State, to: str, now: float, *, unasked: bool = False) -> Step:
    """New writes stop first. Nothing is handed over before that is confirmed. Not while an opening is under way: it could
    come after the confirmation. Nor while the store is silent: nobody could take what is given then."""
    hold = state.hold
    if hold is None or hold.opening or hold.handing or to == state.server or to not in hold.record.members:
        return state, ()
    if hold.store_is_silent(now):
        return state, ()
    hold = replace(hold, handing=to, handing_since=now, unasked=unasked, opened=False, touched=True)
    return replace(state, hold=hold, closing=timing.planned_kill_at(now, hold.record.ttl_s)), (Close(),)


def continued(state: State, local: Local, peers: Mapping[str, Peer], now: float) -> Step:
    hold = state.hold
    if hold.handover:
        if now - hold.renewed < timing.renewal_period(hold.record.ttl_s):
            return state, ()
        return replace(state, hold=replace(hold, renewed=now)), (Send(hold.handover, now),)
    peer = peers.get(hold.handing)
    # Who hands over as planned had a living mysqld: what it wrote last is on the other server, or nothing is handed over.
    knows = local.alive or hold.unasked
    if state.closing is None and knows and not hold.store_is_silent(now) and peer and not refusal(state, local, peer):
        counter = hold.counter + 1
        write = records.handover(
            hold.record,
            counter=counter,
            holder=peer.name,
            boot_nonce=peer.boot_nonce,
            ttl_s=peer.ttl_s,
            gtid_executed=local.executed if local.alive else hold.record.gtid_executed,
            failover=hold.unasked,
        )
        return replace(state, hold=replace(hold, counter=counter, handover=write, renewed=now)), (Send(write, now),)
    patience_s = state.settings.restart_budget_s if hold.unasked else PATIENCE_S
    if state.closing is None and now - hold.handing_since >= patience_s:
        return replace(state, hold=replace(hold, handing=None)), ()  # nothing was sent: opened again
    return state, ()


def refusal(state: State, local: Local, peer: Peer) -> str | None:
    """A living mysqld, now read-only, says what the candidate must have; of a dead one only the record does."""
    if local.disk_free < FULL and peer.local.disk_free <= local.disk_free:
        return f"{peer.name} has a fuller disk than {state.server}"
    record, settings = state.hold.record, state.settings
    reason = candidate.refusal(peer.local, record, settings, server=peer.name, forced=local.alive)
    if reason or not local.alive:
        return reason
    lacking = gtid.missing(local.executed, peer.local.executed)
    return f"{peer.name} still lacks {lacking}" if lacking else None


def fail_over(state: State, local: Local, peers: Mapping[str, Peer], now: float) -> Step:
    """Hand over a database that is of no use here, under the rules of a taking: not when operators decide that, and not soon
    after the last failover."""
    hold, settings = state.hold, state.settings
    peer = successor(state, local, peers)
    if peer is None:
        refusals = [refusal(state, local, peers[name]) for name in sorted(peers)] or ["no other server answers"]
        return state, (Alarm(f"{state.server}'s database is of no use, and nobody can take over: {'; '.join(refusals)}"),)
    if not settings.automatic:
        remedy = f"stop failover.service on {state.server}, promote {peer}, and start it again"
        return state, (Alarm(f"database.failover is manual: {peer} could take over from {state.server}; {remedy}"),)
    if reason := taking.too_soon(hold.record, now - hold.since, settings):
        return state, (Alarm(reason),)
    return begin(state, peer, now, unasked=True)


def successor(state: State, local: Local, peers: Mapping[str, Peer]) -> str | None:
    return next((name for name in sorted(peers) if not refusal(state, local, peers[name])), None)
