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
    """Before MySQL or the failover unit restarts here: let writes go on elsewhere, if they go on here and somebody can."""
    try:
        if lease()["holds"]:
            said = system.until(lambda: switchover(system, None), deadline_s=HAND_OVER_S, what="somebody to hand over to")
            system.log(f"failover: {said}")
    except Failed as failed:
        system.log(f"failover: not handed over: {failed}")


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
    published = f"{gtid.count(lacking)} transactions that {record['holder']} had published ({lacking})"
    lost = published if lacking else "nothing published"
    if record["holder"] != server:
        lost += f", and whatever {record['holder']} wrote after that; it is salvaged when that server comes back"
    return (
        f"{record['holder']} holds epoch {record['epoch']}, last renewed {seen['stood_still_s']:.0f} s ago; promoting {server} "
        f"gives up {lost}. To do it: promote --force {record['epoch']}"
    )
