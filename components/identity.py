"""What a server may do in AWS: a role and an instance profile per kind of server, with no more than its agents need."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_aws import iam

from components.manifest import AGENT_KEY, APP_KEY
from components.naming import PROJECT, name_tag, token
from components.secrets import Secret

# What the SSM agent calls, none of which can be narrowed to a resource. AWS's own AmazonSSMManagedInstanceCore would also
# let every server read every parameter of the account, passwords of other stacks included.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
SSM_AGENT = (
    "ec2messages:AcknowledgeMessage",
    "ec2messages:DeleteMessage",
    "ec2messages:FailMessage",
    "ec2messages:GetEndpoint",
    "ec2messages:GetMessages",
    "ec2messages:SendReply",
    "ssm:DescribeAssociation",
    "ssm:DescribeDocument",
    "ssm:GetDeployablePatchSnapshotForInstance",
    "ssm:GetDocument",
    "ssm:GetManifest",
    "ssm:ListAssociations",
    "ssm:ListInstanceAssociations",
    "ssm:PutComplianceItems",
    "ssm:PutConfigurePackageResult",
    "ssm:PutInventory",
    "ssm:UpdateAssociationStatus",
    "ssm:UpdateInstanceAssociationStatus",
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)
LEASE_TABLE = ("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")


def trust(service: str) -> str:
    """The policy that lets an AWS service take a role."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def policy(*statements: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(sid: str, actions: Sequence[str], resources: Sequence[str] | str, **condition: object) -> dict[str, object]:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resources} | (
        {"Condition": condition} if condition else {}
    )


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What one kind of server may touch: names of its servers, ARNs of the rest."""

    servers: tuple[str, ...]
    region: str
    bucket: str
    parameters: Sequence[str]
    salvage: str | None  # only of servers with a database
    key: str
    table: str


def statements(reach: Reach) -> list[dict[str, object]]:
    """The permissions of a kind of server."""
    names = reach.servers
    own = [f"{reach.bucket}/servers/{name}/*" for name in names]
    through_ssm = {"kms:ViaService": f"ssm.{reach.region}.amazonaws.com"}
    database = [
        allow("KeepSalvage", ["s3:GetObject", "s3:PutObject"], [f"{reach.salvage}/*/{name}/*" for name in names]),
        allow("TellOfUse", ["cloudwatch:PutMetricData"], "*", StringEquals={"cloudwatch:namespace": PROJECT}),
    ]
    return [
        allow("SsmAgent", SSM_AGENT, "*"),
        allow("ReadRelease", ["s3:GetObject"], [f"{reach.bucket}/{AGENT_KEY}", f"{reach.bucket}/{APP_KEY}", *own]),
        allow("WriteReport", ["s3:PutObject"], [f"{reach.bucket}/reports/{name}.json" for name in names]),
        allow("ReadSecrets", ["ssm:GetParameter", "ssm:GetParameters"], reach.parameters),
        allow("DecryptSecrets", ["kms:Decrypt"], [reach.key], StringEquals=through_ssm),
        allow("RolloutAndLease", LEASE_TABLE, [reach.table]),
        *(database if reach.salvage else []),
    ]


@dataclass(frozen=True, kw_only=True)
class ServerIdentityArgs:
    kind: str
    servers: tuple[str, ...]  # names of the servers of this kind
    secrets: Sequence[Secret]  # what they turn into files
    region: str
    bucket_arn: pulumi.Input[str]
    salvage_arn: pulumi.Input[str] | None
    key_arn: pulumi.Input[str]
    table_arn: pulumi.Input[str]


class ServerIdentity(pulumi.ComponentResource):
    """`profile` is the instance profile's name. A server waits for the whole component: its first act needs the permissions."""

    profile: pulumi.Output[str]

    def __init__(self, name: str, args: ServerIdentityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("identity", "ServerIdentity"), name, {}, opts)
        own = ResourceOptions(parent=self)
        role = iam.Role(
            name,
            assume_role_policy=trust("ec2.amazonaws.com"),
            description=f"Servers of kind {args.kind}",
            tags=name_tag(name),
            opts=own,
        )
        reach = pulumi.Output.all(
            bucket=args.bucket_arn,
            salvage=args.salvage_arn,
            key=args.key_arn,
            table=args.table_arn,
            parameters=list(dict.fromkeys(secret.parameter.arn for secret in args.secrets)),
        ).apply(lambda arns: Reach(servers=args.servers, region=args.region, **arns))
        iam.RolePolicy(name, role=role.id, policy=reach.apply(lambda known: policy(*statements(known))), opts=own)
        self.profile = iam.InstanceProfile(name, role=role.name, tags=name_tag(name), opts=own).name
        self.register_outputs({"profile": self.profile})
