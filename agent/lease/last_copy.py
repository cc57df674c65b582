"""The last-copy rule: the question asked before a CLONE destroys data. Who else destroys some: docs/adr/0002."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from . import gtid


@dataclass(frozen=True, kw_only=True)
class Copy:
    """Transactions that live elsewhere. `verified`: read back now, by checksum or from a server that answers."""

    where: str
    cluster_id: str | None
    executed: str
    verified: bool


def refusal(*, cluster_id: str | None, executed: str, empty: bool, copies: Iterable[Copy]) -> str | None:
    """Why this data must not be destroyed; None when it may: it is empty, or verified copies hold every transaction."""
    if empty:
        return None
    good = [copy for copy in copies if copy.verified and copy.cluster_id == cluster_id]
    if cluster_id is None or not good:
        return f"the last copy of {f'database {cluster_id}' if cluster_id else 'data of unknown origin'}: none other verified"
    only_here = gtid.missing(executed, gtid.union(*(copy.executed for copy in good)))
    if only_here:
        return f"transactions {only_here} are in no verified copy ({', '.join(copy.where for copy in good)}): salvage them first"
    return None
