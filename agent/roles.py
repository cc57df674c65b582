"""What a server may say of its database's role, from the lease and one look at MySQL. Pure."""

from __future__ import annotations

from typing import Any

from .endpoints import Answer
from .member.look import Look


def primary(look: Look, *, server: str, leads: bool) -> Answer:
    """`leads`: the lease allows writes at this very instant, and MySQL was opened. What MySQL itself says counts too."""
    return Answer(ok=leads and _is_open(look), body=_body(look, server, leads))


def replica(look: Look, *, server: str, leads: bool, read_lag_s: float) -> Answer:
    """Both threads run and the lag is known and small; MySQL says NULL while it does not know it."""
    following = look.error is None and look.receiving and look.applying
    ok = following and look.read_only and look.lag_s is not None and look.lag_s <= read_lag_s
    return Answer(ok=ok, body=_body(look, server, leads))


def role(look: Look, leads: bool) -> str:
    return "primary" if leads and _is_open(look) else "replica" if look.source else "none"


def _is_open(look: Look) -> bool:
    return look.error is None and not look.read_only


def _body(look: Look, server: str, leads: bool) -> dict[str, Any]:
    return {
        "server": server,
        "role": role(look, leads),
        "read_only": look.read_only,
        "source": look.source,
        "receiving": look.receiving,
        "applying": look.applying,
        "lag_s": look.lag_s,
        "error": look.error,
    }
