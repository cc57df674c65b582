"""Tables of the ways through the network: RouteTable, Route, RouteTableAssociation."""

from __future__ import annotations

import zlib
from typing import Any

import pulumi_aws

from local.provider.aws import ec2
from local.provider.aws.fields import to_api
from local.provider.resource import Inputs, Outputs, Property, Resource
from local.provider.session import Aws
from local.provider.tags import as_dict, ec2_marked, ec2_specification, ec2_update

NO_TABLE = "InvalidRouteTableID.NotFound"
ROUTE_S = 300


def create_table(aws: Aws, inputs: Inputs) -> str:
    answer = aws.client("ec2").create_route_table(VpcId=inputs["vpcId"], **ec2_specification("route-table", inputs))
    return answer["RouteTable"]["RouteTableId"]


def read_table(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    table = _table(aws, id)
    if table is None:
        return None
    return {
        "arn": ec2.arn(aws, f"route-table/{id}"),
        "ownerId": table.get("OwnerId", aws.account),
        "vpcId": table["VpcId"],
        "tags": as_dict(table.get("Tags")),
    }


def delete_table(aws: Aws, id: str, inputs: Inputs) -> None:
    table = _table(aws, id)
    for association in table["Associations"] if table else ():
        if not association.get("Main"):
            _disassociate(aws, association["RouteTableAssociationId"])
    ec2.delete(aws, "delete_route_table", NO_TABLE, RouteTableId=id)


def _table(aws: Aws, id: str) -> dict[str, Any] | None:
    return ec2.describe(aws, "describe_route_tables", "RouteTables", NO_TABLE, RouteTableIds=[id])


DESTINATIONS = {"destinationCidrBlock": "DestinationCidrBlock", "destinationPrefixListId": "DestinationPrefixListId"}
TARGETS = {
    "gatewayId": "GatewayId",
    "natGatewayId": "NatGatewayId",
    "networkInterfaceId": "NetworkInterfaceId",
    "vpcPeeringConnectionId": "VpcPeeringConnectionId",
}


def route_id(inputs: Inputs) -> str:
    """terraform's RouteCreateID: the table, and the CRC-32 of the destination."""
    destination = "".join(to_api(inputs, DESTINATIONS).values())
    return f"r-{inputs['routeTableId']}{zlib.crc32(destination.encode())}"


def create_route(aws: Aws, inputs: Inputs) -> str:
    aws.client("ec2").create_route(RouteTableId=inputs["routeTableId"], **to_api(inputs, DESTINATIONS | TARGETS))
    return route_id(inputs)


def wait_for_route(aws: Aws, id: str, inputs: Inputs) -> None:
    def active() -> bool:
        route = _route(aws, inputs)
        return route is not None and route.get("State") == "active"

    aws.wait(f"route {id} to become active", active, ROUTE_S)


def read_route(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    route = _route(aws, inputs)
    if route is None:
        return None
    return {
        "routeTableId": inputs["routeTableId"],
        **{name: route.get(api_name) for name, api_name in (DESTINATIONS | TARGETS).items()},
        "state": route.get("State"),
        "origin": route.get("Origin"),
    }


def update_route(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    aws.client("ec2").replace_route(RouteTableId=news["routeTableId"], **to_api(news, DESTINATIONS | TARGETS))
    wait_for_route(aws, id, news)


def delete_route(aws: Aws, id: str, inputs: Inputs) -> None:
    destination = to_api(inputs, DESTINATIONS)
    ec2.delete(aws, "delete_route", "InvalidRoute.NotFound", NO_TABLE, RouteTableId=inputs["routeTableId"], **destination)


def _route(aws: Aws, inputs: Inputs) -> dict[str, Any] | None:
    if "routeTableId" not in inputs:
        raise ValueError("a route cannot be imported here: the stand-in finds it by its table and destination only")
    table = _table(aws, inputs["routeTableId"])
    wanted = to_api(inputs, DESTINATIONS)
    for route in table["Routes"] if table else ():
        if wanted.items() <= route.items():
            return route
    return None


def create_association(aws: Aws, inputs: Inputs) -> str:
    names = {"routeTableId": "RouteTableId", "subnetId": "SubnetId", "gatewayId": "GatewayId"}
    return aws.client("ec2").associate_route_table(**to_api(inputs, names))["AssociationId"]


def read_association(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    association = _association(aws, id, inputs)
    if association is None:
        return None
    return {
        "routeTableId": association["RouteTableId"],
        "subnetId": association.get("SubnetId"),
        "gatewayId": association.get("GatewayId"),
    }


def update_association(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    """AWS gives the association a new id, which the engine cannot take over: it is found by its subnet from then on."""
    association = _association(aws, id, olds)
    if association is None:
        create_association(aws, news)
    else:
        aws.client("ec2").replace_route_table_association(
            AssociationId=association["RouteTableAssociationId"], RouteTableId=news["routeTableId"]
        )


def delete_association(aws: Aws, id: str, inputs: Inputs) -> None:
    if association := _association(aws, id, inputs):
        _disassociate(aws, association["RouteTableAssociationId"])


def find_association(aws: Aws, inputs: Inputs) -> list[str]:
    association = _association(aws, "", inputs)
    return [association["RouteTableAssociationId"]] if association else []


def _association(aws: Aws, id: str, inputs: Inputs) -> dict[str, Any] | None:
    wanted = to_api(inputs, {"subnetId": "SubnetId", "gatewayId": "GatewayId"})
    tables = aws.client("ec2").get_paginator("describe_route_tables").paginate()
    associations = [one for page in tables for table in page["RouteTables"] for one in table["Associations"]]
    by_id = [one for one in associations if one["RouteTableAssociationId"] == id]
    by_target = [one for one in associations if wanted and wanted.items() <= one.items()]
    return next(iter(by_id or by_target), None)


def _disassociate(aws: Aws, association_id: str) -> None:
    ec2.delete(aws, "disassociate_route_table", "InvalidAssociationID.NotFound", AssociationId=association_id)


RESOURCES = (
    Resource(
        token="aws:ec2/routeTable:RouteTable",
        source="internal/service/ec2/vpc_route_table.go",
        args=pulumi_aws.ec2.RouteTableArgs,
        properties={"vpcId": Property(force_new=True)},
        outputs_unknown=("arn", "ownerId", "routes", "propagatingVgws"),
        create=create_table,
        read=read_table,
        update=ec2_update,
        delete=delete_table,
        find=ec2_marked,
    ),
    Resource(
        token="aws:ec2/route:Route",
        source="internal/service/ec2/vpc_route.go",
        args=pulumi_aws.ec2.RouteArgs,
        properties={
            "routeTableId": Property(force_new=True),
            "destinationCidrBlock": Property(force_new=True),
            "destinationPrefixListId": Property(force_new=True),
            "gatewayId": Property(),
            "natGatewayId": Property(),
            "networkInterfaceId": Property(computed=True),
            "vpcPeeringConnectionId": Property(),
        },
        outputs_unknown=("instanceId", "instanceOwnerId", "origin", "state"),
        tags=False,
        create=create_route,
        ready=wait_for_route,
        read=read_route,
        update=update_route,
        delete=delete_route,
        find=lambda aws, inputs: [route_id(inputs)],
    ),
    Resource(
        token="aws:ec2/routeTableAssociation:RouteTableAssociation",
        source="internal/service/ec2/vpc_route_table_association.go",
        args=pulumi_aws.ec2.RouteTableAssociationArgs,
        properties={
            "routeTableId": Property(),
            "subnetId": Property(force_new=True),
            "gatewayId": Property(force_new=True),
        },
        tags=False,
        create=create_association,
        read=read_association,
        update=update_association,
        delete=delete_association,
        find=find_association,
    ),
)
