"""What a drill does to the site: each fault begins at an instant and can be undone. `server` is a name or a role.

`heal` undoes whatever any fault may have left, also one whose drill was killed; it is safe to repeat.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from drills import network
from drills.site import Server, Site
from local.host.desired import API_ADDRESS

UNITS = ("agent", "app", "haproxy", "mysql", "nginx")
FILLER = "var/lib/mysql/drill.filler"
OFF_S, ON_S = 150, 30


class Fault(Protocol):
    server: str

    def begin(self, site: Site, server: Server) -> None: ...

    def end(self, site: Site, server: Server) -> None:
        """Undo it. A fault that the servers mend by themselves has nothing to undo."""


@dataclass(frozen=True, kw_only=True)
class PowerCut:
    """Everything of the machine ends at once, and no packet of it says goodbye."""

    server: str

    def begin(self, site: Site, server: Server) -> None:
        # The wire first: a killed process's sockets would send their FINs, which a machine without power does not.
        network.unplug(server.router, server.port)
        server.machine.cut()

    def end(self, site: Site, server: Server) -> None:
        switch_on(site, server)


@dataclass(frozen=True, kw_only=True)
class Stop:
    """A planned stop through EC2's API, as before a change of the instance type."""

    server: str

    def begin(self, site: Site, server: Server) -> None:
        site.ec2.stop_instances(InstanceIds=[server.instance_id])

    def end(self, site: Site, server: Server) -> None:
        switch_on(site, server)


@dataclass(frozen=True, kw_only=True)
class Kill:
    """kill -9 of every process of a service; systemd starts it again."""

    server: str
    unit: str

    def begin(self, site: Site, server: Server) -> None:
        send(server, self.unit, signal.SIGKILL)

    def end(self, site: Site, server: Server) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class Hang:
    """SIGSTOP of every process of a service: its ports take connections and never answer."""

    server: str
    unit: str

    def begin(self, site: Site, server: Server) -> None:
        send(server, self.unit, signal.SIGSTOP)

    def end(self, site: Site, server: Server) -> None:
        send(server, self.unit, signal.SIGCONT)


@dataclass(frozen=True, kw_only=True)
class ReloadBalancer:
    """HAProxy takes its configuration up again, exactly as a release makes it do."""

    server: str

    def begin(self, site: Site, server: Server) -> None:
        reload = "from agent.services import HAPROXY; from agent.system import System; HAPROXY.reload(System())"
        script = f'PYTHONPATH=/var/lib/distributed-web/current/agent.pyz python3 -c "{reload}"'
        result = server.machine.run(script, timeout_s=30)
        if result.exit_code:
            raise OSError(f"{server.name}: HAProxy was not reloaded: {result.stderr.strip()}")

    def end(self, site: Site, server: Server) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class LinkDown:
    server: str

    def begin(self, site: Site, server: Server) -> None:
        network.unplug(server.router, server.port)

    def end(self, site: Site, server: Server) -> None:
        network.plug(server.router, server.port)


@dataclass(frozen=True, kw_only=True)
class Partition:
    """No packet between the server and `peers`: names or roles, "the lease store", or nobody named for everyone."""

    server: str
    peers: tuple[str, ...] = ()

    def begin(self, site: Site, server: Server) -> None:
        addresses = [API_ADDRESS if peer == "the lease store" else site.named(peer).address for peer in self.peers]
        network.impose(server.router, network.severed(server.address, addresses))

    def end(self, site: Site, server: Server) -> None:
        network.relieve(server.router)


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A share of the server's packets is lost, by chance."""

    server: str
    percent: int

    def begin(self, site: Site, server: Server) -> None:
        network.impose(server.router, network.lossy(server.address, self.percent))

    def end(self, site: Site, server: Server) -> None:
        network.relieve(server.router)


@dataclass(frozen=True, kw_only=True)
class DiskFull:
    """Not one free block is left on the data volume."""

    server: str

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
        (server.root / FILLER).unlink(missing_ok=True)


def send(server: Server, unit: str, number: signal.Signals) -> None:
    for pid in server.pids(unit):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def switch_on(site: Site, server: Server) -> None:
    """Starts the instance once EC2 has noticed that it is off. The wire last: a machine without power answers nobody."""
    wait(lambda: state(site, server) in ("stopped", "running"), OFF_S, f"EC2 to see {server.name} stopped")
    if state(site, server) == "stopped":
        site.ec2.start_instances(InstanceIds=[server.instance_id])
    wait(lambda: server.machine.leader_pid() is not None, ON_S, f"{server.name} to boot")
    network.plug(server.router, server.port)


def state(site: Site, server: Server) -> str:
    [reservation] = site.ec2.describe_instances(InstanceIds=[server.instance_id])["Reservations"]
    return reservation["Instances"][0]["State"]["Name"]


def wait(condition: Callable[[], bool], deadline_s: float, what: str) -> None:
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {deadline_s:.0f} s for {what}")
        time.sleep(0.1)


def heal(site: Site) -> None:
    """No fault of any drill is left afterwards."""
    for server in site.servers.values():
        network.relieve(server.router)
        if server.machine.leader_pid() is None or state(site, server) != "running":
            switch_on(site, server)
        network.plug(server.router, server.port)
        for unit in UNITS:
            send(server, unit, signal.SIGCONT)
        with contextlib.suppress(OSError):
            (server.root / FILLER).unlink(missing_ok=True)
