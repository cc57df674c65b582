"""Which part of the VPC's network belongs to which zone, and where each server stands. Pure arithmetic, no resource."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

SLOT_BITS = 4  # sixteen equal subnets: a public one for each of the zones a to h, then a private one for each
PRIVATE_SLOTS = 8
SMALLEST_VPC = 23  # its subnets are /27: AWS keeps 5 of 32 addresses, and asks for 8 free ones for a load balancer
HOSTS = {"lb": 10, "web-a": 11, "web-b": 12}  # the last part of a server's address; different even in one subnet


@dataclass(frozen=True, kw_only=True)
class ZoneSubnets:
    public: IPv4Network
    private: IPv4Network


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a server stands: the letter of its zone and its address in that zone's private subnet."""

    zone: str
    address: IPv4Address


def split(cidr: IPv4Network, zones: Sequence[str]) -> Mapping[str, ZoneSubnets]:
    """The subnets of each zone. A zone's slot follows from its letter, so that adding a zone moves no other."""
    slots = list(cidr.subnets(prefixlen_diff=SLOT_BITS))
    numbers = {zone: ord(zone) - ord("a") for zone in zones}
    return {zone: ZoneSubnets(public=slots[n], private=slots[PRIVATE_SLOTS + n]) for zone, n in numbers.items()}


def places(cidr: IPv4Network, zones: Sequence[str]) -> Mapping[str, Place]:
    """Each server's place: the two databases in different zones before anything else, then the balancer in a third.

    With two zones the balancer shares web-b's; with one zone they all share it.
    """
    subnets = split(cidr, zones)
    web_a, web_b, lb = zones[0], zones[min(1, len(zones) - 1)], zones[-1]
    return {
        server: Place(zone=zone, address=subnets[zone].private.network_address + HOSTS[server])
        for server, zone in {"lb": lb, "web-a": web_a, "web-b": web_b}.items()
    }
