"""A small VPC that the tests of this package share: three servers, and a Network Load Balancer in front of them."""

from dataclasses import replace

from local.host.desired import (
    INSTANCE,
    LOAD_BALANCER,
    Desired,
    HealthCheck,
    Interface,
    Listener,
    LoadBalancer,
    Rule,
    SecurityGroup,
    Server,
    Subnet,
    Target,
    TargetGroup,
    Vpc,
)

VPC = "vpc-1"
NLB = "nlb-50dc6c495c0c9188"
BALANCER_ARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/net/edge/50dc6c495c0c9188"
TLS_GROUP = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/tls/73e2d6bc24d8a067"
PLAIN_GROUP = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/plain/943f017f100becff"
CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"


def listener(protocol: str, port: int, group: str, *certificates: str) -> Listener:
    arn = BALANCER_ARN.replace("loadbalancer", "listener") + f"/{port:016x}"
    return Listener(arn=arn, protocol=protocol, port=port, target_group_arn=group, certificate_arns=certificates)


def interface(name: str, address: str, subnet: str, group: str, kind: str = INSTANCE) -> Interface:
    last = address.split(".")[2:]
    return Interface(
        id=f"eni-{name}-{subnet}",
        mac=f"02:00:00:00:{int(last[0]):02x}:{int(last[1]):02x}",
        address=address,
        subnet_id=subnet,
        vpc_id=VPC,
        groups=(group,),
        owner=name,
        kind=kind,
    )


def subnet(name: str, cidr: str, zone: str) -> Subnet:
    return Subnet(id=name, vpc_id=VPC, cidr=cidr, zone=f"eu-central-1{zone}")


def tcp(port: int, **peer: str) -> Rule:
    return Rule(protocol="tcp", first=port, last=port, **peer)


LISTENERS = (listener("TCP", 8080, PLAIN_GROUP), listener("TLS", 8443, TLS_GROUP, CERTIFICATE))
HTTP_CHECK = HealthCheck(protocol="HTTP", port=8405, path="/health", interval_s=5, timeout_s=3, healthy=2, unhealthy=2)
TARGETS = (("i-a", "10.20.1.10"), ("i-b", "10.20.1.11"), ("i-lb", "10.20.2.10"))

CLOUD = Desired(
    vpcs=(
        Vpc(
            id=VPC,
            cidr="10.20.0.0/16",
            subnets=(
                subnet("subnet-public-a", "10.20.0.0/24", "a"),
                subnet("subnet-public-b", "10.20.3.0/24", "b"),
                subnet("subnet-private-a", "10.20.1.0/24", "a"),
                subnet("subnet-private-b", "10.20.2.0/24", "b"),
            ),
        ),
    ),
    interfaces=(
        interface("i-a", "10.20.1.10", "subnet-private-a", "sg-web"),
        interface("i-b", "10.20.1.11", "subnet-private-a", "sg-web"),
        interface("i-lb", "10.20.2.10", "subnet-private-b", "sg-lb"),
        interface(NLB, "10.20.0.250", "subnet-public-a", "sg-nlb", LOAD_BALANCER),
        interface(NLB, "10.20.3.250", "subnet-public-b", "sg-nlb", LOAD_BALANCER),
    ),
    groups=(
        SecurityGroup(
            id="sg-nlb",
            vpc_id=VPC,
            name="nlb",
            ingress=(tcp(8443, cidr="0.0.0.0/0"), tcp(8080, cidr="0.0.0.0/0")),
            egress=(*(tcp(port, group=group) for group in ("sg-lb", "sg-web") for port in (8080, 8405, 8443)),),
        ),
        SecurityGroup(
            id="sg-web",
            vpc_id=VPC,
            name="web",
            ingress=(
                *(tcp(port, group="sg-nlb") for port in (8080, 8405, 8443)),
                tcp(3306, group="sg-web"),
                tcp(8444, group="sg-lb"),
                Rule(protocol="icmp", first=8, cidr="10.20.0.0/16"),
            ),
            egress=(tcp(443, cidr="0.0.0.0/0"), tcp(80, cidr="0.0.0.0/0"), tcp(3306, group="sg-web")),
        ),
        SecurityGroup(
            id="sg-lb",
            vpc_id=VPC,
            name="lb",
            ingress=tuple(tcp(port, group="sg-nlb") for port in (8080, 8405, 8443)),
            egress=(Rule(protocol="-1", cidr="0.0.0.0/0"),),
        ),
        SecurityGroup(id="sg-unused", vpc_id=VPC, name="unused", egress=(Rule(protocol="-1", cidr="0.0.0.0/0"),)),
    ),
    servers=(
        Server(
            id="i-a",
            wanted="running",
            instance_type="t3.small",
            image_id="ami-1",
            zone="eu-central-1a",
            hostname="ip-10-20-1-10.eu-central-1.compute.internal",
            launched="2026-01-02T03:04:05Z",
            profile_arn="arn:aws:iam::123456789012:instance-profile/web",
            role="web",
            role_arn="arn:aws:iam::123456789012:role/web",
            tags=(("Name", "web-a"),),
        ),
        Server(id="i-b", wanted="running"),
        Server(id="i-lb", wanted="running"),
    ),
    load_balancers=(LoadBalancer(arn=BALANCER_ARN, vpc_id=VPC, groups=("sg-nlb",), listeners=LISTENERS),),
    target_groups=(
        TargetGroup(
            arn=TLS_GROUP,
            protocol="TLS",
            health=HTTP_CHECK,
            targets=tuple(Target(id=name, port=8443, address=address) for name, address in TARGETS),
            proxy_protocol=True,
        ),
        TargetGroup(
            arn=PLAIN_GROUP,
            protocol="TCP",
            health=replace(HTTP_CHECK, protocol="TCP", port=0),
            targets=tuple(Target(id=name, port=8080, address=address) for name, address in TARGETS),
            terminate_unhealthy=False,
        ),
    ),
)
