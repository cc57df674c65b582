"""What users want of this cloud, as far as machines and network care: frozen values, no API and no kernel in here.

Read from the AWS API by `reader.py`; everything else in this package follows it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

INSTANCE = "instance"
LOAD_BALANCER = "load-balancer"

# Reached from every VPC; 198.18.0.0/15 is nobody's address on the internet (RFC 2544).
METADATA_ADDRESS = "169.254.169.254"
API_ADDRESS = "198.18.0.1"  # stands for all of AWS, TLS on port 443
PACKAGES_ADDRESS = "198.18.0.2"  # the package proxy, port 80


@dataclass(frozen=True, kw_only=True)
class Subnet:
    id: str
    vpc_id: str
    cidr: str
    zone: str

    @property
    def router(self) -> str:
        """The VPC router's address: base + 1 (VPC user guide, "Subnet sizing")."""
        return str(ipaddress.ip_network(self.cidr)[1])

    @property
    def prefix_length(self) -> int:
        return ipaddress.ip_network(self.cidr).prefixlen


@dataclass(frozen=True, kw_only=True)
class Vpc:
    id: str
    cidr: str
    subnets: tuple[Subnet, ...] = ()

    @property
    def resolver(self) -> str:
        """The Route 53 Resolver's address: base + 2 of the VPC (VPC user guide, "Amazon DNS")."""
        return str(ipaddress.ip_network(self.cidr)[2])


@dataclass(frozen=True, kw_only=True)
class Interface:
    """A network interface that exists in a namespace: an instance's `ens5`, or a load balancer's in one subnet.

    `owner` is an instance id or a load balancer's id, `kind` INSTANCE or LOAD_BALANCER.
    """

    id: str
    mac: str
    address: str
    subnet_id: str
    vpc_id: str
    groups: tuple[str, ...]
    owner: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One permission of a security group, already one peer: a CIDR or a group (EC2 API, IpPermission).

    `protocol` is tcp, udp, icmp, "-1" for all, or an IANA number. `first` and `last` are ports, or ICMP type and code;
    -1 is any.
    """

    protocol: str
    first: int = -1
    last: int = -1
    cidr: str | None = None
    group: str | None = None


@dataclass(frozen=True, kw_only=True)
class SecurityGroup:
    id: str
    vpc_id: str
    name: str = ""
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Server:
    """An EC2 instance. `wanted` is running, stopped or terminated."""

    id: str
    wanted: str
    interface: Interface | None = None
    instance_type: str = "t3.micro"
    memory_mib: int = 1024
    image_id: str = ""
    architecture: str = "x86_64"
    zone: str = ""
    hostname: str = ""
    launched: str = "1970-01-01T00:00:00Z"
    profile_arn: str | None = None
    role: str | None = None
    role_arn: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    tokens_required: bool = True
    metadata_enabled: bool = True
    hop_limit: int = 1
    tags_in_metadata: bool = False
    terminate_on_shutdown: bool = False
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Volume:
    """An EBS volume other than a root disk; those live and die with their machine."""

    id: str
    size_gib: int


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """As the target group sets it. `port` 0 means the traffic port; `codes` is AWS's matcher, as `200-399`."""

    protocol: str
    port: int = 0
    path: str = "/"
    codes: str = "200-399"
    interval_s: int = 30
    timeout_s: int = 10
    healthy: int = 5
    unhealthy: int = 2


@dataclass(frozen=True, kw_only=True)
class Target:
    """`address` is None while its instance has no interface: nothing can be sent to it."""

    id: str
    port: int
    address: str | None


@dataclass(frozen=True, kw_only=True)
class TargetGroup:
    arn: str
    protocol: str
    health: HealthCheck
    targets: tuple[Target, ...] = ()
    proxy_protocol: bool = False
    deregistration_delay_s: int = 300
    terminate_unhealthy: bool = True
    draining_s: int = 0  # how long an unhealthy target keeps its connections where they are not ended at once; 0 is for ever

    @property
    def id(self) -> str:
        return "tg-" + self.arn.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class Listener:
    arn: str
    protocol: str
    port: int
    target_group_arn: str
    certificate_arns: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LoadBalancer:
    """A Network Load Balancer. Without security groups (None) nothing guards its listeners."""

    arn: str
    vpc_id: str
    groups: tuple[str, ...] | None = None
    listeners: tuple[Listener, ...] = ()

    @property
    def id(self) -> str:
        return "nlb-" + self.arn.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class Desired:
    region: str = "eu-central-1"
    account: str = "123456789012"
    vpcs: tuple[Vpc, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    groups: tuple[SecurityGroup, ...] = ()
    servers: tuple[Server, ...] = ()
    volumes: tuple[Volume, ...] = ()
    load_balancers: tuple[LoadBalancer, ...] = ()
    target_groups: tuple[TargetGroup, ...] = ()

    def vpc(self, vpc_id: str) -> Vpc:
        return next(vpc for vpc in self.vpcs if vpc.id == vpc_id)

    def interfaces_in(self, vpc_id: str) -> tuple[Interface, ...]:
        return tuple(interface for interface in self.interfaces if interface.vpc_id == vpc_id)

    def members(self, group_id: str) -> Iterable[str]:
        """The private addresses of a group's interfaces: what the group stands for as a peer of a rule."""
        return sorted((i.address for i in self.interfaces if group_id in i.groups), key=ipaddress.ip_address)

    @property
    def domain(self) -> str:
        """Of private DNS names (EC2 user guide, "instance hostname types")."""
        return "ec2.internal" if self.region == "us-east-1" else f"{self.region}.compute.internal"
