"""One case per kind of resource: what a program sets, what it changes then, and what it may not change in place."""
from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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


TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": {"Service": "ec2.amazonaws.com"}}],
    }
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """`program` makes what the resource needs and returns its inputs. Values of `change` and `replacing` are laid over them."""

    token: str
    program: Callable[[Clients], dict[str, Any]]
    change: Mapping[str, Any] = field(default_factory=dict)
    replacing: Mapping[str, Any] = field(default_factory=dict)
    never_told: tuple[str, ...] = ()  # computed outputs that this very case has no value for
    can_be_undone: bool = True  # versioning of a bucket, once on, can only be suspended


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
def subnet(aws: Clients, number: int = 0) -> str:
    zone, cidr = f"eu-central-1{'abc'[number]}", f"10.20.{number}.0/24"
    return aws("ec2").create_subnet(VpcId=vpc(aws), CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]["SubnetId"]


@cache
def instance(aws: Clients) -> str:
    answer = aws("ec2").run_instances(
        ImageId="ami-0d15717b0fedb0001", MinCount=1, MaxCount=1, InstanceType="t3.micro", SubnetId=subnet(aws)
    )
    return answer["Instances"][0]["InstanceId"]


def security_group(aws: Clients) -> str:
    return aws("ec2").create_security_group(GroupName=unique("door"), Description="front door", VpcId=vpc(aws))["GroupId"]


def target_group(aws: Clients) -> str:
    answer = aws("elbv2").create_target_group(Name=unique("web"), Protocol="TCP", Port=8443, VpcId=vpc(aws))
    return answer["TargetGroups"][0]["TargetGroupArn"]


def zone(aws: Clients) -> str:
    domain = f"{unique('site')}.example.org"
    return aws("route53").create_hosted_zone(Name=domain, CallerReference=domain)["HostedZone"]["Id"]


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
    return {"targetGroupArn": target_group(aws), "targetId": instance(aws), "port": 8443}


def listener_program(aws: Clients) -> dict[str, Any]:
    balancer = aws("elbv2").create_load_balancer(Name=unique("door"), Type="network", Subnets=[subnet(aws)])
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

CASES = (
    Case(
        token="aws:iam/role:Role",
        program=lambda aws: {"assumeRolePolicy": TRUST, "description": "Servers", **TAGS},
        change={"description": "Servers of the site", "maxSessionDuration": 7200, **RETAGGED},
        replacing={"path": "/site/"},
    ),
    Case(
        token="aws:iam/rolePolicy:RolePolicy",
        program=lambda aws: {"role": role(aws), "policy": policy("s3:GetObject", "s3:ListBucket")},
        change={"policy": policy("s3:GetObject")},
        replacing={"role": "others"},
    ),
    Case(
        token="aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        program=lambda aws: {"role": role(aws), "policyArn": managed_policy(aws)},
        replacing={"policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
    ),
    Case(
        token="aws:iam/instanceProfile:InstanceProfile",
        program=lambda aws: {"role": role(aws), **TAGS},
        change=RETAGGED,
        replacing={"name": "site"},
    ),
    Case(
        token="aws:kms/key:Key",
        program=lambda aws: {"description": "Disks", "enableKeyRotation": True, "deletionWindowInDays": 7, **TAGS},
        change={"description": "Disks and secrets", "enableKeyRotation": False, "policy": policy("kms:*"), **RETAGGED},
        replacing={"keyUsage": "SIGN_VERIFY"},
    ),
    Case(
        token="aws:kms/alias:Alias",
        program=lambda aws: {"targetKeyId": key(aws)},
        replacing={"name": "alias/another"},
    ),
    Case(
        token="aws:ssm/parameter:Parameter",
        program=lambda aws: {
            "name": f"/{unique('site')}/password",
            "type": "SecureString",
            "value": "s3cret",
            "keyId": key(aws),
            **TAGS,
        },
        change={"value": "other", "description": "of the database", **RETAGGED},
        replacing={"name": "/site/secret"},
    ),
    Case(
        token="aws:s3/bucket:Bucket",
        program=lambda aws: {"forceDestroy": True, **TAGS},
        change=RETAGGED,
        replacing={"bucket": "another"},
    ),
    Case(
        token="aws:s3/bucketVersioning:BucketVersioning",
        program=lambda aws: {"bucket": bucket(aws), "versioningConfiguration": {"status": "Enabled"}},
        change={"versioningConfiguration": {"status": "Suspended"}},
        can_be_undone=False,
        replacing={"bucket": "another"},
    ),
    Case(
        token="aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        program=lambda aws: {
            "bucket": bucket(aws),
            "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}],
        },
        change={"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}, "bucketKeyEnabled": True}]},
        replacing={"bucket": "another"},
    ),
    Case(
        token="aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        program=lambda aws: {"bucket": bucket(aws), "blockPublicAcls": True, "restrictPublicBuckets": True},
        change={"blockPublicPolicy": True},
        replacing={"bucket": "another"},
    ),
    Case(
        token="aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        program=lambda aws: {"bucket": bucket(aws), "rule": {"objectOwnership": "BucketOwnerEnforced"}},
        change={"rule": {"objectOwnership": "BucketOwnerPreferred"}},
        replacing={"bucket": "another"},
    ),
    Case(
        token="aws:s3/bucketPolicy:BucketPolicy",
        program=lambda aws: {"bucket": bucket(aws), "policy": policy("s3:GetObject", resource="arn:aws:s3:::release/*")},
        change={"policy": policy("s3:*", resource="arn:aws:s3:::release/*")},
        replacing={"bucket": "another"},
    ),
    Case(
        token="aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        program=lambda aws: {
            "bucket": bucket(aws),
            "rules": [
                {
                    "id": "old-versions",
                    "status": "Enabled",
                    "filter": {},
                    "noncurrentVersionExpiration": {"noncurrentDays": 30},
                    "abortIncompleteMultipartUpload": {"daysAfterInitiation": 1},
                }
            ],
        },
        change={"rules": [{"id": "reports", "status": "Enabled", "filter": {"prefix": "reports/"}, "expiration": {"days": 7}}]},
        replacing={"bucket": "another"},
    ),
    Case(
        token="aws:s3/bucketObjectv2:BucketObjectv2",
        program=lambda aws: {"bucket": bucket(aws), "key": "servers/web-a/etc/nginx.conf", "content": "worker 1;\n", **TAGS},
        change={"content": "worker 2;\n", "contentType": "text/plain", **RETAGGED},
        replacing={"key": "servers/web-b/etc/nginx.conf"},
        never_told=("versionId",),
    ),
    Case(
        token="aws:lb/loadBalancer:LoadBalancer",
        program=load_balancer_program,
        change={"enableCrossZoneLoadBalancing": False, **RETAGGED},
        replacing={"internal": True},
    ),
    Case(
        token="aws:lb/targetGroup:TargetGroup",
        program=lambda aws: {
            "protocol": "TCP",
            "port": 8443,
            "vpcId": vpc(aws),
            "targetType": "instance",
            "proxyProtocolV2": True,
            "preserveClientIp": "false",
            "deregistrationDelay": 30,
            "healthCheck": HEALTH,
            **TAGS,
        },
        change={"proxyProtocolV2": False, "deregistrationDelay": 0, "healthCheck": {**HEALTH, "interval": 10}, **RETAGGED},
        replacing={"port": 8080},
    ),
    Case(
        token="aws:lb/targetGroupAttachment:TargetGroupAttachment",
        program=target_program,
        replacing={"port": 8080},
    ),
    Case(
        token="aws:lb/listener:Listener",
        program=listener_program,
        change={"port": 8080, **RETAGGED},
        replacing={"loadBalancerArn": "another"},
    ),
    Case(
        token="aws:route53/record:Record",
        program=lambda aws: {"zoneId": zone(aws), "name": "www", "type": "A", "ttl": 60, "records": ["10.0.0.2", "10.0.0.1"]},
        change={"ttl": 300, "records": ["10.0.0.3"]},
        replacing={"name": "api"},
    ),
    Case(
        token="aws:dynamodb/table:Table",
        program=lambda aws: {
            "billingMode": "PAY_PER_REQUEST",
            "hashKey": "id",
            "attributes": [{"name": "id", "type": "S"}],
            "serverSideEncryption": {"enabled": True},
            "pointInTimeRecovery": {"enabled": True},
            **TAGS,
        },
        change={
            "deletionProtectionEnabled": True,
            "pointInTimeRecovery": {"enabled": False},
            "ttl": {"attributeName": "until", "enabled": True},
            **RETAGGED,
        },
        replacing={"hashKey": "name"},
        never_told=("streamArn", "streamLabel"),
    ),
    Case(
        token="aws:sns/topic:Topic",
        program=lambda aws: {"displayName": "Alarms", **TAGS},
        change={"displayName": "Alarms of the site", **RETAGGED},
        replacing={"fifoTopic": True},
    ),
    Case(
        token="aws:sns/topicSubscription:TopicSubscription",
        program=lambda aws: {
            "topic": aws("sns").create_topic(Name=unique("alarms"))["TopicArn"],
            "protocol": "email",
            "endpoint": "ops@example.org",
        },
        replacing={"endpoint": "dev@example.org"},
    ),
    Case(
        token="aws:cloudwatch/metricAlarm:MetricAlarm",
        program=lambda aws: {
            "namespace": "AWS/EC2",
            "metricName": "StatusCheckFailed",
            "dimensions": {"InstanceId": "i-1"},
            "statistic": "Maximum",
            "comparisonOperator": "GreaterThanOrEqualToThreshold",
            "threshold": 1,
            "period": 60,
            "evaluationPeriods": 2,
            "alarmActions": ["arn:aws:sns:eu-central-1:123456789012:alarms"],
            "treatMissingData": "breaching",
            **TAGS,
        },
        change={"threshold": 2, "treatMissingData": "missing", **RETAGGED},
        replacing={"name": "another"},
    ),
    Case(
        token="aws:cloudwatch/logGroup:LogGroup",
        program=lambda aws: {"retentionInDays": 30, **TAGS},
        change={"retentionInDays": 7, **RETAGGED},
        replacing={"name": "another"},
    ),
    Case(
        token="aws:ec2/flowLog:FlowLog",
        program=lambda aws: {
            "vpcId": vpc(aws),
            "trafficType": "REJECT",
            "logDestination": log_group(aws),
            "iamRoleArn": aws("iam").get_role(RoleName=role(aws))["Role"]["Arn"],
            **TAGS,
        },
        change=RETAGGED,
        replacing={"trafficType": "ALL"},
    ),
    Case(
        token="aws:acm/certificate:Certificate",
        program=lambda aws: {**certificate("localhost"), **TAGS},
        change={**certificate("www.example.org"), **RETAGGED},
        replacing={"domainName": "www.example.org"},
    ),
    Case(
        token="aws:dlm/lifecyclePolicy:LifecyclePolicy",
        program=lambda aws: {
            "description": "Daily snapshots",
            "executionRoleArn": "arn:aws:iam::123456789012:role/snapshots",
            "policyDetails": snapshots(7),
            **TAGS,
        },
        change={"description": "Snapshots", "policyDetails": snapshots(30), "state": "DISABLED", **RETAGGED},
    ),
    Case(
        token="aws:ssm/association:Association",
        program=lambda aws: {
            "name": "AWS-RunShellScript",
            "associationName": "release-web-a",
            "targets": [{"key": "InstanceIds", "values": [instance(aws)]}],
            "parameters": {"commands": "/usr/local/sbin/agent apply 1"},
            "waitForSuccessTimeoutSeconds": 10,
            **TAGS,
        },
        change={"parameters": {"commands": "/usr/local/sbin/agent apply 2"}, **RETAGGED},
        replacing={"name": "AWS-UpdateSSMAgent"},
    ),
)
