"""What service resources need around them, made with boto3. The network is one for all tests, names are unique."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Clients = Callable[[str], Any]
TAGS = {"tags": {"Name": "site"}}
RETAGGED = {"tags": {"Name": "site", "owner": "ops"}}


def policy(*actions: str, resource: str = "*") -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": [resource]}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)


def document(command: str) -> str:
    parameters = {"server": {"type": "String", "description": "of the new primary", "default": ""}}
    step = {"action": "aws:runShellScript", "name": "agent", "inputs": {"runCommand": [command]}}
    return json.dumps({"schemaVersion": "2.2", "description": "A verb", "parameters": parameters, "mainSteps": [step]})


TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": {"Service": "ec2.amazonaws.com"}}],
    }
)


numbers = itertools.count()


def unique(name: str) -> str:
    return f"{name}-{next(numbers)}"


def role(aws: Clients) -> str:
    return aws("iam").create_role(RoleName=unique("servers"), AssumeRolePolicyDocument=TRUST)["Role"]["RoleName"]


def managed_policy(aws: Clients) -> str:
    return aws("iam").create_policy(PolicyName=unique("reads"), PolicyDocument=policy("s3:GetObject"))["Policy"]["Arn"]


def bucket(aws: Clients, versioned: bool = False) -> str:
    name = unique("release")
    aws("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    if versioned:
        aws("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def key(aws: Clients) -> str:
    return aws("kms").create_key()["KeyMetadata"]["KeyId"]


@cache
def vpc(aws: Clients) -> str:
    """One for all tests, with an internet gateway, without which AWS makes no public load balancer."""
    ec2 = aws("ec2")
    vpc_id = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    gateway_id = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway_id, VpcId=vpc_id)
    return vpc_id


@cache
def subnet(aws: Clients, number: int) -> str:
    zone, cidr = f"eu-central-1{'abc'[number]}", f"10.20.{number}.0/24"
    return aws("ec2").create_subnet(VpcId=vpc(aws), CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]["SubnetId"]


@cache
def instance(aws: Clients) -> str:
    answer = aws("ec2").run_instances(
        ImageId="ami-0d15717b0fedb0001", MinCount=1, MaxCount=1, InstanceType="t3.micro", SubnetId=subnet(aws, 0)
    )
    return answer["Instances"][0]["InstanceId"]


def security_group(aws: Clients) -> str:
    return aws("ec2").create_security_group(GroupName=unique("door"), Description="front door", VpcId=vpc(aws))["GroupId"]


def target_group(aws: Clients) -> str:
    group = {"Name": unique("web"), "Protocol": "TCP", "Port": 8443, "VpcId": vpc(aws), "TargetType": "ip"}
    answer = aws("elbv2").create_target_group(**group)
    return answer["TargetGroups"][0]["TargetGroupArn"]


def zone(aws: Clients) -> str:
    domain = f"{unique('site')}.example.org"
    made = aws("route53").create_hosted_zone(Name=domain, CallerReference=domain)
    return made["HostedZone"]["Id"].removeprefix("/hostedzone/")


def topic(aws: Clients) -> str:
    return aws("sns").create_topic(Name=unique("alarms"))["TopicArn"]


def log_group(aws: Clients) -> str:
    """Its ARN."""
    name = unique("refused")
    aws("logs").create_log_group(logGroupName=name)
    return f"arn:aws:logs:eu-central-1:123456789012:log-group:{name}"


def certificate(*names: str) -> dict[str, str]:
    """A self-signed one and its key, as an ACM import takes them."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(hours=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "certificateBody": made.public_bytes(serialization.Encoding.PEM).decode(),
        "privateKey": key.private_bytes(serialization.Encoding.PEM, *form).decode(),
    }


def load_balancer_program(aws: Clients) -> dict[str, Any]:
    return {
        "loadBalancerType": "network",
        "internal": False,
        "subnets": [subnet(aws, number) for number in (1, 0)],
        "securityGroups": [security_group(aws)],
        "enableCrossZoneLoadBalancing": True,
        **TAGS,
    }


def target_program(aws: Clients) -> dict[str, Any]:
    return {"targetGroupArn": target_group(aws), "targetId": "10.20.0.7", "port": 8443}


def listener_program(aws: Clients) -> dict[str, Any]:
    balancer = aws("elbv2").create_load_balancer(Name=unique("door"), Type="network", Subnets=[subnet(aws, 0)])
    return {
        "loadBalancerArn": balancer["LoadBalancers"][0]["LoadBalancerArn"],
        "port": 80,
        "protocol": "TCP",
        "defaultActions": [{"type": "forward", "targetGroupArn": target_group(aws)}],
        **TAGS,
    }


def snapshots(count: int) -> dict[str, Any]:
    return {
        "resourceTypes": ["VOLUME"],
        "targetTags": {"Backup": "site"},
        "schedules": [
            {
                "name": "daily",
                "createRule": {"interval": 24, "intervalUnit": "HOURS", "times": "03:00"},
                "retainRule": {"count": count},
                "copyTags": True,
            }
        ],
    }


HEALTH = {
    "protocol": "HTTP",
    "port": "8405",
    "path": "/health",
    "matcher": "200",
    "interval": 5,
    "timeout": 2,
    "healthyThreshold": 2,
    "unhealthyThreshold": 2,
}
