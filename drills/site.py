"""The running local site as drills see it: its servers, who has which role, whether it is well, what is in its database."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import pymysql

from drills.figures import CAUGHT_UP_S
from drills.http import Door
from drills.server import Server
from local import show
from local.host import machine, reader
from local.host.balancer import Balancer
from local.host.desired import Interface
from local.host.firewall import port_name
from local.instance import Instance
from local.stack import Stack

PAUSE_S = 65  # after an automatic failover there is no second one for 60 s
BALANCER, ACTIVE, PRIMARY, REPLICA = "the balancer", "the active web server", "the primary", "the replica"


class NotWell(Exception):
    """The site is not whole at a deadline; the text lists what is wrong."""


class Site:
    def __init__(self, instance: Instance, outputs: Mapping[str, str], stack: Stack | None = None) -> None:
        """`outputs` of the stack: url, certificate, salvage. `stack`: for the drills that change it."""
        self.instance = instance
        self.outputs = outputs
        self.stack = stack
        self.ec2 = instance.client("ec2")
        self.balancer = Balancer(instance, str)  # asked only; it needs no certificates
        url = urlsplit(outputs["url"])
        self.door = Door(host=url.hostname, port=url.port or 443, certificate=outputs["certificate"])
        self.api = reader.Api(instance)
        self.servers: dict[str, Server] = {}
        self.look_again()

    def look_again(self) -> None:
        """A server that was replaced is another instance."""
        instances = {name: described["InstanceId"] for name, described in show.running_instances(self.instance).items()}
        if instances == {name: server.instance_id for name, server in self.servers.items()}:
            return
        interfaces = {interface.owner: interface for interface in reader.read(self.api).interfaces}
        found = sorted(instances.items())
        self.servers = {name: self.server(name, interfaces[owner]) for name, owner in found if owner in interfaces}

    def server(self, name: str, interface: Interface) -> Server:
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
        """A server by its name or by what it is now. Raises NotWell when nobody is."""
        if name == BALANCER:
            return self.servers["lb"]
        if name == ACTIVE:
            return self.databases[0]  # the first one answers while it can
        if name in (PRIMARY, REPLICA):
            return self.in_role(name)
        return self.servers[name]

    def in_role(self, name: str) -> Server:
        said = [(server, server.role().get("role", "nothing")) for server in self.databases]
        for server, role in said:
            if role == name.removeprefix("the "):
                return server
        heard = ", ".join(f"{server.name} says {role}" for server, role in said)
        raise NotWell(f"no server says that it is {name}: {heard or 'there is none with a database'}")

    # -- is it well? --------------------------------------------------------------------------------------------------

    def complaints(self) -> list[str]:
        """What is not as it should be; nothing when the site is whole."""
        found = [f"{name} does not exist; see: make up" for name in self.outputs["servers"] if name not in self.servers]
        found += [f"{name}: {text}" for name, server in self.servers.items() if (text := ill(server))]
        said = {server.name: server.role() for server in self.databases}
        roles = [answer.get("role") for answer in said.values()]
        found += [
            f"{roles.count(role)} servers say that they are the {role}"
            for role in ("primary", "replica")
            if roles.count(role) != 1
        ]
        lags = {name: answer.get("lag_s") or 0 for name, answer in said.items()}  # nothing is handed to who is behind
        found += [f"{name} is {lag:.0f} s behind" for name, lag in lags.items() if lag > CAUGHT_UP_S]
        found += [f"{server.name}: {text}" for server in self.databases if (text := acknowledges_alone(server.lease()))]
        return found + [f"{name} is {state} for the front door" for name, state in self.targets() if state != "healthy"]

    def wait_until_well(self, deadline_s: float) -> None:
        """Raises NotWell."""
        end = time.monotonic() + deadline_s
        while complaints := self.complaints():
            if time.monotonic() > end:
                raise NotWell(f"not well within {deadline_s:.0f} s: {'; '.join(complaints)}")
            time.sleep(0.25)

    def wait_for_pause(self) -> None:
        """Until the next failover may happen by itself: the pause after the last one counts by the lease's renewals."""
        record = self.named(PRIMARY).lease().get("record")
        if record and record.get("failover", True):
            time.sleep(max(0.0, PAUSE_S - record["counter"] * record["ttl_s"] / 5))

    def commits_wait(self) -> bool:
        """Whether the primary is to acknowledge no write that its replica does not have: semi-synchronous replication."""
        return bool(self.named(PRIMARY).lease().get("semi_sync_wanted"))

    def targets(self) -> list[tuple[str, str]]:
        """(server, healthy or unhealthy) for each target of the front door, as its data plane has found by its health checks.

        A machine that is off is one too.
        """
        names = {server.address: name for name, server in self.servers.items()}
        found = []
        for (_, target), status in self.balancer.statuses().items():
            address = target.partition(":")[0]
            if address in names and status != "no check":
                found.append((names[address], "healthy" if status.startswith("UP") else "unhealthy"))
        return found

    def notes(self, prefix: str) -> set[str]:
        """The texts that begin with `prefix`, on the primary; when there is none, on whichever database has most of them."""
        try:
            return self.notes_of(self.named(PRIMARY), prefix)
        except NotWell:
            found = [set()]
            for server in self.databases:
                with contextlib.suppress(pymysql.MySQLError, OSError):
                    found.append(self.notes_of(server, prefix))
            return max(found, key=len)

    def notes_of(self, server: Server, prefix: str) -> set[str]:
        return {text for (text,) in server.query(f"SELECT text FROM `{self.schema(server)}`.notes WHERE text LIKE '{prefix}%'")}

    def schema(self, server: Server) -> str:
        """The application's, as this server's MySQL has it."""
        [(schema,)] = server.query("SELECT table_schema FROM information_schema.tables WHERE table_name = 'notes'")
        return schema


def acknowledges_alone(lease: Mapping[str, object]) -> str:
    if lease.get("role") == "primary" and lease.get("semi_sync_wanted") and not lease.get("semi_sync"):
        return "acknowledges what its replica has not got, although replication is to be semi-synchronous"
    return ""


def ill(server: Server) -> str:
    report = server.health()
    if not report:
        return "its agent is silent"
    return ", ".join(f"{check} {said}" for check, said in report.get("checks", {}).items() if said is not True)
