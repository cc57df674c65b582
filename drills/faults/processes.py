"""Faults of one service on a server: killed, hung, reloaded; and a data volume without a free block."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from typing import ClassVar

from drills.faults import Fault, FaultFailed, command
from drills.server import Server
from drills.site import Site

UNITS = ("agent", "app", "failover", "haproxy", "mysql", "nginx")
FILLER = "var/lib/mysql/drill.filler"
# While it exists, mysql.service does not start. The last of its drop-ins: the project's own empties the list that this adds to.
NO_START = "run/systemd/system/mysql.service.d/zz-drill.conf"
RELOAD = "from agent.services import HAPROXY; from agent.system import System; HAPROXY.reload(System())"


@dataclass(frozen=True, kw_only=True)
class Kill(Fault):
    """kill -9 of every process of a service; systemd starts it again."""

    unit: str

    def begin(self, site: Site, server: Server) -> None:
        if not send(server, self.unit, signal.SIGKILL):
            raise FaultFailed(f"{server.name} has no running {self.unit}.service")


@dataclass(frozen=True, kw_only=True)
class Hang(Fault):
    """SIGSTOP of every process of a service: its ports take connections and never answer."""

    unit: str
    undone: ClassVar[str] = "it goes on"

    def begin(self, site: Site, server: Server) -> None:
        if not send(server, self.unit, signal.SIGSTOP):
            raise FaultFailed(f"{server.name} has no running {self.unit}.service")

    def end(self, site: Site, server: Server) -> None:
        send(server, self.unit, signal.SIGCONT)


@dataclass(frozen=True, kw_only=True)
class ReloadBalancer(Fault):
    """HAProxy takes its configuration up again, exactly as a release makes it do."""

    def begin(self, site: Site, server: Server) -> None:
        command(server, f'PYTHONPATH=/var/lib/distributed-web/current/agent.pyz python3 -c "{RELOAD}"', timeout_s=30)


@dataclass(frozen=True, kw_only=True)
class StaysDead(Kill):
    """kill -9 of mysqld, which does not start again."""

    unit: str = "mysql"
    undone: ClassVar[str] = "mysqld is started"

    def begin(self, site: Site, server: Server) -> None:
        path = server.root / NO_START
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("[Service]\nExecStartPre=/bin/false\n")
        command(server, "systemctl daemon-reload")
        super().begin(site, server)

    def end(self, site: Site, server: Server) -> None:
        thaw(server)


@dataclass(frozen=True, kw_only=True)
class DiskFull(Fault):
    """Not one free block is left on the data volume."""

    undone: ClassVar[str] = "there is room again"

    def begin(self, site: Site, server: Server) -> None:
        descriptor = os.open(server.root / FILLER, os.O_WRONLY | os.O_CREAT)
        try:
            free = os.fstatvfs(descriptor)
            with contextlib.suppress(OSError):  # another took a block meanwhile
                os.posix_fallocate(descriptor, 0, free.f_bavail * free.f_frsize)
            os.lseek(descriptor, 0, os.SEEK_END)
            with contextlib.suppress(OSError):  # until there is none
                while os.write(descriptor, bytes(4096)):
                    pass
        finally:
            os.close(descriptor)

    def end(self, site: Site, server: Server) -> None:
        make_room(server)


def thaw(server: Server) -> None:
    """Its mysqld starts, and does."""
    (server.root / NO_START).unlink(missing_ok=True)
    start = "systemctl reset-failed mysql; systemctl start mysql"
    command(server, f"systemctl is-active --quiet mysql || {{ systemctl daemon-reload; {start}; }}")


def make_room(server: Server) -> None:
    (server.root / FILLER).unlink(missing_ok=True)


def send(server: Server, unit: str, number: signal.Signals) -> int:
    """To every process of a service; how many there are."""
    pids = server.pids(unit)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    return len(pids)
