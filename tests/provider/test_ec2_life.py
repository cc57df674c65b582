"""Every EC2 kind once round: create, read, no difference, update, replace, delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.provider.provider_engine import Engine, Tracked

ZONE = "eu-central-1a"
KINDS = {
    "Vpc": "aws:ec2/vpc:Vpc",
    "Subnet": "aws:ec2/subnet:Subnet",
    "InternetGateway": "aws:ec2/internetGateway:InternetGateway",
    "RouteTable": "aws:ec2/routeTable:RouteTable",
    "Route": "aws:ec2/route:Route",
    "RouteTableAssociation": "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "Eip": "aws:ec2/eip:Eip",
    "NatGateway": "aws:ec2/natGateway:NatGateway",
    "VpcEndpoint": "aws:ec2/vpcEndpoint:VpcEndpoint",
    "SecurityGroup": "aws:ec2/securityGroup:SecurityGroup",
    "DefaultSecurityGroup": "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "Instance": "aws:ec2/instance:Instance",
    "VolumeAttachment": "aws:ec2/volumeAttachment:VolumeAttachment",
    "SecurityGroupIngressRule": "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "SecurityGroupEgressRule": "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    "Volume": "aws:ebs/volume:Volume",
    "InstanceState": "aws:ec2transitgateway/instanceState:InstanceState",
}


class World:
    """Makes what a kind needs around it, through the same provider; every name once."""

    def __init__(self, engine: Engine, ec2: Any):
        self.engine, self.ec2, self.made = engine, ec2, {}

    def make(self, kind: str, name: str = "around", **inputs: Any) -> str:
        if (kind, name) not in self.made:
            self.made[kind, name] = self.engine.resource(KINDS[kind], name).create(**inputs).id
        return self.made[kind, name]

    @property
    def vpc(self) -> str:
        return self.make("Vpc", cidrBlock="10.20.0.0/16")

    @property
    def subnet(self) -> str:
        return self.make("Subnet", vpcId=self.vpc, cidrBlock="10.20.1.0/24", availabilityZone=ZONE)

    @property
    def table(self) -> str:
        return self.make("RouteTable", vpcId=self.vpc)

    @property
    def gateway(self) -> str:
        return self.make("InternetGateway", vpcId=self.vpc)

    @property
    def address(self) -> str:
        return self.make("Eip", domain="vpc")

    def group(self, name: str = "around") -> str:
        return self.make("SecurityGroup", name, vpcId=self.vpc, description=name)

    @property
    def image(self) -> str:
        return next(iter(self.ec2.describe_images()["Images"]))["ImageId"]

    @property
    def instance(self) -> str:
        return self.make("Instance", ami=self.image, instanceType="t3.micro", subnetId=self.subnet)

    @property
    def volume(self) -> str:
        return self.make("Volume", availabilityZone=ZONE, size=1)


@dataclass
class Life:
    """`updates` and `replaces`: inputs that change on top of `inputs`, and the paths that a Diff must then name."""

    kind: str
    inputs: Callable[[World], dict[str, Any]]
    updates: Callable[[World], dict[str, Any]] | None = None
    update_paths: set[str] = field(default_factory=set)
    replaces: Callable[[World], dict[str, Any]] | None = None
    replace_paths: set[str] = field(default_factory=set)
    outlives_delete: bool = False


TAG = {"tags": {"Name": "other"}}
TAG_PATHS = {"tags.Name", "tagsAll.Name"}

LIVES = [
    Life(
        "Vpc",
        lambda w: {"cidrBlock": "10.1.0.0/16", "enableDnsHostnames": True, "tags": {"Name": "it"}},
        lambda w: {"enableDnsHostnames": False, **TAG},
        {"enableDnsHostnames"} | TAG_PATHS,
        lambda w: {"cidrBlock": "10.2.0.0/16"},
        {"cidrBlock"},
    ),
    Life(
        "Subnet",
        lambda w: {"vpcId": w.vpc, "cidrBlock": "10.20.9.0/24", "availabilityZone": ZONE, "mapPublicIpOnLaunch": True},
        lambda w: {"mapPublicIpOnLaunch": False},
        {"mapPublicIpOnLaunch"},
        lambda w: {"availabilityZone": "eu-central-1b"},
        {"availabilityZone"},
    ),
    Life(
        "InternetGateway",
        lambda w: {"vpcId": w.vpc, "tags": {"Name": "it"}},
        lambda w: {"vpcId": w.make("Vpc", "second", cidrBlock="10.30.0.0/16")},
        {"vpcId"},
    ),
    Life(
        "RouteTable",
        lambda w: {"vpcId": w.vpc, "tags": {"Name": "it"}},
        lambda w: TAG,
        TAG_PATHS,
        lambda w: {"vpcId": "vpc-2"},
        {"vpcId"},
    ),
    Life(
        "Route",
        lambda w: {"routeTableId": w.table, "destinationCidrBlock": "0.0.0.0/0", "gatewayId": w.gateway},
        lambda w: {
            "gatewayId": None,
            "natGatewayId": w.make("NatGateway", allocationId=w.address, subnetId=w.subnet),
        },
        {"gatewayId", "natGatewayId"},
        lambda w: {"destinationCidrBlock": "10.9.0.0/16"},
        {"destinationCidrBlock"},
    ),
    Life(
        "RouteTableAssociation",
        lambda w: {"routeTableId": w.table, "subnetId": w.subnet},
        lambda w: {"routeTableId": w.make("RouteTable", "second", vpcId=w.vpc)},
        {"routeTableId"},
        lambda w: {"subnetId": "subnet-2"},
        {"subnetId"},
    ),
    Life(
        "Eip",
        lambda w: {"domain": "vpc", "tags": {"Name": "it"}},
        lambda w: {"instance": w.instance},
        {"instance"},
    ),
    Life(
        "NatGateway",
        lambda w: {"allocationId": w.address, "subnetId": w.subnet, "tags": {"Name": "it"}},
        lambda w: TAG,
        TAG_PATHS,
        lambda w: {"subnetId": "subnet-2"},
        {"subnetId"},
    ),
    Life(
        "VpcEndpoint",
        lambda w: {"vpcId": w.vpc, "serviceName": "com.amazonaws.eu-central-1.s3", "routeTableIds": [w.table]},
        lambda w: TAG,
        TAG_PATHS,
        lambda w: {"serviceName": "com.amazonaws.eu-central-1.dynamodb"},
        {"serviceName"},
    ),
    Life(
        "SecurityGroup",
        lambda w: {"vpcId": w.vpc, "description": "it", "tags": {"Name": "it"}},
        lambda w: TAG,
        TAG_PATHS,
        lambda w: {"description": "other"},
        {"description"},
    ),
    Life(
        "SecurityGroup",
        lambda w: {
            "vpcId": w.vpc,
            "ingress": [{"protocol": "tcp", "fromPort": 80, "toPort": 81, "cidrBlocks": ["10.0.0.0/8"], "self": True}],
            "egress": [{"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}],
        },
        lambda w: {"ingress": [], "egress": [{"protocol": "udp", "fromPort": 5, "toPort": 5, "securityGroups": [w.group()]}]},
        {"ingress[0]", "egress[0]"},
    ),
    Life(
        "DefaultSecurityGroup",
        lambda w: {"vpcId": w.vpc, "ingress": [], "egress": [], "tags": {"Name": "unused"}},
        lambda w: TAG,
        TAG_PATHS,
        lambda w: {"vpcId": "vpc-2"},
        {"vpcId"},
        outlives_delete=True,
    ),
    *(
        Life(
            f"SecurityGroup{direction}Rule",
            lambda w: {
                "securityGroupId": w.group(),
                "ipProtocol": "tcp",
                "fromPort": 443,
                "toPort": 443,
                "referencedSecurityGroupId": w.group("peer"),
                "description": "requests",
                "tags": {"Name": "it"},
            },
            lambda w: {"toPort": 444, **TAG},
            {"toPort"} | TAG_PATHS,
            lambda w: {"referencedSecurityGroupId": None, "cidrIpv4": "10.0.0.0/8"},
            {"referencedSecurityGroupId", "cidrIpv4"},
        )
        for direction in ("Ingress", "Egress")
    ),
    Life(
        "Volume",
        lambda w: {"availabilityZone": ZONE, "size": 8, "type": "gp3", "encrypted": True, "tags": {"Name": "it"}},
        lambda w: {"size": 9},
        {"size"},
        lambda w: {"encrypted": False},
        {"encrypted"},
    ),
    Life(
        "InstanceState",
        lambda w: {"instanceId": w.instance, "state": "stopped"},
        lambda w: {"state": "running"},
        {"state"},
        lambda w: {"instanceId": "i-2"},
        {"instanceId"},
        outlives_delete=True,
    ),
    Life(
        "VolumeAttachment",
        lambda w: {
            "deviceName": "/dev/sdf",
            "instanceId": w.instance,
            "volumeId": w.volume,
            "stopInstanceBeforeDetaching": True,
        },
        lambda w: {"forceDetach": True},
        {"forceDetach"},
        lambda w: {"deviceName": "/dev/sdg"},
        {"deviceName"},
    ),
    Life(
        "Instance",
        lambda w: {
            "ami": w.image,
            "instanceType": "t3.small",
            "subnetId": w.subnet,
            "privateIp": "10.20.1.10",
            "vpcSecurityGroupIds": [w.group()],
            "associatePublicIpAddress": False,
            "metadataOptions": {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1},
            "rootBlockDevice": {"volumeType": "gp3", "volumeSize": 16, "encrypted": True, "tags": {"Name": "root"}},
            "userData": "#cloud-config\n",
            "userDataReplaceOnChange": True,
            "tags": {"Name": "it"},
        },
        lambda w: {
            "instanceType": "t3.medium",
            "vpcSecurityGroupIds": [w.group("peer")],
            "metadataOptions": {"httpEndpoint": "enabled", "httpTokens": "optional", "httpPutResponseHopLimit": 2},
            "rootBlockDevice": {"volumeType": "gp3", "volumeSize": 20, "encrypted": True, "tags": {"Name": "new"}},
            **TAG,
        },
        {
            "instanceType",
            "vpcSecurityGroupIds[0]",
            "metadataOptions.httpTokens",
            "metadataOptions.httpPutResponseHopLimit",
            "rootBlockDevice.volumeSize",
            "rootBlockDevice.tags.Name",
        }
        | TAG_PATHS,
        lambda w: {"privateIp": "10.20.1.11", "userData": "#cloud-config\npackages: []\n"},
        {"privateIp", "userData"},
    ),
]


@pytest.fixture
def world(engine: Engine, ec2: Any) -> World:
    return World(engine, ec2)


def changed(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**base, **changes}.items() if value is not None}


@pytest.mark.parametrize("life", LIVES, ids=[f"{index}-{life.kind}" for index, life in enumerate(LIVES)])
def test_a_resource_lives_as_the_engine_expects(life: Life, world: World) -> None:
    it: Tracked = world.engine.resource(KINDS[life.kind])
    inputs = life.inputs(world)

    it.create(**inputs)
    assert it.changes(**inputs) == {}
    created = it.outputs
    assert it.refresh()
    assert it.outputs == created
    assert it.changes(**inputs) == {}

    if life.replaces:
        changes = it.changes(**changed(inputs, life.replaces(world)))
        assert {path for path, kind in changes.items() if kind.endswith("_REPLACE")} == life.replace_paths

    if life.updates:
        inputs = changed(inputs, life.updates(world))
        changes = it.changes(**inputs)
        assert set(changes) - {"tagsAll.Name"} == life.update_paths - {"tagsAll.Name"}
        assert not any(kind.endswith("_REPLACE") for kind in changes.values())
        it.update(**inputs)
        assert it.changes(**inputs) == {}
        assert it.refresh()
        assert it.changes(**inputs) == {}

    it.delete()
    assert it.refresh() == life.outlives_delete
    it.delete()
