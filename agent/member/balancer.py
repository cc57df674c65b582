"""This server's own HAProxy as the way to the primary: told at once what its checks would find out half a second later.

HAProxy management guide, 9.3: "set maxconn frontend", "set server".
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from ..services import STATS_SOCKET
from ..system import Failed, System

FRONTEND, BACKEND = "mysql_write", "mysql_primary"  # cloud_init/templates/haproxy.cfg.j2
MAXCONN = 2000  # of the frontend there
PAUSE_S = 3.0  # a pause that nobody ends
DEADLINE_S = 0.2


class LocalBalancer:
    def __init__(self, system: System) -> None:
        self._system = system
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def pause(self) -> None:
        """New writers wait in the listener's queue instead of failing, until `resume` or PAUSE_S."""
        self._command(f"set maxconn frontend {FRONTEND} 0")
        self._arm(threading.Timer(PAUSE_S, self.resume))

    def resume(self) -> None:
        self._arm(None)
        self._command(f"set maxconn frontend {FRONTEND} {MAXCONN}")

    def lead(self, leader: str | None, members: Iterable[str]) -> None:
        """Writers go to `leader` from now on, None: to nobody, until the checks say otherwise.

        With a leader, sessions to the others live until a check ends them, a second after a handover: a write that has just gone
        there is still told that MySQL is read-only, and the application tries it elsewhere; of one whose session ends nobody
        knows whether it was done.
        """
        for name in members:
            health = "up" if name == leader else "stopping" if leader else "down"
            self._command(f"set server {BACKEND}/{name} health {health}")

    def _arm(self, timer: threading.Timer | None) -> None:
        with self._lock:
            if self._timer:
                self._timer.cancel()
            self._timer = timer
            if timer:
                timer.daemon = True
                timer.start()

    def _command(self, text: str) -> None:
        """Best effort: HAProxy may be restarting, and its checks do the same a little later."""
        try:
            self._system.ask(STATS_SOCKET, f"{text}\n", timeout_s=DEADLINE_S)
        except Failed as failed:
            self._system.log(f"balancer: {failed}")
