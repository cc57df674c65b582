"""What a server may say of its database, and whether it may open it. Pure. A lease will one day answer `may_open`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .manifest import Database

MAX_LAG_S = 10  # a replica further behind is not read from


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look at the local MySQL. `at` is when it began, in seconds of the monotonic clock; `error` when it failed."""

    at: float
    error: str | None = None
    read_only: bool = True
    cluster_id: str | None = None
    source: str | None = None  # whom it follows
    receiving: bool = False
    applying: bool = False
    lag_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    ok: bool
    body: dict[str, Any]


def may_open(look: Look, *, server: str, database: Database, cluster_id: str | None) -> bool:
    """Whether this server opens its database for writes: it is named primary, follows nobody, and holds the very data that
    the last release found here. An empty or foreign volume is never opened."""
    return (
        look.error is None
        and look.read_only
        and server == database.primary
        and look.source is None
        and look.cluster_id is not None
        and look.cluster_id == cluster_id
    )


def primary(look: Look, *, server: str, database: Database) -> Answer:
    return Answer(ok=_is_primary(look, server, database), body=_body(look, server, database))


def replica(look: Look, *, server: str, database: Database) -> Answer:
    """Both threads run and the lag is known and small; MySQL says NULL while it does not know it."""
    following = look.error is None and look.receiving and look.applying
    ok = following and look.read_only and look.lag_s is not None and look.lag_s <= MAX_LAG_S
    threads = {"source": look.source, "receiving": look.receiving, "applying": look.applying, "lag_s": look.lag_s}
    return Answer(ok=ok, body=_body(look, server, database) | threads)


def _is_primary(look: Look, server: str, database: Database) -> bool:
    # Writable *and* named primary: a replica is writable for the moment in which it is being cloned.
    return look.error is None and not look.read_only and server == database.primary


def _body(look: Look, server: str, database: Database) -> dict[str, Any]:
    role = "primary" if _is_primary(look, server, database) else "replica" if look.source else "none"
    return {"server": server, "role": role, "read_only": look.read_only, "error": look.error}
