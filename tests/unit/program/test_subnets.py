from ipaddress import IPv4Address, IPv4Network
from itertools import combinations

import pytest

from components.subnets import Place, ZoneSubnets, places, split

VPC = IPv4Network("10.20.0.0/16")


def test_every_zone_has_a_public_and_a_private_sixteenth():
    assert split(VPC, ["a", "b", "c"]) == {
        "a": ZoneSubnets(public=IPv4Network("10.20.0.0/20"), private=IPv4Network("10.20.128.0/20")),
        "b": ZoneSubnets(public=IPv4Network("10.20.16.0/20"), private=IPv4Network("10.20.144.0/20")),
        "c": ZoneSubnets(public=IPv4Network("10.20.32.0/20"), private=IPv4Network("10.20.160.0/20")),
    }


def test_a_zone_keeps_its_subnets_whatever_zones_are_beside_it():
    assert split(VPC, ["c", "a"])["c"] == split(VPC, ["a", "b", "c"])["c"]


@pytest.mark.parametrize("prefix", [16, 20, 23])
def test_no_two_subnets_overlap(prefix):
    zones = split(IPv4Network(f"10.20.0.0/{prefix}"), "abcdef").values()
    subnets = [subnet for zone in zones for subnet in (zone.public, zone.private)]
    assert not any(one.overlaps(other) for one, other in combinations(subnets, 2))


@pytest.mark.parametrize(
    ("zones", "expected"),
    [
        ("abc", {"lb": ("c", "10.20.160.10"), "web-a": ("a", "10.20.128.11"), "web-b": ("b", "10.20.144.12")}),
        ("ab", {"lb": ("b", "10.20.144.10"), "web-a": ("a", "10.20.128.11"), "web-b": ("b", "10.20.144.12")}),
        ("b", {"lb": ("b", "10.20.144.10"), "web-a": ("b", "10.20.144.11"), "web-b": ("b", "10.20.144.12")}),
    ],
)
def test_the_databases_are_kept_apart_before_the_balancer(zones, expected):
    wanted = {server: Place(zone=zone, address=IPv4Address(address)) for server, (zone, address) in expected.items()}
    assert places(VPC, zones) == wanted


def test_every_server_fits_into_the_smallest_network():
    smallest = IPv4Network("192.168.2.0/23")
    for zones in ("a", "ab", "abc"):
        for place in places(smallest, zones).values():
            assert place.address in list(split(smallest, zones)[place.zone].private.hosts())
