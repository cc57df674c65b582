"""mysqld as a process of this server: whether it lives, is stopped or starting, its SIGKILL confirmed by a pidfd. No SQL."""

from __future__ import annotations

import os
import select
import signal
import time

from ..system import Failed, System

UNIT = "mysql"
PID_FILE = "/run/mysqld/mysqld.pid"
COMMAND_S = 5


class Mysqld:
    def __init__(self, system: System) -> None:
        self._system = system

    def pid(self) -> int | None:
        """Of the mysqld that serves, or did until just now."""
        try:
            pid = int(self._system.path(PID_FILE).read_text())
            command = self._system.path(f"/proc/{pid}/comm").read_text().strip()
        except (OSError, ValueError):
            return None
        return pid if command == "mysqld" else None

    def _main_pid(self) -> int | None:
        """As systemd knows it: slower, and true also when the file is missing. Nobody is to be taken for dead for want of it."""
        shown = self._system.attempt("systemctl", "show", "--property=MainPID", "--value", UNIT, timeout_s=COMMAND_S).stdout
        return int(shown) if shown.strip().isdigit() and int(shown) > 0 else None

    def is_stopped(self) -> bool:
        """By SIGSTOP or a debugger (proc(5), state T or t): it would go on one day as if nothing had happened."""
        pid = self.pid()
        try:
            return pid is not None and self._system.path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "Tt"
        except OSError:
            return False

    def is_closed_by_itself(self) -> bool:
        """Not running, or still starting: it becomes read-only by its configuration, and nobody could order anything else yet."""
        state = self._system.attempt("systemctl", "show", "--property=ActiveState", "--value", UNIT, timeout_s=COMMAND_S).stdout
        return state.strip() in ("activating", "inactive", "failed")

    def kill(self, deadline_s: float) -> None:
        """SIGKILL, and wait until it is gone. Raises Failed when it is not within `deadline_s` (uninterruptible sleep)."""
        pid = self.pid() or self._main_pid()
        if pid is None:
            return
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            if not select.select([descriptor], [], [], deadline_s)[0]:
                raise Failed(f"mysqld {pid} is not gone {deadline_s:.2f} s after SIGKILL: it sleeps on its volume")
        except ProcessLookupError:
            pass
        finally:
            os.close(descriptor)

    def start(self, *, if_in: tuple[str, ...] = ("failed", "inactive")) -> None:
        """Start it when systemd has given up on it or was told to stop it; systemd itself restarts one that died."""
        state = self._system.attempt("systemctl", "is-active", UNIT, timeout_s=COMMAND_S).stdout.strip()
        if state in if_in:
            self._system.attempt("systemctl", "reset-failed", UNIT, timeout_s=COMMAND_S)
            self._system.attempt("systemctl", "start", "--no-block", UNIT, timeout_s=COMMAND_S)


def boottime() -> float:
    """Seconds of CLOCK_BOOTTIME: goes on while the machine sleeps (clock_gettime(2))."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
