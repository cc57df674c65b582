"""Reads the desired state from the AWS API: `read` asks, the other functions turn answers into values of `desired.py`.

Answers have the shapes of boto3 (EC2, ELBv2 and IAM API references). Only what users set is read; what is observed
(a target's health, an instance on its way) is not taken for a wish.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from local.host.desired import (
    API_ADDRESS,
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
    Volume,
    Vpc,
)
from local.instance import Instance

# What the API shows while an instance is on its way says where it is going (EC2 user guide, "instance lifecycle").
WANTED = {
    "pending": "running",
    "running": "running",
    "stopping": "stopped",
    "stopped": "stopped",
    "shutting-down": "terminated",
    "terminated": "terminated",
}
ROOTS = ("/dev/sda1", "/dev/xvda")  # reserved for the root volume (EC2 user guide, "Device names for volumes")
TERMINATE_UNHEALTHY = "target_health_state.unhealthy.connection_termination.enabled"
DRAINING_INTERVAL = "target_health_state.unhealthy.draining_interval_seconds"


class Api:
    """The clients of one instance's API, made once: a boto3 client costs more than its calls."""

    def __init__(self, instance: Instance) -> None:
        self.ec2 = instance.client("ec2")
        self.elb = instance.client("elbv2")
        self.iam = instance.client("iam")
        self.sts = instance.client("sts")
        self.region = instance.region
        self.memory = cache(self.read_memory)

    def read_memory(self, instance_type: str) -> int:
        """The MiB of an instance type."""
        answer = self.ec2.describe_instance_types(InstanceTypes=[instance_type])["InstanceTypes"][0]
        return answer["MemoryInfo"]["SizeInMiB"]


def read(api: Api) -> Desired:
    """One picture of everything. Raises botocore's errors when the API does not answer.

    An instance that is shutting down keeps its interface to the end: its services may still have something to say.
    """
    instances = [i for r in pages(api.ec2, "describe_instances", "Reservations") for i in r["Instances"]]
    answers = pages(api.ec2, "describe_network_interfaces", "NetworkInterfaces")
    gone = {answer["InstanceId"] for answer in instances if answer["State"]["Name"] == "terminated"}
    interfaces = tuple(i for answer in answers if (i := interface(answer)) and i.owner not in gone)
    addresses = {i.owner: i.address for i in interfaces if i.kind == INSTANCE}
    subnets = [subnet(answer) for answer in pages(api.ec2, "describe_subnets", "Subnets")]
    return Desired(
        region=api.region,
        account=next((answer["OwnerId"] for answer in answers), Desired.account),
        vpcs=tuple(vpc(answer, subnets) for answer in pages(api.ec2, "describe_vpcs", "Vpcs")),
        interfaces=interfaces,
        groups=tuple(security_group(answer) for answer in pages(api.ec2, "describe_security_groups", "SecurityGroups")),
        servers=read_servers(api, instances),
        volumes=volumes(pages(api.ec2, "describe_volumes", "Volumes")),
        load_balancers=tuple(
            read_load_balancer(api, answer)
            for answer in pages(api.elb, "describe_load_balancers", "LoadBalancers")
            if answer["Type"] == "network"
        ),
        target_groups=tuple(
            read_target_group(api, answer, addresses) for answer in pages(api.elb, "describe_target_groups", "TargetGroups")
        ),
    )


def pages(client, operation: str, key: str, **arguments) -> list:
    return [item for page in client.get_paginator(operation).paginate(**arguments) for item in page[key]]


def read_servers(api: Api, answers: Sequence[Mapping]) -> tuple[Server, ...]:
    live = [answer for answer in answers if WANTED[answer["State"]["Name"]] != "terminated"]
    roles = {
        arn: api.iam.get_instance_profile(InstanceProfileName=arn.rpartition("/")[2])["InstanceProfile"]["Roles"]
        for arn in sorted({profile_of(answer) for answer in live} - {None})
    }
    return tuple(server(answer, roles, api.memory(answer["InstanceType"])) for answer in answers)


def profile_of(answer: Mapping) -> str | None:
    return answer.get("IamInstanceProfile", {}).get("Arn")


def server(answer: Mapping, roles: Mapping[str, Sequence[Mapping]], memory_mib: int) -> Server:
    """Of an instance of DescribeInstances; `roles` maps the ARN of an instance profile to its roles, at most one."""
    role = next(iter(roles.get(profile_of(answer), [])), {})
    options = answer.get("MetadataOptions", {})
    return Server(
        id=answer["InstanceId"],
        wanted=WANTED[answer["State"]["Name"]],
        instance_type=answer["InstanceType"],
        memory_mib=memory_mib,
        image_id=answer["ImageId"],
        architecture=answer.get("Architecture", "x86_64"),
        zone=answer["Placement"]["AvailabilityZone"],
        hostname=answer.get("PrivateDnsName", ""),
        launched=answer["LaunchTime"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        profile_arn=profile_of(answer),
        role=role.get("RoleName"),
        role_arn=role.get("Arn"),
        tags=tuple(sorted((tag["Key"], tag["Value"]) for tag in answer.get("Tags", []))),
        tokens_required=options.get("HttpTokens", "required") == "required",
        metadata_enabled=options.get("HttpEndpoint", "enabled") == "enabled",
        hop_limit=options.get("HttpPutResponseHopLimit", 1),
        tags_in_metadata=options.get("InstanceMetadataTags") == "enabled",
        terminate_on_shutdown=answer.get("InstanceInitiatedShutdownBehavior") == "terminate",
        volumes=tuple(
            mapping["Ebs"]["VolumeId"]
            for mapping in sorted(answer.get("BlockDeviceMappings", []), key=lambda m: m["DeviceName"])
            if mapping["DeviceName"] not in ROOTS
        ),
    )


def vpc(answer: Mapping, subnets: Sequence[Subnet]) -> Vpc:
    own = sorted((s for s in subnets if s.vpc_id == answer["VpcId"]), key=lambda s: s.id)
    return Vpc(id=answer["VpcId"], cidr=answer["CidrBlock"], subnets=tuple(own))


def subnet(answer: Mapping) -> Subnet:
    return Subnet(id=answer["SubnetId"], vpc_id=answer["VpcId"], cidr=answer["CidrBlock"], zone=answer["AvailabilityZone"])


def interface(answer: Mapping) -> Interface | None:
    """None for interfaces that nothing here plugs in: unattached ones, and those of NAT gateways and endpoints."""
    attachment = answer.get("Attachment", {})
    if answer.get("Description", "").startswith("ELB net/"):
        owner, kind = "nlb-" + answer["Description"].rpartition("/")[2], LOAD_BALANCER
    elif attachment.get("InstanceId") and attachment.get("DeviceIndex") == 0:
        owner, kind = attachment["InstanceId"], INSTANCE
    else:
        return None
    return Interface(
        id=answer["NetworkInterfaceId"],
        mac=answer["MacAddress"],
        address=answer["PrivateIpAddress"],
        subnet_id=answer["SubnetId"],
        vpc_id=answer["VpcId"],
        groups=tuple(sorted(group["GroupId"] for group in answer["Groups"])),
        owner=owner,
        kind=kind,
    )


def security_group(answer: Mapping) -> SecurityGroup:
    return SecurityGroup(
        id=answer["GroupId"],
        vpc_id=answer["VpcId"],
        name=answer["GroupName"],
        ingress=rules(answer["IpPermissions"]),
        egress=rules(answer["IpPermissionsEgress"]),
    )


def rules(permissions: Iterable[Mapping]) -> tuple[Rule, ...]:
    """One `Rule` per peer. IPv6 peers are left out: these VPCs have no IPv6. AWS's prefix lists are the local API."""
    found = []
    for permission in permissions:
        ports = {
            "protocol": permission["IpProtocol"],
            "first": permission.get("FromPort", -1),
            "last": permission.get("ToPort", -1),
        }
        found += [Rule(**ports, cidr=peer["CidrIp"]) for peer in permission.get("IpRanges", [])]
        found += [Rule(**ports, group=peer["GroupId"]) for peer in permission.get("UserIdGroupPairs", [])]
        found += [Rule(**ports, cidr=f"{API_ADDRESS}/32") for _ in permission.get("PrefixListIds", [])]
    return tuple(found)


def volumes(answers: Iterable[Mapping]) -> tuple[Volume, ...]:
    """All but root disks, which are part of their machine."""
    return tuple(
        Volume(id=answer["VolumeId"], size_gib=answer["Size"])
        for answer in answers
        if answer["State"] in ("available", "in-use")
        and not any(attachment["Device"] in ROOTS for attachment in answer.get("Attachments", []))
    )


def read_load_balancer(api: Api, answer: Mapping) -> LoadBalancer:
    arn = answer["LoadBalancerArn"]
    return load_balancer(answer, pages(api.elb, "describe_listeners", "Listeners", LoadBalancerArn=arn))


def load_balancer(answer: Mapping, listeners: Iterable[Mapping]) -> LoadBalancer:
    return LoadBalancer(
        arn=answer["LoadBalancerArn"],
        vpc_id=answer["VpcId"],
        groups=tuple(answer["SecurityGroups"]) if answer.get("SecurityGroups") else None,
        listeners=tuple(sorted((listener(answer) for answer in listeners), key=lambda found: found.port)),
    )


def listener(answer: Mapping) -> Listener:
    action = answer["DefaultActions"][0]
    forward = action.get("TargetGroupArn") or action["ForwardConfig"]["TargetGroups"][0]["TargetGroupArn"]
    return Listener(
        arn=answer["ListenerArn"],
        protocol=answer["Protocol"],
        port=answer["Port"],
        target_group_arn=forward,
        certificate_arns=tuple(c["CertificateArn"] for c in answer.get("Certificates", [])),
    )


def read_target_group(api: Api, answer: Mapping, addresses: Mapping[str, str]) -> TargetGroup:
    arn = answer["TargetGroupArn"]
    attributes = api.elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
    health = api.elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    return target_group(answer, attributes, health, addresses)


def target_group(
    answer: Mapping, attributes: Iterable[Mapping], health: Iterable[Mapping], addresses: Mapping[str, str]
) -> TargetGroup:
    """`addresses` maps instance ids to private addresses. Targets that are leaving are no wish any more."""
    values = {attribute["Key"]: attribute["Value"] for attribute in attributes}
    port = answer["HealthCheckPort"]
    return TargetGroup(
        arn=answer["TargetGroupArn"],
        protocol=answer["Protocol"],
        health=HealthCheck(
            protocol=answer["HealthCheckProtocol"],
            port=0 if port == "traffic-port" else int(port),
            path=answer.get("HealthCheckPath") or "/",
            codes=answer.get("Matcher", {}).get("HttpCode") or "200-399",
            interval_s=answer["HealthCheckIntervalSeconds"],
            timeout_s=answer["HealthCheckTimeoutSeconds"],
            healthy=answer["HealthyThresholdCount"],
            unhealthy=answer["UnhealthyThresholdCount"],
        ),
        targets=tuple(
            Target(
                id=found["Target"]["Id"],
                port=found["Target"]["Port"],
                address=found["Target"]["Id"] if answer["TargetType"] == "ip" else addresses.get(found["Target"]["Id"]),
            )
            for found in sorted(health, key=lambda d: (d["Target"]["Id"], d["Target"]["Port"]))
            if found["TargetHealth"]["State"] != "draining"
        ),
        proxy_protocol=values.get("proxy_protocol_v2.enabled") == "true",
        deregistration_delay_s=int(values.get("deregistration_delay.timeout_seconds", 300)),
        terminate_unhealthy=values.get(TERMINATE_UNHEALTHY, "true") == "true",
        draining_s=int(values.get(DRAINING_INTERVAL, 0)),
    )
