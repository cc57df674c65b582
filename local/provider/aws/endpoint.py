"""Table of the VPC's private doors to AWS services: VpcEndpoint."""

from __future__ import annotations

from typing import Any

import pulumi_aws

from local.provider.aws import ec2
from local.provider.aws.fields import changed, to_api
from local.provider.resource import Inputs, Outputs, Property, Resource, same_json
from local.provider.session import Aws
from local.provider.tags import as_dict, ec2_marked, ec2_specification, ec2_update

MISSING = "InvalidVpcEndpointId.NotFound"
TIMEOUT_S = 600
FIELDS = {
    "vpcId": "VpcId",
    "serviceName": "ServiceName",
    "vpcEndpointType": "VpcEndpointType",
    "policy": "PolicyDocument",
    "routeTableIds": "RouteTableIds",
    "subnetIds": "SubnetIds",
    "securityGroupIds": "SecurityGroupIds",
    "privateDnsEnabled": "PrivateDnsEnabled",
}
SETS = {"routeTableIds": "RouteTableIds", "subnetIds": "SubnetIds", "securityGroupIds": "SecurityGroupIds"}


def create(aws: Aws, inputs: Inputs) -> str:
    answer = aws.client("ec2").create_vpc_endpoint(**to_api(inputs, FIELDS), **ec2_specification("vpc-endpoint", inputs))
    return answer["VpcEndpoint"]["VpcEndpointId"]


def ready(aws: Aws, id: str, inputs: Inputs) -> None:
    def available() -> bool:
        endpoint = _endpoint(aws, id)
        return endpoint is not None and endpoint["State"].lower() == "available"

    aws.wait(f"VPC endpoint {id} to become available", available, TIMEOUT_S)


def read(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    endpoint = _endpoint(aws, id)
    if endpoint is None:
        return None
    prefix_lists = aws.client("ec2").describe_prefix_lists(
        Filters=[{"Name": "prefix-list-name", "Values": [endpoint["ServiceName"]]}]
    )["PrefixLists"]
    return {
        "arn": ec2.arn(aws, f"vpc-endpoint/{id}"),
        "vpcId": endpoint["VpcId"],
        "serviceName": endpoint["ServiceName"],
        "vpcEndpointType": endpoint.get("VpcEndpointType", "Gateway"),
        "policy": endpoint.get("PolicyDocument"),
        "routeTableIds": endpoint.get("RouteTableIds", []),
        "subnetIds": endpoint.get("SubnetIds", []),
        "securityGroupIds": [group["GroupId"] for group in endpoint.get("Groups", [])],
        "networkInterfaceIds": endpoint.get("NetworkInterfaceIds", []),
        "privateDnsEnabled": endpoint.get("PrivateDnsEnabled"),
        "prefixListId": prefix_lists[0]["PrefixListId"] if prefix_lists else None,
        "cidrBlocks": prefix_lists[0].get("Cidrs", []) if prefix_lists else [],
        "ownerId": endpoint.get("OwnerId", aws.account),
        "state": endpoint["State"],
        "tags": as_dict(endpoint.get("Tags")),
    }


def update(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    arguments: dict[str, Any] = {}
    for name, api_name in SETS.items():
        before, after = olds.get(name) or [], news.get(name) or []
        arguments |= {f"Add{api_name}": sorted(set(after) - set(before)), f"Remove{api_name}": sorted(set(before) - set(after))}
    if changed(olds, news, "policy") and news.get("policy"):
        arguments["PolicyDocument"] = news["policy"]
    if changed(olds, news, "privateDnsEnabled"):
        arguments["PrivateDnsEnabled"] = news.get("privateDnsEnabled", False)
    arguments = {name: value for name, value in arguments.items() if value != []}
    if arguments:
        aws.client("ec2").modify_vpc_endpoint(VpcEndpointId=id, **arguments)
        ready(aws, id, news)
    ec2_update(aws, id, olds, news)


def delete(aws: Aws, id: str, inputs: Inputs) -> None:
    if _endpoint(aws, id) is None:  # a deleted endpoint is still listed for a while
        return
    ec2.delete(aws, "delete_vpc_endpoints", MISSING, VpcEndpointIds=[id])
    aws.wait(f"VPC endpoint {id} to be deleted", lambda: _endpoint(aws, id) is None, TIMEOUT_S)


def _endpoint(aws: Aws, id: str) -> dict[str, Any] | None:
    endpoint = ec2.describe(aws, "describe_vpc_endpoints", "VpcEndpoints", MISSING, VpcEndpointIds=[id])
    return None if endpoint is None or endpoint["State"].lower() == "deleted" else endpoint


RESOURCES = (
    Resource(
        token="aws:ec2/vpcEndpoint:VpcEndpoint",
        source="internal/service/ec2/vpc_endpoint.go",
        args=pulumi_aws.ec2.VpcEndpointArgs,
        properties={
            "vpcId": Property(force_new=True),
            "serviceName": Property(force_new=True),
            "vpcEndpointType": Property(force_new=True, default="Gateway"),
            "policy": Property(computed=True, same=same_json),
            "privateDnsEnabled": Property(computed=True),
            "routeTableIds": Property(computed=True, unordered=True),
            "subnetIds": Property(computed=True, unordered=True),
            "securityGroupIds": Property(computed=True, unordered=True),
        },
        outputs_unknown=(
            "arn",
            "cidrBlocks",
            "dnsEntries",
            "networkInterfaceIds",
            "ownerId",
            "prefixListId",
            "requesterManaged",
            "state",
        ),
        create=create,
        ready=ready,
        read=read,
        update=update,
        delete=delete,
        find=ec2_marked,
    ),
)
