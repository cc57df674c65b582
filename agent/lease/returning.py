"""What a server that is not the holder does with its data: follow, salvage and clone, or wait for an operator."""

from __future__ import annotations

from dataclasses import dataclass

from . import gtid, last_copy
from .last_copy import Copy
from .record import Record
from .view import Local, Peer


@dataclass(frozen=True)
class Follow:
    source: str


@dataclass(frozen=True)
class Salvage:
    """Write `gtids` as SQL and raw binary log to S3 and read them back by checksum."""

    gtids: str


@dataclass(frozen=True)
class Clone:
    """Into a new data directory beside the old, which goes only when the clone is complete."""

    donor: str


@dataclass(frozen=True)
class Refuse:
    reason: str


Course = Follow | Salvage | Clone | Refuse


def course(local: Local, record: Record, holder: Peer | None, salvaged: Copy | None) -> Course:
    """`holder` is the record's holder as it answers now, None when it does not; `salvaged` what is in S3, if anything."""
    if holder is None or not holder.local.alive or holder.local.cluster_id != record.cluster_id:
        return Refuse(f"{record.holder} does not serve database {record.cluster_id} now")
    if local.empty:
        return Clone(record.holder)
    if local.cluster_id != record.cluster_id:
        return Refuse(f"the volume holds {local.cluster_id or 'unknown data'}, not {record.cluster_id}: an operator decides")
    extra = gtid.missing(local.executed, holder.local.executed)
    if not extra and gtid.contains(local.executed, holder.local.purged):
        return Follow(record.holder)
    if not extra:  # away for so long that the holder cannot send what is missing any more
        return _clone(local, holder, salvaged)
    if salvaged is None or not salvaged.verified or gtid.missing(extra, salvaged.executed):
        return Salvage(extra)
    return _clone(local, holder, salvaged)


def _clone(local: Local, holder: Peer, salvaged: Copy | None) -> Course:
    donor = Copy(where=holder.name, cluster_id=holder.local.cluster_id, executed=holder.local.executed, verified=True)
    copies = (donor, salvaged) if salvaged else (donor,)
    reason = last_copy.refusal(cluster_id=local.cluster_id, executed=local.executed, empty=local.empty, copies=copies)
    return Refuse(reason) if reason else Clone(holder.name)
