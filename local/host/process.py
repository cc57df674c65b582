"""Processes that outlive whoever started them (package proxy, DNS, balancer): started, found again, stopped by name.

Each has a control group `<instance>/<name>`, a pid file `run/<name>.pid` and a log `log/<name>.log`. A pid is believed
only when the process started at the recorded time (field 22 of proc_pid_stat(5)): numbers are used again.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.host.cgroup import HELPER_WEIGHT, Cgroup
from local.instance import Instance


class Process:
    def __init__(self, instance: Instance, name: str):
        self.name = name
        self.pidfile = instance.run / f"{name}.pid"
        self.log = instance.log / f"{name}.log"
        self.cgroup = Cgroup(instance.id, name)

    def start(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        netns: str | None = None,
    ) -> int:
        """Start it in the background unless it runs; returns its pid. Output goes to the log, which is appended to.

        `netns`: the name of the network namespace (ip-netns(8)) to run it in. `pass_fds` are inherited by it.
        """
        if pid := self.pid():
            return pid
        self.stop()  # what may be left of one that was killed
        self.cgroup.create(weight=HELPER_WEIGHT)
        inside = ["nsenter", f"--net=/run/netns/{netns}", "--"] if netns else []
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                self.cgroup.entering(*inside, *command),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=pass_fds,
                start_new_session=True,
            )
        draft = self.pidfile.with_suffix(".new")
        draft.write_text(f"{child.pid} {start_time(child.pid)}")
        draft.replace(self.pidfile)
        return child.pid

    def pid(self) -> int | None:
        """Its pid while it runs, whoever started it."""
        try:
            pid, started = map(int, self.pidfile.read_text().split())
        except (OSError, ValueError):
            return None
        return pid if start_time(pid) == started else None

    def signal(self, number: signal.Signals) -> None:
        if pid := self.pid():
            os.kill(pid, number)

    def stop(self, deadline_s: float = 5) -> None:
        """SIGTERM, and SIGKILL for whatever is left in its group at the deadline. Leaves no pid file and no group."""
        if pid := self.pid():
            os.kill(pid, signal.SIGTERM)
            end = time.monotonic() + deadline_s
            while self.cgroup.populated() and time.monotonic() < end:
                start_time(pid)
                time.sleep(0.01)
        self.cgroup.kill()
        self.cgroup.remove()
        self.pidfile.unlink(missing_ok=True)

    def last_words(self, lines: int = 5) -> str:
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""


def start_time(pid: int) -> int | None:
    """When a living process started, in clock ticks since boot; None: it is gone (a dead child of ours is reaped)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    if fields[0] in "ZX":
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        return None
    return int(fields[19])
