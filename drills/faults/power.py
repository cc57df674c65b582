"""Faults of whole machines: the power goes, a planned stop, a disk that is empty when the power returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from drills.faults import Fault, wait
from drills.server import Server
from drills.site import Site
from local.host import volumes

OFF_S, ON_S = 150, 30


@dataclass(frozen=True, kw_only=True)
class PowerCut(Fault):
    """Everything of the machine ends at once, and no packet of it says goodbye."""

    undone: ClassVar[str] = "the power returns"

    def begin(self, site: Site, server: Server) -> None:
        server.machine.cut()

    def end(self, site: Site, server: Server) -> None:
        switch_on(site, server)


@dataclass(frozen=True, kw_only=True)
class PowerCutAndEmptyVolume(PowerCut):
    """And when the power returns, there is nothing on its data volume, not even a file system."""

    undone: ClassVar[str] = "the power returns, to an empty volume"

    def end(self, site: Site, server: Server) -> None:
        switch_off(site, server)
        empty(site, server)
        switch_on(site, server)


@dataclass(frozen=True, kw_only=True)
class Stop(Fault):
    """A planned stop through EC2's API, as before a change of the instance type."""

    undone: ClassVar[str] = "the instance is started again"

    def begin(self, site: Site, server: Server) -> None:
        site.ec2.stop_instances(InstanceIds=[server.instance_id])

    def end(self, site: Site, server: Server) -> None:
        switch_on(site, server)


def switch_off(site: Site, server: Server) -> None:
    """Until EC2 has noticed that the machine, whose power is cut, is off: its volumes are nobody's then."""
    wait(lambda: state(site, server) == "stopped", OFF_S, f"EC2 to see {server.name} stopped")
    for volume_id in volumes_of(site, server):
        wait(lambda volume_id=volume_id: not volumes.device_of(site.instance, volume_id), ON_S, f"{volume_id} to be released")


def switch_on(site: Site, server: Server) -> None:
    """Starts the instance once EC2 has noticed that it is off."""
    wait(lambda: state(site, server) in ("stopped", "running"), OFF_S, f"EC2 to see {server.name} stopped")
    if state(site, server) == "stopped":
        site.ec2.start_instances(InstanceIds=[server.instance_id])
    wait(lambda: server.machine.leader_pid() is not None, ON_S, f"{server.name} to boot")


def empty(site: Site, server: Server) -> None:
    """The data volumes of a server that is off, as if new."""
    for volume_id in volumes_of(site, server):
        file = volumes.file_of(site.instance, volume_id)
        size = file.stat().st_size
        with file.open("r+b") as image:
            image.truncate(0)
            image.truncate(size)


def volumes_of(site: Site, server: Server) -> list[str]:
    """The ids of its data volumes: all but the root disk, which is part of its machine."""
    known = {volume["VolumeId"] for volume in site.ec2.describe_volumes()["Volumes"]}
    held = described(site, server).get("BlockDeviceMappings", [])
    ids = [mapping["Ebs"]["VolumeId"] for mapping in held if mapping["DeviceName"] != described(site, server)["RootDeviceName"]]
    return [volume_id for volume_id in ids if volume_id in known]


def state(site: Site, server: Server) -> str:
    return described(site, server)["State"]["Name"]


def described(site: Site, server: Server) -> dict:
    [reservation] = site.ec2.describe_instances(InstanceIds=[server.instance_id])["Reservations"]
    return reservation["Instances"][0]
