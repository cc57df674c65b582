"""One case per kind of resource: what a program sets, what it changes then, and what it may not change in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.provider.services.service_world import (
    HEALTH,
    RETAGGED,
    TAGS,
    TRUST,
    Clients,
    bucket,
    certificate,
    document,
    instance,
    key,
    listener_program,
    load_balancer_program,
    log_group,
    managed_policy,
    policy,
    role,
    snapshots,
    target_program,
    topic,
    unique,
    vpc,
    zone,
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """`program` makes what the resource needs and returns its inputs. Values of `change` and `replacing` are laid over them."""

    token: str
    program: Callable[[Clients], dict[str, Any]]
    change: Mapping[str, Any] = field(default_factory=dict)
    replacing: Mapping[str, Any] = field(default_factory=dict)
    never_told: tuple[str, ...] = ()  # computed outputs that this very case has no value for
    untold: tuple[str, ...] = ()  # inputs that AWS does not tell: an import cannot find them
    importable: bool = True
    can_be_undone: bool = True  # versioning of a bucket, once on, can only be suspended


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
        untold=("deletionWindowInDays",),
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
        token="aws:ssm/document:Document",
        program=lambda aws: {
            "name": unique("site-switchover"),
            "documentType": "Command",
            "targetType": "/AWS::EC2::Instance",
            "content": document("switchover {{ server }}"),
            **TAGS,
        },
        change={"content": document("switchover --now {{ server }}"), **RETAGGED},
        replacing={"name": "site-promote"},
    ),
    Case(
        token="aws:s3/bucket:Bucket",
        untold=("forceDestroy",),
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
        untold=("content",),
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
            "targetType": "ip",
            "proxyProtocolV2": True,
            "preserveClientIp": "false",
            "deregistrationDelay": 30,
            "targetHealthStates": [{"enableUnhealthyConnectionTermination": False, "unhealthyDrainingInterval": 20}],
            "healthCheck": HEALTH,
            **TAGS,
        },
        change={
            "proxyProtocolV2": False,
            "deregistrationDelay": 0,
            "targetHealthStates": [{"enableUnhealthyConnectionTermination": True, "unhealthyDrainingInterval": 0}],
            "healthCheck": {**HEALTH, "interval": 10},
            **RETAGGED,
        },
        replacing={"port": 8080},
    ),
    Case(
        token="aws:lb/targetGroupAttachment:TargetGroupAttachment",
        importable=False,
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
        untold=("confirmationTimeoutInMinutes",),
        program=lambda aws: {"topic": topic(aws), "protocol": "email", "endpoint": "ops@example.org"},
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
        untold=("certificateBody", "privateKey"),
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
        untold=("waitForSuccessTimeoutSeconds",),
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
