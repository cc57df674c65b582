"""What operators do, planned or after a loss: a switchover, a server made anew, another instance type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from drills.faults import Fault, FaultFailed, command, wait
from drills.faults.power import OFF_S, PowerCut, described, state, switch_off, volumes_of
from drills.server import Server
from drills.site import Site
from local.host import priority

AGENT = "/usr/bin/python3 /var/lib/distributed-web/current/agent.pyz"
SWITCHOVER = f"{AGENT} switchover"  # as the verbs of the same names run them
PROMOTE = f"{AGENT} promote"
INSTANCES = "**$aws:ec2/instance:Instance::**"  # their URNs, as pulumi-up(1) matches them
OTHER_TYPE = {"t3.small": "t3.medium", "t3.medium": "t3.small"}


@dataclass(frozen=True, kw_only=True)
class Switchover(Fault):
    """The primary hands over to its replica."""

    def begin(self, site: Site, server: Server) -> None:
        command(server, SWITCHOVER)


@dataclass(frozen=True, kw_only=True)
class LostForGood(PowerCut):
    """The power is cut, and neither the machine nor its data volume ever comes back: `make up` makes both anew."""

    undone: ClassVar[str] = "make up builds it anew, with an empty volume"

    def end(self, site: Site, server: Server) -> None:
        switch_off(site, server)
        lost = volumes_of(site, server)
        site.ec2.terminate_instances(InstanceIds=[server.instance_id])
        wait(lambda: state(site, server) == "terminated", OFF_S, f"{server.name} to be gone")
        for volume_id in lost:
            site.ec2.delete_volume(VolumeId=volume_id)
        update(site)
        site.look_again()


@dataclass(frozen=True, kw_only=True)
class TypeChange(Fault):
    """Both web servers get another instance type in one update, and their own back in another one."""

    undone: ClassVar[str] = "the former type is set again"

    def begin(self, site: Site, server: Server) -> None:
        before = described(site, server)["InstanceType"]
        if before not in OTHER_TYPE:
            raise FaultFailed(f"servers.web_type is {before}; this drill knows {', '.join(OTHER_TYPE)}")
        update(site, {"servers": {"web_type": OTHER_TYPE[before]}})
        if kept := [one.name for one in site.databases if described(site, one)["InstanceType"] == before]:
            raise FaultFailed(f"the update left {', '.join(kept)} a {before}")

    def end(self, site: Site, server: Server) -> None:
        update(site)


@dataclass(frozen=True, kw_only=True)
class Replacement(Fault):
    """All servers are made anew in one update; their data volumes stay."""

    def begin(self, site: Site, server: Server) -> None:
        before = {one.instance_id for one in site.servers.values()}
        update(site, None, "--replace", INSTANCES)
        site.look_again()
        if kept := [one.name for one in site.servers.values() if one.instance_id in before]:
            raise FaultFailed(f"the update replaced no {', '.join(kept)}")


def update(site: Site, settings: Mapping[str, Mapping[str, object]] | None = None, *options: str) -> None:
    """What `make up` does to the stack, with these settings besides those of its file, which stays as it is."""
    stack = replace(site.stack, overrides={**site.stack.overrides, **(settings or {})})
    with priority.last():  # operators have a computer of their own
        done = stack.pulumi("up", "--yes", "--skip-preview", "--refresh", *options, capture=True)
    if done.returncode:
        raise FaultFailed(f"pulumi up failed: {(done.stdout + done.stderr).strip()[-2000:]}")
