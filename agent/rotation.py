"""`agent stay SECONDS`, `agent leave SECONDS`, `agent join SECONDS`: this server out of rotation before something on it stops,
and in again.

rotation.service and HAProxy's unit call them. Three kinds of callers have to move on: the load balancer in front, whose
health checks HAProxy fails from here on; the HAProxies, which Nginx tells so by a 404; and the readers of a replica.
"""

from __future__ import annotations

import csv

from . import operator
from .member.switchover import LAG_S
from .server import Server
from .services import STATS_SOCKET
from .state import State
from .system import Failed, System

DRAIN = "/run/distributed-web/drain"  # while it exists Nginx answers their checks with 404: nothing new, please
LEAVING = "/run/distributed-web/leaving"  # and while this one does, its replica is nobody's
BOOTING = "/run/distributed-web/booting"  # the same from boot until `join` (tmpfiles.conf.j2)
MOVED_ON_S = 1.5  # until every HAProxy has asked and been told
ASKED_S = 2  # a HAProxy that hangs is out of rotation anyway


def stay(system: System, at_most_s: float) -> None:
    """Before a web server leaves: returns when another one serves, or after `at_most_s`. One that is being replaced may not be
    there yet, and a site of servers that have all left serves nobody."""
    if leaves(system) or State.load(system).release is None:
        return
    try:
        system.until(lambda: _may_go(system), deadline_s=at_most_s, what="rotation: another web server")
    except Failed as failed:
        system.log(str(failed))


def leave(system: System, noticed_s: float) -> None:
    """Returns when nobody sends anything new. `noticed_s`: what the load balancer in front needs to notice.

    Everything goes on serving meanwhile. A server that is out already, or has no whole release yet, keeps nobody waiting.
    """
    if leaves(system) or State.load(system).release is None:
        return
    for flag in (DRAIN, LEAVING):
        raise_flag(system, flag)
    system.sleep(noticed_s if _haproxy_knows(system, leaving=True) else MOVED_ON_S)


def join(system: System, at_most_s: float) -> None:
    """A server that has booted joins when its database has caught up, after `at_most_s` anyway: visitors then, and not before,
    take from it what it needs for that."""
    if system.path(BOOTING).exists():
        try:
            system.until(_has_caught_up, deadline_s=at_most_s, what="rotation: a database that has caught up")
        except Failed as failed:
            system.log(str(failed))
    for flag in (DRAIN, LEAVING, BOOTING):
        lower_flag(system, flag)
    _haproxy_knows(system, leaving=False)


def leaves(system: System) -> bool:
    return system.path(LEAVING).exists()


def raise_flag(system: System, flag: str) -> None:
    path = system.path(flag)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def lower_flag(system: System, flag: str) -> None:
    system.path(flag).unlink(missing_ok=True)


def _has_caught_up() -> bool:
    """A primary, or a replica that a switchover would be given to."""
    try:
        known = operator.lease()
    except Failed:
        return False
    lag_s = known["lag_s"]
    return known["role"] == "primary" or (known["complete"] and lag_s is not None and lag_s <= LAG_S)


def _may_go(system: System) -> bool:
    """Whether HAProxy has another web server to ask, or this is none; also when HAProxy, which brings them here, is silent."""
    try:
        answer = system.ask(STATS_SOCKET, "show stat web_ready 4 -1\n", timeout_s=ASKED_S)
    except Failed as failed:
        system.log(f"rotation: {failed}")
        return True
    # CSV with a title line (management guide, 9.1): of the servers of this backend alone.
    states = {row["svname"]: row["status"] for row in csv.DictReader(answer.removeprefix("# ").splitlines())}
    own = states.pop(Server.load(system).server, None)
    return own is None or any(state.startswith("UP") for state in states.values())


def _haproxy_knows(system: System, *, leaving: bool) -> bool:
    """HAProxy says nothing when it has obeyed, else why it has not (management guide, 9.3, "set var")."""
    command = f"experimental-mode on; set var proc.leaving bool({str(leaving).lower()})\n"
    try:
        answer = system.ask(STATS_SOCKET, command, timeout_s=ASKED_S).strip()
    except Failed as failed:
        answer = str(failed)
    if answer:
        system.log(f"rotation: {answer}")
    return not answer
