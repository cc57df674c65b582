"""`agent leave SECONDS`, `agent join`: this server out of rotation before something on it stops, and in again.

rotation.service and HAProxy's unit call them. Two kinds of callers have to move on: the load balancer in front, whose
health checks fail from here on, and the HAProxies, for which Nginx fails theirs while the flag exists.
"""

from __future__ import annotations

from .services import STATS_SOCKET
from .state import State
from .system import Failed, System

FLAG = "/run/distributed-web/drain"
MOVED_ON_S = 1.5  # until every HAProxy has seen two failed checks
ASKED_S = 2  # a HAProxy that hangs is out of rotation anyway
# A variable of HAProxy's own: while it is true, its health check fails and its answers close the connection.
LEAVING = "proc.leaving"


def leave(system: System, noticed_s: float) -> None:
    """Returns when nobody sends anything new. `noticed_s`: what the load balancer in front needs to notice.

    Everything goes on serving meanwhile. A server that is out already, or has no whole release yet, keeps nobody waiting.
    """
    if State.load(system).release is None:
        return
    if "value=<1>" in _haproxy(system, f"get var {LEAVING}"):
        return
    raise_flag(system)
    told = _haproxy(system, f"experimental-mode on; set var {LEAVING} bool(true)")
    system.sleep(MOVED_ON_S if told else noticed_s)


def join(system: System) -> None:
    lower_flag(system)
    _haproxy(system, f"experimental-mode on; set var {LEAVING} bool(false)")


def raise_flag(system: System) -> None:
    flag = system.path(FLAG)
    flag.parent.mkdir(parents=True, exist_ok=True)
    flag.touch()


def lower_flag(system: System) -> None:
    system.path(FLAG).unlink(missing_ok=True)


def _haproxy(system: System, commands: str) -> str:
    """What HAProxy says on its admin socket (management guide, 9.3): nothing when it has obeyed, or why it has not."""
    try:
        return system.ask(STATS_SOCKET, f"{commands}\n", timeout_s=ASKED_S).strip()
    except Failed as failed:
        system.log(f"rotation: {failed}")
        return str(failed)
