"""Whether a server's data may become the primary's. One question, one reason when the answer is no."""

from __future__ import annotations

from . import gtid
from .record import Record
from .view import Local, Settings


def refusal(local: Local, record: Record, settings: Settings, *, server: str, forced: bool = False) -> str | None:
    """Why `server`, whose database is `local`, must not take the lease in `record`; None when it may.

    An operator who forces gives up transactions, never the identity of the data.
    """
    if not local.alive:
        return f"{server}: mysqld does not answer"
    if _is_empty_or_foreign(local, record):
        return f"{server} holds {_what(local)}, not database {record.cluster_id}: an empty or foreign volume never takes"
    if not local.applied:
        return f"{server} has received transactions that it has not applied yet"
    return None if forced else _behind(local, record, settings, server)


def _behind(local: Local, record: Record, settings: Settings, server: str) -> str | None:
    lacking = gtid.missing(record.gtid_executed, local.executed)
    if server == record.holder:  # it wrote them: only a volume restored from older data lacks any
        return f"{server} was the holder but its data lacks {lacking} that it had published" if lacking else None
    if gtid.count(lacking) > settings.max_lag:
        return f"{server} lacks {gtid.count(lacking)} transactions of the published position, {settings.max_lag} allowed"
    if settings.semi_sync:
        return _unsynchronised(local, record, server)
    return None


def _unsynchronised(local: Local, record: Record, server: str) -> str | None:
    if not record.sync:
        return f"{record.holder} acknowledged writes alone (sync=false): only it, or an operator, can say what {server} lacks"
    if not local.complete:
        # A mysqld that restarts drops what it had received and acknowledged but not applied.
        return f"{server}: its mysqld started after it last caught up; it may lack writes that it had acknowledged"
    return None


def _is_empty_or_foreign(local: Local, record: Record) -> bool:
    return local.empty or local.cluster_id != record.cluster_id


def _what(local: Local) -> str:
    return "no data" if local.empty else f"database {local.cluster_id}" if local.cluster_id else "data of another origin"
