"""What a server may say of its database's role, from the lease and one look at MySQL. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .endpoints import Answer
from .lease.state import Watch
from .member.look import Look

RENEWED_PART = 0.6  # of ttl: the record has changed so lately; three renewals
UNHEARD_PART = 0.4  # of ttl: so long after its holder was last heard. What a dead one renewed before is read within 0.2


def primary(look: Look, *, server: str, leads: bool, hands_over: bool) -> Answer:
    """`leads`: the lease allows writes at this very instant, and MySQL was opened. What MySQL itself says counts too.

    `hands_over`: as planned, now or just before. A write that is under way is told that MySQL is read-only and goes elsewhere; of
    one whose session HAProxy ends nobody knows whether it was done.
    """
    return Answer(ok=leads and _is_open(look), body=_body(look, server, leads), leaves=hands_over)


def replica(look: Look, *, server: str, leads: bool, read_lag_s: float) -> Answer:
    """Both threads run and the lag is known and small; MySQL says NULL while it does not know it."""
    following = look.error is None and look.receiving and look.applying
    ok = following and look.read_only and look.lag_s is not None and look.lag_s <= read_lag_s
    return Answer(ok=ok, body=_body(look, server, leads))


def cut_off(watch: Watch | None, heard: Mapping[str, float], *, server: str, now: float) -> Answer:
    """Another server renews its lease and does not answer here: what is broken lies between the two.

    `heard`: when each member was last asked a question that it answered; `now` and it in CLOCK_BOOTTIME, seconds.
    """
    record = watch.record if watch else None
    unheard = None
    if record and record.holder != server:
        renews = now - watch.since <= RENEWED_PART * record.ttl_s
        silent = watch.since - heard.get(record.holder, now) > UNHEARD_PART * record.ttl_s
        unheard = record.holder if renews and silent else None
    return Answer(ok=unheard is not None, body={"server": server, "unheard": unheard})


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
