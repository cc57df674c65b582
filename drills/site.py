"""The running local site as drills see it: its servers, who has which role, whether it is well, what is in its database.

Asked from outside the machines: an agent through a socket made in its machine's network namespace, MySQL through its local
socket below /proc/<pid>/root. So a question starts nothing inside, and a machine that hangs holds nobody.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pymysql

from drills.http import Door
from local import show
from local.host import machine, namespaces, reader
from local.host.balancer import Balancer
from local.host.firewall import port_name
from local.host.machine import Machine
from local.instance import Instance

AGENT_PORT = 9200
LOCAL_S = 0.5  # for an answer from inside a machine
BALANCER, ACTIVE, PRIMARY, REPLICA = "the balancer", "the active web server", "the primary", "the replica"


class NotWell(Exception):
    """The site is not whole at a deadline; the text lists what is wrong."""


@dataclass(frozen=True, kw_only=True)
class Server:
    name: str
    address: str
    machine: Machine
    netns: str
    router: str  # the VPC's namespace
    port: str  # where the machine is plugged in, there

    @property
    def instance_id(self) -> str:
        return self.machine.spec.instance_id

    @property
    def root(self) -> Path:
        """Of its file system, as this computer sees it. OSError: it does not run."""
        if leader := self.machine.leader_pid():
            return Path(f"/proc/{leader}/root")
        raise OSError(f"{self.name} does not run")

    def pids(self, unit: str) -> list[int]:
        """The processes of a systemd service in it, as this computer numbers them."""
        groups = self.machine.cgroup.unified.glob(f"**/{unit}.service/**/cgroup.procs")
        return [int(pid) for procs in groups for pid in procs.read_text().split()]

    def agent(self, path: str) -> dict:
        """What its agent says, good or bad; empty when it does not answer."""
        try:
            with self.connected(AGENT_PORT) as connection:
                connection.request("GET", path)
                return json.loads(connection.getresponse().read())
        except (OSError, namespaces.NetworkError, http.client.HTTPException, ValueError):
            return {}

    @contextlib.contextmanager
    def connected(self, port: int) -> Iterator[http.client.HTTPConnection]:
        """To a port on the machine's own loopback."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LOCAL_S)
        connection.sock = namespaces.inside(self.netns, lambda: socket.create_connection(("127.0.0.1", port), LOCAL_S))
        with contextlib.closing(connection):
            yield connection

    def mysql(self, timeout_s: float = LOCAL_S) -> pymysql.Connection:
        """As root on the local socket. OSError or pymysql.MySQLError: it does not let us in."""
        return pymysql.connect(
            unix_socket=str(self.root / "run/mysqld/mysqld.sock"),
            user="root",
            autocommit=True,
            connect_timeout=timeout_s,
            read_timeout=timeout_s,
            write_timeout=timeout_s,
        )

    def query(self, sql: str, timeout_s: float = 30) -> list[tuple]:
        with self.mysql(timeout_s) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())


class Site:
    def __init__(self, instance: Instance, outputs: Mapping[str, str]) -> None:
        """`outputs` of the stack: url and certificate."""
        self.instance = instance
        self.ec2 = instance.client("ec2")
        self.balancer = Balancer(instance, str)  # asked only; it needs no certificates
        url = urlsplit(outputs["url"])
        self.door = Door(host=url.hostname, port=url.port or 443, certificate=outputs["certificate"])
        desired = reader.read(reader.Api(instance))
        interfaces = {interface.owner: interface for interface in desired.interfaces}
        self.servers = {
            name: self.server(name, interfaces[described["InstanceId"]])
            for name, described in sorted(show.running_instances(instance).items())
        }

    def server(self, name: str, interface) -> Server:
        return Server(
            name=name,
            address=interface.address,
            machine=machine.found(self.instance, interface.owner),
            netns=f"{self.instance.id}-{interface.owner}",
            router=f"{self.instance.id}-{interface.vpc_id}",
            port=port_name(interface),
        )

    @property
    def databases(self) -> list[Server]:
        return [server for name, server in self.servers.items() if name.startswith("web-")]

    def named(self, name: str) -> Server:
        """A server by its name or by what it is now."""
        if name == BALANCER:
            return self.servers["lb"]
        if name == ACTIVE:
            return self.databases[0]  # the first one answers while it can
        if name in (PRIMARY, REPLICA):
            role = name.removeprefix("the ")
            return next(server for server in self.databases if server.agent("/replica").get("role") == role)
        return self.servers[name]

    # -- is it well? --------------------------------------------------------------------------------------------------

    def complaints(self) -> list[str]:
        """What is not as it should be; nothing when the site is whole."""
        found = [f"{name}: {text}" for name, server in self.servers.items() if (text := ill(server))]
        for role, path in (("primary", "/primary"), ("replica", "/replica")):
            count = sum(server.agent(path).get("role") == role for server in self.databases)
            if count != 1:
                found.append(f"{count} servers say that they are the {role}")
        return found + [f"{name} is {state} for the front door" for name, state in self.targets() if state != "healthy"]

    def wait_until_well(self, deadline_s: float) -> None:
        """Raises NotWell."""
        end = time.monotonic() + deadline_s
        while complaints := self.complaints():
            if time.monotonic() > end:
                raise NotWell(f"not well within {deadline_s:.0f} s: {'; '.join(complaints)}")
            time.sleep(0.25)

    def targets(self) -> list[tuple[str, str]]:
        """(server, healthy or unhealthy) for each target of the front door, as its data plane has found by its health checks.

        EC2's API knows at once that a machine here is off, and ELBv2's says so; the NLB of a real power cut has its checks only.
        """
        names = {server.instance_id: name for name, server in self.servers.items()}
        found = []
        for (_, target), status in self.balancer.statuses().items():
            instance_id = target.partition(":")[0]
            if instance_id in names and status != "no check":
                found.append((names[instance_id], "healthy" if status.startswith("UP") else "unhealthy"))
        return found

    def notes(self, prefix: str) -> set[str]:
        """The texts that begin with `prefix`, on the primary."""
        primary = self.named(PRIMARY)
        [(schema,)] = primary.query("SELECT table_schema FROM information_schema.tables WHERE table_name = 'notes'")
        return {text for (text,) in primary.query(f"SELECT text FROM `{schema}`.notes WHERE text LIKE '{prefix}%'")}


def ill(server: Server) -> str:
    report = server.agent("/health")
    if not report:
        return "its agent is silent"
    return ", ".join(f"{check} {said}" for check, said in report.get("checks", {}).items() if said is not True)
