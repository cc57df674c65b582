import pytest

from tests.unit.program.conftest import CHANGES

ROUTE = "aws:ec2/route:Route"


def by_id(recording):
    return {resource.id: resource.name for resource in recording.cloud}


def test_every_zone_has_a_public_and_a_private_subnet(deploy):
    subnets = deploy().of("aws:ec2/subnet:Subnet")
    assert {s.name: (s.inputs["availabilityZone"], s.inputs["cidrBlock"]) for s in subnets} == {
        "prod-public-a": ("eu-central-1a", "10.30.0.0/20"),
        "prod-public-b": ("eu-central-1b", "10.30.16.0/20"),
        "prod-public-c": ("eu-central-1c", "10.30.32.0/20"),
        "prod-private-a": ("eu-central-1a", "10.30.128.0/20"),
        "prod-private-b": ("eu-central-1b", "10.30.144.0/20"),
        "prod-private-c": ("eu-central-1c", "10.30.160.0/20"),
    }
    assert not [s.name for s in subnets if s.inputs["mapPublicIpOnLaunch"]]


@pytest.mark.parametrize(
    ("settings", "ways"),
    [
        ({}, {"prod-private-a": "prod-nat-a", "prod-private-b": "prod-nat-b", "prod-private-c": "prod-nat-c"}),
        (CHANGES, {"prod-private-a": "prod-nat-a", "prod-private-b": "prod-nat-a", "prod-private-c": "prod-nat-a"}),
    ],
    ids=["nat-per-zone", "nat-gateway"],
)
def test_private_subnets_reach_out_through_nat_gateways(deploy, settings, ways):
    recording = deploy(**settings)
    names = by_id(recording)
    routes = [route.inputs for route in recording.of(ROUTE) if "natGatewayId" in route.inputs]
    assert {names[route["routeTableId"]]: names[route["natGatewayId"]] for route in routes} == ways
    assert {names[nat.inputs["subnetId"]] for nat in recording.of("aws:ec2/natGateway:NatGateway")} == {
        way.replace("nat", "public") for way in ways.values()
    }


def test_only_the_public_subnets_have_a_route_to_the_internet_gateway(deploy):
    recording = deploy()
    names = by_id(recording)
    tables = {names[route.inputs["routeTableId"]] for route in recording.of(ROUTE) if "gatewayId" in route.inputs}
    associations = recording.of("aws:ec2/routeTableAssociation:RouteTableAssociation")
    uses = {names[a.inputs["subnetId"]]: names[a.inputs["routeTableId"]] for a in associations}
    assert tables == {"prod-public"}
    assert uses == {f"prod-public-{zone}": "prod-public" for zone in "abc"} | {
        f"prod-private-{zone}": f"prod-private-{zone}" for zone in "abc"
    }


def test_s3_and_dynamodb_are_reached_without_the_nat_gateways(deploy):
    recording = deploy()
    names = by_id(recording)
    endpoints = recording.of("aws:ec2/vpcEndpoint:VpcEndpoint")
    assert {e.inputs["serviceName"]: sorted(names[t] for t in e.inputs["routeTableIds"]) for e in endpoints} == {
        f"com.amazonaws.eu-central-1.{service}": [f"prod-private-{zone}" for zone in "abc"] for service in ("s3", "dynamodb")
    }


def test_one_zone_is_enough(small):
    assert {s.name for s in small.of("aws:ec2/subnet:Subnet")} == {"local-public-b", "local-private-b"}
    assert {i.inputs["privateIp"] for i in small.of("aws:ec2/instance:Instance")} == {
        "10.20.144.10", "10.20.144.11", "10.20.144.12"
    }  # fmt: skip
