"""Answers of the AWS API become the desired state; a wish is told from an observation."""

from datetime import UTC, datetime

import pytest

from local.host import reader
from local.host.desired import (
    INSTANCE,
    LOAD_BALANCER,
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

LB = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/net/edge/a55da23fef1e6818"
GROUP = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/tls/b9a69a309978eaf6"
PROFILE = "arn:aws:iam::123456789012:instance-profile/web"
INSTANCE_ANSWER = {
    "InstanceId": "i-1",
    "State": {"Name": "running"},
    "InstanceType": "t3.small",
    "ImageId": "ami-1",
    "Architecture": "x86_64",
    "Placement": {"AvailabilityZone": "eu-central-1a"},
    "PrivateDnsName": "ip-10-20-1-10.eu-central-1.compute.internal",
    "LaunchTime": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    "IamInstanceProfile": {"Arn": PROFILE},
    "Tags": [{"Key": "Stack", "Value": "dev"}, {"Key": "Name", "Value": "web-a"}],
    "MetadataOptions": {
        "HttpTokens": "required",
        "HttpEndpoint": "enabled",
        "HttpPutResponseHopLimit": 2,
        "InstanceMetadataTags": "enabled",
    },
    "BlockDeviceMappings": [
        {"DeviceName": "/dev/sdg", "Ebs": {"VolumeId": "vol-3"}},
        {"DeviceName": "/dev/sdf", "Ebs": {"VolumeId": "vol-2"}},
        {"DeviceName": "/dev/xvda", "Ebs": {"VolumeId": "vol-1"}},
    ],
}
INTERFACE_ANSWER = {
    "NetworkInterfaceId": "eni-1",
    "MacAddress": "02:00:00:41:f9:49",
    "PrivateIpAddress": "10.20.1.10",
    "SubnetId": "subnet-1",
    "VpcId": "vpc-1",
    "Groups": [{"GroupId": "sg-2"}, {"GroupId": "sg-1"}],
    "Description": "Primary network interface",
    "Attachment": {"InstanceId": "i-1", "DeviceIndex": 0},
}


def test_an_instance():
    roles = {PROFILE: [{"RoleName": "web", "Arn": "arn:aws:iam::123456789012:role/web"}]}
    assert reader.server(INSTANCE_ANSWER, roles, 2048) == Server(
        id="i-1",
        wanted="running",
        instance_type="t3.small",
        memory_mib=2048,
        image_id="ami-1",
        architecture="x86_64",
        zone="eu-central-1a",
        hostname="ip-10-20-1-10.eu-central-1.compute.internal",
        launched="2026-01-02T03:04:05Z",
        profile_arn=PROFILE,
        role="web",
        role_arn="arn:aws:iam::123456789012:role/web",
        tags=(("Name", "web-a"), ("Stack", "dev")),
        hop_limit=2,
        tags_in_metadata=True,
        volumes=("vol-2", "vol-3"),
    )


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        ("pending", "running"),
        ("running", "running"),
        ("stopping", "stopped"),
        ("stopped", "stopped"),
        ("shutting-down", "terminated"),
        ("terminated", "terminated"),
    ],
)
def test_a_state_on_its_way_says_where_it_is_going(shown, wanted):
    assert reader.server({**INSTANCE_ANSWER, "State": {"Name": shown}}, {}, 2048).wanted == wanted


def test_an_instance_without_profile_has_no_role():
    answer = {key: value for key, value in INSTANCE_ANSWER.items() if key != "IamInstanceProfile"}
    assert reader.server(answer, {}, 2048).role is None


def test_a_vpc_with_its_subnets():
    answers = [
        {"SubnetId": "subnet-2", "VpcId": "vpc-1", "CidrBlock": "10.20.1.0/24", "AvailabilityZone": "eu-central-1b"},
        {"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "10.20.0.0/24", "AvailabilityZone": "eu-central-1a"},
        {"SubnetId": "subnet-3", "VpcId": "vpc-2", "CidrBlock": "10.30.0.0/24", "AvailabilityZone": "eu-central-1a"},
    ]
    found = reader.vpc({"VpcId": "vpc-1", "CidrBlock": "10.20.0.0/16"}, [reader.subnet(answer) for answer in answers])
    assert found == Vpc(
        id="vpc-1",
        cidr="10.20.0.0/16",
        subnets=(
            Subnet(id="subnet-1", vpc_id="vpc-1", cidr="10.20.0.0/24", zone="eu-central-1a"),
            Subnet(id="subnet-2", vpc_id="vpc-1", cidr="10.20.1.0/24", zone="eu-central-1b"),
        ),
    )
    assert (found.resolver, found.subnets[1].router) == ("10.20.0.2", "10.20.1.1")


def test_an_instances_interface():
    assert reader.interface(INTERFACE_ANSWER) == Interface(
        id="eni-1",
        mac="02:00:00:41:f9:49",
        address="10.20.1.10",
        subnet_id="subnet-1",
        vpc_id="vpc-1",
        groups=("sg-1", "sg-2"),
        owner="i-1",
        kind=INSTANCE,
    )


def test_a_load_balancers_interface_belongs_to_it():
    answer = {**INTERFACE_ANSWER, "Description": "ELB net/edge/a55da23fef1e6818", "Attachment": {}}
    found = reader.interface(answer)
    assert (found.owner, found.kind) == ("nlb-a55da23fef1e6818", LOAD_BALANCER)
    assert found.owner == LoadBalancer(arn=LB, vpc_id="vpc-1").id


@pytest.mark.parametrize(
    "fields",
    [{"Attachment": {}}, {"Attachment": {"InstanceId": "i-1", "DeviceIndex": 1}}, {"Description": "NAT", "Attachment": {}}],
)
def test_an_interface_that_nothing_here_plugs_in_is_left_out(fields):
    assert reader.interface({**INTERFACE_ANSWER, **fields}) is None


def test_a_security_group_has_one_rule_for_each_peer():
    answer = {
        "GroupId": "sg-1",
        "VpcId": "vpc-1",
        "GroupName": "web",
        "IpPermissions": [
            {
                "IpProtocol": "tcp",
                "FromPort": 80,
                "ToPort": 81,
                "IpRanges": [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "0.0.0.0/0"}],
                "UserIdGroupPairs": [{"GroupId": "sg-2"}],
                "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
                "PrefixListIds": [],
            }
        ],
        "IpPermissionsEgress": [
            {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": [{"PrefixListId": "pl-1"}]},
        ],
    }
    assert reader.security_group(answer) == SecurityGroup(
        id="sg-1",
        vpc_id="vpc-1",
        name="web",
        ingress=(
            Rule(protocol="tcp", first=80, last=81, cidr="10.0.0.0/8"),
            Rule(protocol="tcp", first=80, last=81, cidr="0.0.0.0/0"),
            Rule(protocol="tcp", first=80, last=81, group="sg-2"),
        ),
        egress=(
            Rule(protocol="-1", cidr="0.0.0.0/0"),
            Rule(protocol="tcp", first=443, last=443, cidr="198.18.0.1/32"),  # AWS's own networks: the local API
        ),
    )


def test_root_disks_and_volumes_not_yet_or_no_more_there_are_left_out():
    answers = [
        {"VolumeId": "vol-1", "Size": 8, "State": "in-use", "Attachments": [{"Device": "/dev/xvda"}]},
        {"VolumeId": "vol-2", "Size": 20, "State": "in-use", "Attachments": [{"Device": "/dev/sdf"}]},
        {"VolumeId": "vol-3", "Size": 30, "State": "available"},
        {"VolumeId": "vol-4", "Size": 30, "State": "creating"},
    ]
    assert reader.volumes(answers) == (Volume(id="vol-2", size_gib=20), Volume(id="vol-3", size_gib=30))


def test_a_network_load_balancer_with_its_listeners():
    answer = {"LoadBalancerArn": LB, "VpcId": "vpc-1", "SecurityGroups": ["sg-1"]}
    listeners = [
        {
            "ListenerArn": "arn:2",
            "Protocol": "TLS",
            "Port": 443,
            "DefaultActions": [{"Type": "forward", "TargetGroupArn": GROUP}],
            "Certificates": [{"CertificateArn": "arn:c"}],
        },
        {
            "ListenerArn": "arn:1",
            "Protocol": "TCP",
            "Port": 80,
            "DefaultActions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": GROUP}]}}],
        },
    ]
    assert reader.load_balancer(answer, listeners) == LoadBalancer(
        arn=LB,
        vpc_id="vpc-1",
        groups=("sg-1",),
        listeners=(
            Listener(arn="arn:1", protocol="TCP", port=80, target_group_arn=GROUP),
            Listener(arn="arn:2", protocol="TLS", port=443, target_group_arn=GROUP, certificate_arns=("arn:c",)),
        ),
    )
    assert reader.load_balancer({**answer, "SecurityGroups": []}, []).groups is None


TARGET_GROUP_ANSWER = {
    "TargetGroupArn": GROUP,
    "Protocol": "TLS",
    "TargetType": "instance",
    "HealthCheckProtocol": "HTTP",
    "HealthCheckPort": "8405",
    "HealthCheckPath": "/health",
    "HealthCheckIntervalSeconds": 5,
    "HealthCheckTimeoutSeconds": 3,
    "HealthyThresholdCount": 2,
    "UnhealthyThresholdCount": 3,
    "Matcher": {"HttpCode": "200"},
}


def health(target, port, state, reason=None):
    return {"Target": {"Id": target, "Port": port}, "TargetHealth": {"State": state, "Reason": reason}}


def test_a_target_group_without_those_that_drain():
    attributes = [
        {"Key": "proxy_protocol_v2.enabled", "Value": "true"},
        {"Key": "deregistration_delay.timeout_seconds", "Value": "30"},
        {"Key": "target_health_state.unhealthy.connection_termination.enabled", "Value": "false"},
        {"Key": "target_health_state.unhealthy.draining_interval_seconds", "Value": "20"},
    ]
    targets = [health("i-2", 8443, "unhealthy"), health("i-1", 8443, "initial"), health("i-3", 8443, "draining")]
    assert reader.target_group(TARGET_GROUP_ANSWER, attributes, targets, {"i-1": "10.20.1.10"}) == TargetGroup(
        arn=GROUP,
        protocol="TLS",
        health=HealthCheck(
            protocol="HTTP", port=8405, path="/health", codes="200", interval_s=5, timeout_s=3, healthy=2, unhealthy=3
        ),
        targets=(Target(id="i-1", port=8443, address="10.20.1.10"), Target(id="i-2", port=8443, address=None)),
        proxy_protocol=True,
        deregistration_delay_s=30,
        terminate_unhealthy=False,
        draining_s=20,
    )


def test_a_target_group_of_addresses_with_aws_defaults():
    answer = {**TARGET_GROUP_ANSWER, "TargetType": "ip", "HealthCheckProtocol": "TCP", "HealthCheckPort": "traffic-port"}
    del answer["Matcher"], answer["HealthCheckPath"]
    found = reader.target_group(answer, [], [health("10.20.1.7", 80, "healthy")], {})
    assert found.targets == (Target(id="10.20.1.7", port=80, address="10.20.1.7"),)
    assert (found.health.port, found.proxy_protocol, found.deregistration_delay_s) == (0, False, 300)
    assert (found.terminate_unhealthy, found.draining_s) == (True, 0)
