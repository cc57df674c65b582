"""Tables of the ways out of the network: InternetGateway, Eip, NatGateway."""

from __future__ import annotations

from typing import Any

import pulumi_aws

from local.provider.aws import ec2
from local.provider.aws.fields import changed, to_api
from local.provider.resource import Inputs, Outputs, Property, Resource
from local.provider.session import Aws
from local.provider.tags import as_dict, ec2_marked, ec2_specification, ec2_update

NO_GATEWAY = "InvalidInternetGatewayID.NotFound"
NO_NAT = "NatGatewayNotFound"
NO_ADDRESS = "InvalidAllocationID.NotFound"
NAT_AVAILABLE_S = 600
NAT_DELETED_S = 1800


def create_gateway(aws: Aws, inputs: Inputs) -> str:
    answer = aws.client("ec2").create_internet_gateway(**ec2_specification("internet-gateway", inputs))
    return answer["InternetGateway"]["InternetGatewayId"]


def attach_gateway(aws: Aws, id: str, inputs: Inputs) -> None:
    if inputs.get("vpcId") and _attached_to(_gateway(aws, id)) != inputs["vpcId"]:
        aws.client("ec2").attach_internet_gateway(InternetGatewayId=id, VpcId=inputs["vpcId"])


def read_gateway(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    gateway = _gateway(aws, id)
    if gateway is None:
        return None
    return {
        "arn": ec2.arn(aws, f"internet-gateway/{id}"),
        "ownerId": gateway.get("OwnerId", aws.account),
        "vpcId": _attached_to(gateway),
        "tags": as_dict(gateway.get("Tags")),
    }


def update_gateway(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    if changed(olds, news, "vpcId"):
        _detach_gateway(aws, id)
        attach_gateway(aws, id, news)
    ec2_update(aws, id, olds, news)


def delete_gateway(aws: Aws, id: str, inputs: Inputs) -> None:
    _detach_gateway(aws, id)
    ec2.delete(aws, "delete_internet_gateway", NO_GATEWAY, InternetGatewayId=id)


def _detach_gateway(aws: Aws, id: str) -> None:
    if vpc_id := _attached_to(_gateway(aws, id)):
        gone = ("Gateway.NotAttached", NO_GATEWAY)
        ec2.delete(aws, "detach_internet_gateway", *gone, InternetGatewayId=id, VpcId=vpc_id)


def _gateway(aws: Aws, id: str) -> dict[str, Any] | None:
    return ec2.describe(aws, "describe_internet_gateways", "InternetGateways", NO_GATEWAY, InternetGatewayIds=[id])


def _attached_to(gateway: dict[str, Any] | None) -> str | None:
    attachments = gateway.get("Attachments") if gateway else None
    return attachments[0]["VpcId"] if attachments else None


def create_address(aws: Aws, inputs: Inputs) -> str:
    arguments = to_api(inputs, {"domain": "Domain"})
    return aws.client("ec2").allocate_address(**arguments, **ec2_specification("elastic-ip", inputs))["AllocationId"]


def associate_address(aws: Aws, id: str, inputs: Inputs) -> None:
    target = to_api(inputs, {"instance": "InstanceId", "networkInterface": "NetworkInterfaceId"})
    if target:
        aws.client("ec2").associate_address(AllocationId=id, AllowReassociation=True, **target)


def read_address(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    address = _address(aws, id)
    if address is None:
        return None
    return {
        "arn": ec2.arn(aws, f"elastic-ip/{id}"),
        "allocationId": id,
        "associationId": address.get("AssociationId") or None,
        "domain": address["Domain"],
        "instance": address.get("InstanceId") or None,
        "networkInterface": address.get("NetworkInterfaceId") or None,
        "privateIp": address.get("PrivateIpAddress") or None,
        "publicIp": address["PublicIp"],
        "publicDns": f"ec2-{address['PublicIp'].replace('.', '-')}.{aws.region}.compute.amazonaws.com",
        "tags": as_dict(address.get("Tags")),
    }


def update_address(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    if changed(olds, news, "instance", "networkInterface"):
        _disassociate_address(aws, id)
        associate_address(aws, id, news)
    ec2_update(aws, id, olds, news)


def delete_address(aws: Aws, id: str, inputs: Inputs) -> None:
    _disassociate_address(aws, id)
    ec2.delete(aws, "release_address", NO_ADDRESS, AllocationId=id)


def _disassociate_address(aws: Aws, id: str) -> None:
    """Only from what the program associated it with: a NAT gateway lets go of its address by itself."""
    address = _address(aws, id)
    if address and address.get("InstanceId"):
        missing = "InvalidAssociationID.NotFound"
        ec2.delete(aws, "disassociate_address", missing, AssociationId=address["AssociationId"])


def _address(aws: Aws, id: str) -> dict[str, Any] | None:
    return ec2.describe(aws, "describe_addresses", "Addresses", NO_ADDRESS, AllocationIds=[id])


def create_nat(aws: Aws, inputs: Inputs) -> str:
    names = {
        "allocationId": "AllocationId",
        "connectivityType": "ConnectivityType",
        "privateIp": "PrivateIpAddress",
        "subnetId": "SubnetId",
    }
    answer = aws.client("ec2").create_nat_gateway(**to_api(inputs, names), **ec2_specification("natgateway", inputs))
    return answer["NatGateway"]["NatGatewayId"]


def wait_for_nat(aws: Aws, id: str, inputs: Inputs) -> None:
    def available() -> bool:
        nat = _nat(aws, id)
        if nat and nat["State"] == "failed":
            raise RuntimeError(f"NAT gateway {id} failed: {nat.get('FailureCode')}: {nat.get('FailureMessage')}")
        return nat is not None and nat["State"] == "available"

    aws.wait(f"NAT gateway {id} to become available", available, NAT_AVAILABLE_S)


def read_nat(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    nat = _nat(aws, id)
    if nat is None:
        return None
    addresses = nat.get("NatGatewayAddresses") or [{}]
    primary = next((address for address in addresses if address.get("IsPrimary")), addresses[0])
    return {
        "allocationId": primary.get("AllocationId"),
        "associationId": primary.get("AssociationId"),
        "connectivityType": nat.get("ConnectivityType", "public"),
        "networkInterfaceId": primary.get("NetworkInterfaceId"),
        "privateIp": primary.get("PrivateIp"),
        "publicIp": primary.get("PublicIp"),
        "subnetId": nat["SubnetId"],
        "vpcId": nat["VpcId"],
        "tags": as_dict(nat.get("Tags")),
    }


def delete_nat(aws: Aws, id: str, inputs: Inputs) -> None:
    if _nat(aws, id) is None:  # a deleted one is still listed for a while
        return
    ec2.delete(aws, "delete_nat_gateway", NO_NAT, NatGatewayId=id)
    aws.wait(f"NAT gateway {id} to be deleted", lambda: _nat(aws, id) is None, NAT_DELETED_S)


def _nat(aws: Aws, id: str) -> dict[str, Any] | None:
    nat = ec2.describe(aws, "describe_nat_gateways", "NatGateways", NO_NAT, NatGatewayIds=[id])
    return None if nat is None or nat["State"] == "deleted" else nat


RESOURCES = (
    Resource(
        token="aws:ec2/internetGateway:InternetGateway",
        source="internal/service/ec2/vpc_internet_gateway.go",
        args=pulumi_aws.ec2.InternetGatewayArgs,
        properties={"vpcId": Property(computed=True)},
        outputs_unknown=("arn", "ownerId"),
        create=create_gateway,
        ready=attach_gateway,
        read=read_gateway,
        update=update_gateway,
        delete=delete_gateway,
        find=ec2_marked,
    ),
    Resource(
        token="aws:ec2/eip:Eip",
        source="internal/service/ec2/ec2_eip.go",
        args=pulumi_aws.ec2.EipArgs,
        properties={
            "domain": Property(force_new=True, computed=True),
            "instance": Property(computed=True),
            "networkInterface": Property(computed=True),
        },
        outputs_unknown=("arn", "allocationId", "associationId", "privateIp", "publicDns", "publicIp"),
        create=create_address,
        ready=associate_address,
        read=read_address,
        update=update_address,
        delete=delete_address,
        find=ec2_marked,
    ),
    Resource(
        token="aws:ec2/natGateway:NatGateway",
        source="internal/service/ec2/vpc_nat_gateway.go",
        args=pulumi_aws.ec2.NatGatewayArgs,
        properties={
            "allocationId": Property(force_new=True),
            "connectivityType": Property(force_new=True, default="public"),
            "privateIp": Property(force_new=True, computed=True),
            "subnetId": Property(force_new=True),
        },
        outputs_unknown=("associationId", "networkInterfaceId", "publicIp"),
        create=create_nat,
        ready=wait_for_nat,
        read=read_nat,
        update=ec2_update,
        delete=delete_nat,
        find=ec2_marked,
    ),
)
