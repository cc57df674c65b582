"""What an operator asks of the failover unit, on any database server: switch over, promote by force, show the lease."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from .database import Cluster
from .lease import gtid
from .member.config import ROLES_PORT, Config
from .member.peers import Peers
from .system import Failed, System

SWITCH_S = 30
RESIGN_S = 46  # more than the unit takes for it
HAND_OVER_S = 30
PROMOTE_S = 30
ACCOUNTS_S = 20
EXCHANGE_S = 2


def lease() -> dict[str, Any]:
    """What this server's unit knows of the lease and of its own part. Raises Failed when it does not answer."""
    url = f"http://127.0.0.1:{ROLES_PORT}/lease"
    try:
        with urlopen(url, timeout=EXCHANGE_S) as answer:
            return json.load(answer)
    except (URLError, OSError, ValueError) as error:
        raise Failed(f"the failover unit does not answer ({error}); see: journalctl -u failover") from None


def cluster(system: System) -> Cluster:
    """The failover units as an apply talks to them."""
    config = Config.load(system)
    peers = Peers(system, config, EXCHANGE_S)
    return Cluster(
        members=tuple(config.members),
        ttl_s=config.settings.ttl_s,
        lease=lease,
        accounts=lambda holder, body: peers.post(holder, "/accounts", body, timeout_s=ACCOUNTS_S),
    )


def show(_: System) -> str:
    return json.dumps(lease())


def switchover(system: System, to: str | None) -> str:
    """Make `to` the primary, without a name the other server. Raises Failed with the holder's reason."""
    config = Config.load(system)
    record = lease()["record"]
    if record is None:
        raise Failed("the lease's item is missing or not read yet; nobody can hand it over")
    if to == record["holder"]:
        return f"{to} is the primary already, epoch {record['epoch']}"
    done = Peers(system, config, EXCHANGE_S).post(record["holder"], "/switchover", {"to": to}, timeout_s=SWITCH_S)
    return f"{done['to']} is the primary, epoch {done['epoch']}, {done['seconds']:.2f} s without writes"


def hand_over(system: System) -> None:
    """Before MySQL restarts here: let writes go on elsewhere, if they go on here and somebody can."""
    if reason := _still_here(system):
        system.log(f"failover: not handed over: {reason}")


def leave_or_refuse(system: System) -> None:
    """Before the failover unit restarts here. Its successor has to watch its own lease for 1.1 ttl, and meanwhile a replica that
    lacks the last writes may take it. Raises Failed when there is one; without any, writes stand still for so long. A member
    that does not answer is taken for gone, or nobody could make it anew: behind a partition it may take nevertheless."""
    reason = _still_here(system)
    if reason and (follower := _follower(system)):
        raise Failed(
            f"failover: its unit is not restarted, because {follower} could then take over without the last writes: {reason}. "
            f"Try again when it has caught up (agent lease says lag_s), or: systemctl stop failover on {follower}"
        )
    if reason:
        system.log(f"failover: not handed over: {reason}")


def _still_here(system: System) -> str | None:
    """Why this server holds the lease although somebody else was to; None when it does not, or its unit is down anyway."""
    try:
        if not lease()["holds"]:
            return None
    except Failed as failed:
        system.log(f"failover: not handed over: {failed}")
        return None
    try:
        said = system.until(lambda: _handed_over(system), deadline_s=HAND_OVER_S, what="somebody to hand over to")
    except Failed as failed:
        return str(failed)
    system.log(f"failover: {said}")
    return None


def _handed_over(system: System) -> str:
    """Raises Failed while this server holds the lease. An attempt that was too slow for its asker may have succeeded since: asked
    again, the other server would hand it back."""
    return switchover(system, None) if lease()["holds"] else "another server is the primary"


def _follower(system: System) -> str | None:
    config = Config.load(system)
    peers = Peers(system, config, EXCHANGE_S)
    for name in config.others:
        try:
            if peers.status(name).source == config.server:
                return name
        except Failed:
            continue
    return None


def resign(system: System) -> str:
    """ExecStop= of handover.service: hand over before this server stops, as soon as there is somebody who has caught up."""
    config = Config.load(system)
    return Peers(system, config, EXCHANGE_S).post(config.server, "/resign", {}, timeout_s=RESIGN_S)["said"]


def promote(system: System, force: int | None) -> str:
    """Make this server the primary though the lease's own rules refuse it. Raises Failed saying what that would lose."""
    config, seen = Config.load(system), lease()
    record = seen["record"]
    if record is None:
        raise Failed("the lease's item is missing or not read yet; if it is lost: README.md, When something is lost")
    if seen["holds"]:
        return f"{config.server} is the primary already, epoch {record['epoch']}"
    if force != record["epoch"]:
        raise Failed(_price(config.server, record, seen))
    Peers(system, config, EXCHANGE_S).post(config.server, "/promote", {"epoch": force})
    end = time.monotonic() + PROMOTE_S
    while time.monotonic() < end:
        seen = lease()
        if seen["role"] == "primary":
            return f"{config.server} is the primary, epoch {seen['record']['epoch']}"
        time.sleep(0.2)
    holder = record["holder"]
    why = seen["alarm"] or f"{holder} still renews the lease; if its database is of no use: systemctl stop failover there"
    raise Failed(f"{config.server} is not the primary after {PROMOTE_S} s, but will be when it can in this epoch: {why}")


def _price(server: str, record: dict[str, Any], seen: dict[str, Any]) -> str:
    lacking = gtid.missing(record["gtid_executed"], seen["executed"])
    holder, age_s = record["holder"], seen["stood_still_s"]
    lost = [f"{gtid.count(lacking)} transactions that {holder} had published ({lacking})"] if lacking else []
    if holder != server:
        lost.append(f"what {holder} wrote since it published last, which is salvaged when that server comes back")
    alive = "" if age_s > record["ttl_s"] else ": a switchover, if one is possible, loses nothing"
    return (
        f"{holder} holds epoch {record['epoch']}, last renewed {age_s:.0f} s ago{alive}. "
        f"Promoting {server} loses {' and '.join(lost) or 'nothing'}. To do it: force={record['epoch']}"
    )
