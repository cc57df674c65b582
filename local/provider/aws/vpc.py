"""Tables of the network's frame: Vpc and Subnet."""

from __future__ import annotations

from typing import Any

import pulumi_aws

from local.provider.aws import ec2
from local.provider.aws.fields import changed, to_api
from local.provider.resource import Inputs, Outputs, Property, Resource
from local.provider.session import Aws
from local.provider.tags import as_dict, ec2_marked, ec2_specification, ec2_update

AVAILABLE_S = 600
VPC_ATTRIBUTES = {
    "enableDnsSupport": "EnableDnsSupport",
    "enableDnsHostnames": "EnableDnsHostnames",
    "enableNetworkAddressUsageMetrics": "EnableNetworkAddressUsageMetrics",
}


def create_vpc(aws: Aws, inputs: Inputs) -> str:
    arguments = to_api(inputs, {"cidrBlock": "CidrBlock", "instanceTenancy": "InstanceTenancy"})
    return aws.client("ec2").create_vpc(**arguments, **ec2_specification("vpc", inputs))["Vpc"]["VpcId"]


def ready_vpc(aws: Aws, id: str, inputs: Inputs) -> None:
    def available() -> bool:
        vpc = _vpc(aws, id)
        return vpc is not None and vpc["State"] == "available"

    aws.wait(f"VPC {id} to become available", available, AVAILABLE_S)
    _set_vpc_attributes(aws, id, inputs)


def read_vpc(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    vpc = _vpc(aws, id)
    if vpc is None:
        return None
    client = aws.client("ec2")
    attributes = {
        name: client.describe_vpc_attribute(VpcId=id, Attribute=name)[api_name]["Value"]
        for name, api_name in VPC_ATTRIBUTES.items()
    }
    main_table = client.describe_route_tables(Filters=[*ec2.filters(vpc_id=id), _filter("association.main", "true")])
    group = client.describe_security_groups(Filters=ec2.filters(vpc_id=id, group_name="default"))
    acl = client.describe_network_acls(Filters=ec2.filters(vpc_id=id, default="true"))
    main_table_id = main_table["RouteTables"][0]["RouteTableId"] if main_table["RouteTables"] else None
    return {
        **attributes,
        "arn": ec2.arn(aws, f"vpc/{id}"),
        "cidrBlock": vpc["CidrBlock"],
        "instanceTenancy": vpc["InstanceTenancy"],
        "dhcpOptionsId": vpc.get("DhcpOptionsId"),
        "ownerId": vpc.get("OwnerId", aws.account),
        "defaultRouteTableId": main_table_id,
        "mainRouteTableId": main_table_id,
        "defaultSecurityGroupId": group["SecurityGroups"][0]["GroupId"] if group["SecurityGroups"] else None,
        "defaultNetworkAclId": acl["NetworkAcls"][0]["NetworkAclId"] if acl["NetworkAcls"] else None,
        "tags": as_dict(vpc.get("Tags")),
    }


def update_vpc(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    _set_vpc_attributes(aws, id, {name: value for name, value in news.items() if olds.get(name) != value})
    if changed(olds, news, "instanceTenancy"):
        aws.client("ec2").modify_vpc_tenancy(VpcId=id, InstanceTenancy=news["instanceTenancy"])
    ec2_update(aws, id, olds, news)


def delete_vpc(aws: Aws, id: str, inputs: Inputs) -> None:
    ec2.delete(aws, "delete_vpc", "InvalidVpcID.NotFound", VpcId=id)


def _vpc(aws: Aws, id: str) -> dict[str, Any] | None:
    return ec2.describe(aws, "describe_vpcs", "Vpcs", "InvalidVpcID.NotFound", VpcIds=[id])


def _filter(name: str, value: str) -> dict[str, Any]:
    return {"Name": name, "Values": [value]}


def _set_vpc_attributes(aws: Aws, id: str, inputs: Inputs) -> None:
    for name, api_name in VPC_ATTRIBUTES.items():  # one attribute in a call, DNS support before host names
        if name in inputs:
            aws.client("ec2").modify_vpc_attribute(VpcId=id, **{api_name: {"Value": inputs[name]}})


def create_subnet(aws: Aws, inputs: Inputs) -> str:
    names = {
        "vpcId": "VpcId",
        "cidrBlock": "CidrBlock",
        "availabilityZone": "AvailabilityZone",
        "availabilityZoneId": "AvailabilityZoneId",
    }
    answer = aws.client("ec2").create_subnet(**to_api(inputs, names), **ec2_specification("subnet", inputs))
    return answer["Subnet"]["SubnetId"]


def ready_subnet(aws: Aws, id: str, inputs: Inputs) -> None:
    def available() -> bool:
        subnet = _subnet(aws, id)
        return subnet is not None and subnet["State"] == "available"

    aws.wait(f"subnet {id} to become available", available, AVAILABLE_S)
    if inputs.get("mapPublicIpOnLaunch"):
        _map_public_ip(aws, id, True)


def read_subnet(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    subnet = _subnet(aws, id)
    if subnet is None:
        return None
    return {
        "arn": subnet.get("SubnetArn") or ec2.arn(aws, f"subnet/{id}"),
        "vpcId": subnet["VpcId"],
        "cidrBlock": subnet["CidrBlock"],
        "availabilityZone": subnet["AvailabilityZone"],
        "availabilityZoneId": subnet.get("AvailabilityZoneId"),
        "mapPublicIpOnLaunch": subnet["MapPublicIpOnLaunch"],
        "ownerId": subnet.get("OwnerId", aws.account),
        "tags": as_dict(subnet.get("Tags")),
    }


def update_subnet(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    if changed(olds, news, "mapPublicIpOnLaunch"):
        _map_public_ip(aws, id, bool(news.get("mapPublicIpOnLaunch")))
    ec2_update(aws, id, olds, news)


def delete_subnet(aws: Aws, id: str, inputs: Inputs) -> None:
    ec2.delete(aws, "delete_subnet", "InvalidSubnetID.NotFound", SubnetId=id)


def _subnet(aws: Aws, id: str) -> dict[str, Any] | None:
    return ec2.describe(aws, "describe_subnets", "Subnets", "InvalidSubnetID.NotFound", SubnetIds=[id])


def _map_public_ip(aws: Aws, id: str, wanted: bool) -> None:
    aws.client("ec2").modify_subnet_attribute(SubnetId=id, MapPublicIpOnLaunch={"Value": wanted})


RESOURCES = (
    Resource(
        token="aws:ec2/vpc:Vpc",
        source="internal/service/ec2/vpc_.go",
        args=pulumi_aws.ec2.VpcArgs,
        properties={
            "cidrBlock": Property(force_new=True, computed=True),
            "enableDnsHostnames": Property(computed=True),
            "enableDnsSupport": Property(default=True),
            "enableNetworkAddressUsageMetrics": Property(computed=True),
            "instanceTenancy": Property(default="default"),
        },
        # From default to dedicated is a new VPC (resourceVPCCustomizeDiff).
        replaces=lambda olds, news: ("instanceTenancy",) if news.get("instanceTenancy") == "dedicated" else (),
        outputs_unknown=(
            "arn",
            "defaultNetworkAclId",
            "defaultRouteTableId",
            "defaultSecurityGroupId",
            "dhcpOptionsId",
            "mainRouteTableId",
            "ownerId",
        ),
        create=create_vpc,
        ready=ready_vpc,
        read=read_vpc,
        update=update_vpc,
        delete=delete_vpc,
        find=ec2_marked,
    ),
    Resource(
        token="aws:ec2/subnet:Subnet",
        source="internal/service/ec2/vpc_subnet.go",
        args=pulumi_aws.ec2.SubnetArgs,
        properties={
            "vpcId": Property(force_new=True),
            "cidrBlock": Property(force_new=True, computed=True),
            "availabilityZone": Property(force_new=True, computed=True),
            "availabilityZoneId": Property(force_new=True, computed=True),
            "mapPublicIpOnLaunch": Property(default=False),
        },
        outputs_unknown=("arn", "ownerId"),
        create=create_subnet,
        ready=ready_subnet,
        read=read_subnet,
        update=update_subnet,
        delete=delete_subnet,
        find=ec2_marked,
    ),
)
