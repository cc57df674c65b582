"""The front door: a network load balancer with a TLS listener, and one beside it whose visitors are redirected to that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_aws import lb, route53

from cloud_init import front_door, ports
from components import certificates
from components.naming import name_tag, token

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"  # TLS 1.3 and 1.2 with forward secrecy, nothing older
DRAIN_SECONDS = 30
HEALTH_CHECK = {
    "protocol": "HTTP",
    "port": str(ports.HAPROXY_HEALTH),
    "path": "/health",
    "matcher": "200",
    "interval": front_door.INTERVAL_S,
    "timeout": front_door.TIMEOUT_S,
    "healthy_threshold": 2,
    "unhealthy_threshold": front_door.FAILURES,
}


@dataclass(frozen=True, kw_only=True)
class EdgeArgs:
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_id: pulumi.Input[str]
    https_port: int
    http_port: int
    hostnames: tuple[str, ...]  # on the self-signed certificate, besides the load balancer's own name
    domain: str | None
    domain_zone: str | None
    protect: bool
    after: Sequence[pulumi.Resource]  # AWS refuses a public balancer in a VPC without a way to the internet


class Edge(pulumi.ComponentResource):
    """`url` is where visitors go; `certificate` is the PEM they have to trust, None when everybody does already.

    `targets` are the target groups servers have to join, by the HAProxy port they are for; their health checks decide when
    visitors reach a server.
    """

    balancer: lb.LoadBalancer
    certificate_arn: pulumi.Output[str]
    url: pulumi.Output[str]
    certificate: pulumi.Output[str] | None
    targets: Mapping[int, lb.TargetGroup]

    def __init__(self, name: str, args: EdgeArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("edge", "Edge"), name, {}, opts)
        self._own = ResourceOptions(parent=self)
        self.balancer = lb.LoadBalancer(
            name,
            load_balancer_type="network",
            internal=False,
            subnets=list(args.subnet_ids),
            security_groups=[args.security_group_id],  # a balancer made without a group can never get one
            enable_cross_zone_load_balancing=True,  # or a zone without a healthy server leaves the balancer's DNS name
            enable_deletion_protection=args.protect,
            tags=name_tag(name),
            opts=ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        self.certificate = None
        https = self._targets(f"{name}-https", "TLS", ports.HAPROXY_TLS, args.vpc_id)
        http = self._targets(f"{name}-http", "TCP", ports.HAPROXY_REDIRECT, args.vpc_id)
        self.targets = {ports.HAPROXY_TLS: https, ports.HAPROXY_REDIRECT: http}
        self.certificate_arn = self._certified(name, args)
        tls = {"protocol": "TLS", "certificate_arn": self.certificate_arn, "ssl_policy": TLS_POLICY}
        self._listener(f"{name}-https", args.https_port, https, **tls)
        self._listener(f"{name}-http", args.http_port, http, protocol="TCP")
        shown = args.domain or next(iter(args.hostnames), None) or self.balancer.dns_name
        self.url = pulumi.Output.concat("https://", shown, "" if args.https_port == 443 else f":{args.https_port}")
        self.register_outputs({"url": self.url, "dns_name": self.balancer.dns_name})

    def _certified(self, name: str, args: EdgeArgs) -> pulumi.Output[str]:
        """The ARN of the certificate: Amazon's for the domain, which then leads here, or one of our own."""
        if args.domain is None:
            own = certificates.SelfSigned(
                name, certificates.SelfSignedArgs(hostnames=[self.balancer.dns_name, *args.hostnames]), self._own
            )
            self.certificate = own.trust
            return own.arn
        route53.Record(
            name,
            zone_id=args.domain_zone,
            name=args.domain,
            type="A",
            aliases=[{"name": self.balancer.dns_name, "zone_id": self.balancer.zone_id, "evaluate_target_health": True}],
            opts=self._own,
        )
        return certificates.Public(name, certificates.PublicArgs(domain=args.domain, zone_id=args.domain_zone), self._own).arn

    def _targets(self, name: str, protocol: str, port: int, vpc_id: pulumi.Input[str]) -> lb.TargetGroup:
        return lb.TargetGroup(
            name,
            # A server keeps its address when its instance is another one: replaced, it is never taken out by deregistration, only
            # by its health checks, which every server fails in time before it stops.
            target_type="ip",
            vpc_id=vpc_id,
            protocol=protocol,
            port=port,
            proxy_protocol_v2=True,  # tells HAProxy who the visitor is …
            preserve_client_ip="false",  # … while the servers see, and admit, only the balancer
            deregistration_delay=DRAIN_SECONDS,
            # Connections to a server that leaves end by themselves; those to a dead one are ended for the visitor after this.
            target_health_states=[
                {"enable_unhealthy_connection_termination": False, "unhealthy_draining_interval": front_door.ENDED_S}
            ],
            health_check=HEALTH_CHECK,
            tags=name_tag(name),
            opts=self._own,
        )

    def _listener(self, name: str, port: int, targets: lb.TargetGroup, **protocol: object) -> None:
        lb.Listener(
            name,
            load_balancer_arn=self.balancer.arn,
            port=port,
            default_actions=[{"type": "forward", "target_group_arn": targets.arn}],
            tags=name_tag(name),
            opts=self._own,
            **protocol,
        )
