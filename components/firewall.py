"""Who may talk to whom: one table of flows, and the security groups and rules made from it.

Everything that is not in the table is refused. DHCP, Amazon's resolver, clock and metadata service are not subject to
security groups (https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_aws import ec2, vpc

from cloud_init import ports
from components.naming import name_tag, token
from components.network import ANYWHERE

WORLD = "world"
EDGE = "edge"  # the network load balancer
LB = "lb"
WEB = "web"
# Fixed for ever: AWS cannot change a group's description, so a new text would replace the group under its users.
GROUPS = {
    EDGE: "Network load balancer, the front door",
    LB: "Server with HAProxy only",
    WEB: "Servers with HAProxy, Nginx, the application and MySQL",
}


@dataclass(frozen=True, kw_only=True)
class Flow:
    """TCP connections from `source` to `destination`. The reason becomes the rules' description, so it is in AWS's alphabet."""

    source: str
    destination: str
    port: int
    reason: str


def flows(https_port: int, http_port: int) -> tuple[Flow, ...]:
    """The whole table. The two ports are the front door's own."""
    table = [
        (WORLD, EDGE, https_port, "visitors, TLS"),
        (WORLD, EDGE, http_port, "visitors, to be redirected to TLS"),
        *((EDGE, server, ports.HAPROXY_TLS, "requests, PROXY v2 and TLS") for server in (LB, WEB)),
        *((EDGE, server, ports.HAPROXY_REDIRECT, "requests to be redirected, PROXY v2") for server in (LB, WEB)),
        *((EDGE, server, ports.HAPROXY_HEALTH, "health checks, PROXY v2") for server in (LB, WEB)),
        *((server, WEB, ports.NGINX_TLS, "HAProxy to Nginx, TLS") for server in (LB, WEB)),
        (WEB, WEB, ports.MYSQL, "queries and replication, TLS"),
        (LB, WEB, ports.AGENT, "has my predecessor the release"),
        *((server, WEB, ports.ROLES, "who is primary, who is replica") for server in (LB, WEB)),
        (WEB, WEB, ports.MEMBERS, "lease, switchover, TLS"),
        (WEB, LB, ports.AGENT, "has my predecessor the release"),
        (WEB, WEB, ports.AGENT, "has my predecessor the release"),
        *((server, WORLD, 443, "AWS API") for server in (LB, WEB)),
        *((server, WORLD, 80, "packages of the distribution, signed") for server in (LB, WEB)),
    ]
    return tuple(Flow(source=s, destination=d, port=port, reason=reason) for s, d, port, reason in table)


@dataclass(frozen=True, kw_only=True)
class FirewallArgs:
    vpc_id: pulumi.Input[str]
    flows: tuple[Flow, ...]


class Firewall(pulumi.ComponentResource):
    """`groups` holds the security group id of each kind of machine. Whoever has to talk waits for the whole component."""

    groups: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: FirewallArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("firewall", "Firewall"), name, {}, opts)
        self._own = ResourceOptions(parent=self)
        self.groups = {
            kind: ec2.SecurityGroup(
                f"{name}-{kind}",
                vpc_id=args.vpc_id,
                description=description,
                tags=name_tag(f"{name}-{kind}"),
                opts=self._own,
            ).id
            for kind, description in GROUPS.items()
        }
        for flow in args.flows:
            self._rules(name, flow)
        self.register_outputs({"groups": self.groups})

    def _rules(self, name: str, flow: Flow) -> None:
        """Both ends have a group that must allow the flow, except where one end is the world."""
        name = f"{name}-{flow.source}-to-{flow.destination}-{flow.port}"
        common = {"ip_protocol": "tcp", "from_port": flow.port, "to_port": flow.port, "description": flow.reason}
        if flow.destination != WORLD:
            own = {"security_group_id": self.groups[flow.destination]} | self._peer(flow.source)
            vpc.SecurityGroupIngressRule(name, **common, **own, tags=name_tag(name), opts=self._own)
        if flow.source != WORLD:
            own = {"security_group_id": self.groups[flow.source]} | self._peer(flow.destination)
            vpc.SecurityGroupEgressRule(name, **common, **own, tags=name_tag(name), opts=self._own)

    def _peer(self, other: str) -> dict[str, pulumi.Input[str]]:
        return {"cidr_ipv4": ANYWHERE} if other == WORLD else {"referenced_security_group_id": self.groups[other]}
