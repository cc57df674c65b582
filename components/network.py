"""The VPC: a public and a private subnet in every zone, the ways out, and the gateway endpoints of S3 and DynamoDB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Literal

import pulumi
from pulumi import ResourceOptions
from pulumi_aws import ec2

from components import subnets
from components.naming import name_tag, token

ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    cidr: IPv4Network
    zones: tuple[str, ...]  # letters; `region` in front makes a zone's name
    region: str
    egress: Literal["nat-gateway", "nat-per-zone"]


class Network(pulumi.ComponentResource):
    """`public` and `private` hold each zone's subnet id. Whoever needs a way out waits for the whole component."""

    vpc_id: pulumi.Output[str]
    public: Mapping[str, pulumi.Output[str]]
    private: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: NetworkArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("network", "Network"), name, {}, opts)
        self._own = ResourceOptions(parent=self)
        self._args = args
        vpc = ec2.Vpc(
            name,
            cidr_block=str(args.cidr),
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags=name_tag(name),
            opts=self._own,
        )
        self.vpc_id = vpc.id
        # Every VPC has this group and it cannot be deleted: emptied, so that nothing can be reached by forgetting a group.
        ec2.DefaultSecurityGroup(name, vpc_id=vpc.id, ingress=[], egress=[], tags=name_tag(f"{name}-unused"), opts=self._own)

        plan = subnets.split(args.cidr, args.zones)
        public = {zone: self._subnet(f"{name}-public-{zone}", zone, plan[zone].public) for zone in args.zones}
        private = {zone: self._subnet(f"{name}-private-{zone}", zone, plan[zone].private) for zone in args.zones}
        self.public = {zone: subnet.id for zone, subnet in public.items()}
        self.private = {zone: subnet.id for zone, subnet in private.items()}

        internet = ec2.InternetGateway(name, vpc_id=vpc.id, tags=name_tag(name), opts=self._own)
        door = self._table(f"{name}-public")
        to_internet = ec2.Route(
            f"{name}-public", route_table_id=door.id, destination_cidr_block=ANYWHERE, gateway_id=internet.id, opts=self._own
        )
        for zone in args.zones:
            self._associate(f"{name}-public-{zone}", public[zone], door)

        # A NAT gateway can be made before its subnet has a route, but is of no use until then.
        nat_zones = args.zones if args.egress == "nat-per-zone" else args.zones[:1]
        nats = {zone: self._nat(f"{name}-nat-{zone}", public[zone], to_internet) for zone in nat_zones}
        tables = {zone: self._table(f"{name}-private-{zone}") for zone in args.zones}
        for zone in args.zones:
            ec2.Route(
                f"{name}-private-{zone}",
                route_table_id=tables[zone].id,
                destination_cidr_block=ANYWHERE,
                nat_gateway_id=nats.get(zone, nats[nat_zones[0]]).id,
                opts=self._own,
            )
            self._associate(f"{name}-private-{zone}", private[zone], tables[zone])
        for service in ("s3", "dynamodb"):
            self._endpoint(f"{name}-{service}", service, tables)
        self.register_outputs({"vpc_id": self.vpc_id, "public": self.public, "private": self.private})

    def _subnet(self, name: str, zone: str, cidr: IPv4Network) -> ec2.Subnet:
        return ec2.Subnet(
            name,
            vpc_id=self.vpc_id,
            availability_zone=f"{self._args.region}{zone}",
            cidr_block=str(cidr),
            map_public_ip_on_launch=False,
            tags=name_tag(name),
            opts=self._own,
        )

    def _table(self, name: str) -> ec2.RouteTable:
        return ec2.RouteTable(name, vpc_id=self.vpc_id, tags=name_tag(name), opts=self._own)

    def _associate(self, name: str, subnet: ec2.Subnet, table: ec2.RouteTable) -> None:
        ec2.RouteTableAssociation(name, subnet_id=subnet.id, route_table_id=table.id, opts=self._own)

    def _nat(self, name: str, subnet: ec2.Subnet, to_internet: ec2.Route) -> ec2.NatGateway:
        address = ec2.Eip(name, domain="vpc", tags=name_tag(name), opts=self._own)
        return ec2.NatGateway(
            name,
            allocation_id=address.id,
            subnet_id=subnet.id,
            tags=name_tag(name),
            opts=ResourceOptions(parent=self, depends_on=[to_internet]),
        )

    def _endpoint(self, name: str, service: str, tables: Mapping[str, ec2.RouteTable]) -> None:
        """Gateway endpoints cost nothing, spare the NAT gateway's traffic, and work when a zone's NAT does not."""
        ec2.VpcEndpoint(
            name,
            vpc_id=self.vpc_id,
            service_name=f"com.amazonaws.{self._args.region}.{service}",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id for table in tables.values()],
            tags=name_tag(name),
            opts=self._own,
        )
