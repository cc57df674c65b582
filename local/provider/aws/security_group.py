"""Tables of groups of rules: SecurityGroup and DefaultSecurityGroup."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pulumi_aws

from local.provider.aws import ec2
from local.provider.aws.security_group_rules import Rule, of_inputs, of_permissions, to_outputs
from local.provider.resource import AutoName, Inputs, Outputs, Property, Resource
from local.provider.session import Aws
from local.provider.tags import as_dict, ec2_marked, ec2_specification, ec2_update

MISSING = "InvalidGroup.NotFound"
DIRECTIONS = {"ingress": "IpPermissions", "egress": "IpPermissionsEgress"}


def create(aws: Aws, inputs: Inputs) -> str:
    vpc = {"VpcId": inputs["vpcId"]} if "vpcId" in inputs else {}
    answer = aws.client("ec2").create_security_group(
        GroupName=inputs["name"],
        Description=inputs["description"],
        **vpc,
        **ec2_specification("security-group", inputs),
    )
    return answer["GroupId"]


def ready(aws: Aws, id: str, inputs: Inputs) -> None:
    """AWS gives every group a rule that lets everything out; the provider takes it away and sets the program's own rules."""
    for direction in DIRECTIONS:
        _set_rules(aws, id, direction, of_inputs(id, inputs.get(direction)))


def create_default(aws: Aws, inputs: Inputs) -> str:
    """The VPC's default group is there already: it is taken over and emptied."""
    groups = aws.client("ec2").describe_security_groups(
        Filters=ec2.filters(group_name="default", **({"vpc_id": inputs["vpcId"]} if "vpcId" in inputs else {}))
    )["SecurityGroups"]
    if not groups:
        raise RuntimeError(f"VPC {inputs.get('vpcId')} has no default security group")
    id = groups[0]["GroupId"]
    ec2_update(aws, id, {"tagsAll": as_dict(groups[0].get("Tags"))}, inputs)
    return id


def read(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    group = _group(aws, id)
    if group is None:
        return None
    return {
        "arn": ec2.arn(aws, f"security-group/{id}"),
        "name": group["GroupName"],
        "description": group["Description"],
        "ownerId": group.get("OwnerId", aws.account),
        "vpcId": group.get("VpcId"),
        **{direction: _shown(id, inputs.get(direction), of_permissions(group[key])) for direction, key in DIRECTIONS.items()},
        "tags": as_dict(group.get("Tags")),
    }


def update(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    for direction in DIRECTIONS:
        if direction in news:  # left out: rules of others (SecurityGroupIngressRule, …) stay
            _set_rules(aws, id, direction, of_inputs(id, news[direction]))
    ec2_update(aws, id, olds, news)


def delete(aws: Aws, id: str, inputs: Inputs) -> None:
    if inputs.get("revokeRulesOnDelete"):
        for direction in DIRECTIONS:
            _set_rules(aws, id, direction, set())
    ec2.delete(aws, "delete_security_group", MISSING, GroupId=id)


def _group(aws: Aws, id: str) -> dict[str, Any] | None:
    return ec2.describe(aws, "describe_security_groups", "SecurityGroups", MISSING, GroupIds=[id])


def _shown(group_id: str, last: Iterable[Any] | None, now: set[Rule]) -> list[Any]:
    """The rules in the program's own arrangement as long as they come to the same."""
    return list(last) if last is not None and of_inputs(group_id, last) == now else to_outputs(group_id, now)


def _set_rules(aws: Aws, id: str, direction: str, wanted: set[Rule]) -> None:
    group = _group(aws, id)
    existing = of_permissions(group[DIRECTIONS[direction]]) if group else set()
    client = aws.client("ec2")
    if surplus := sorted(existing - wanted):
        revoke = getattr(client, f"revoke_security_group_{direction}")
        revoke(GroupId=id, IpPermissions=[rule.permission() for rule in surplus])
    if lacking := sorted(wanted - existing):
        authorize = getattr(client, f"authorize_security_group_{direction}")
        authorize(GroupId=id, IpPermissions=[rule.permission() for rule in lacking])


def _rule_rows(direction: str) -> dict[str, Property]:
    """ConfigMode Attr: a list that the program sets, be it empty, is the whole truth."""
    plain = ("protocol", "fromPort", "toPort", "description", "cidrBlocks", "ipv6CidrBlocks", "prefixListIds", "self")
    return {
        direction: Property(computed=True, unordered=True),
        **{f"{direction}.{name}": Property() for name in plain},
        f"{direction}.securityGroups": Property(unordered=True),
    }


RESOURCES = (
    Resource(
        token="aws:ec2/securityGroup:SecurityGroup",
        source="internal/service/ec2/vpc_security_group.go",
        args=pulumi_aws.ec2.SecurityGroupArgs,
        properties={
            "name": Property(force_new=True, computed=True),
            "description": Property(force_new=True, default="Managed by Pulumi"),
            "vpcId": Property(force_new=True, computed=True),
            "revokeRulesOnDelete": Property(default=False),
            **_rule_rows("ingress"),
            **_rule_rows("egress"),
        },
        outputs_unknown=("arn", "ownerId"),
        name=AutoName(max_length=255),
        create=create,
        ready=ready,
        read=read,
        update=update,
        delete=delete,
        find=ec2_marked,
    ),
    Resource(
        token="aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        source="internal/service/ec2/vpc_default_security_group.go",
        args=pulumi_aws.ec2.DefaultSecurityGroupArgs,
        properties={
            "vpcId": Property(force_new=True, computed=True),
            "revokeRulesOnDelete": Property(default=False),
            **_rule_rows("ingress"),
            **_rule_rows("egress"),
        },
        outputs_unknown=("arn", "description", "name", "namePrefix", "ownerId"),
        create=create_default,
        ready=ready,
        read=read,
        update=update,
        delete=lambda aws, id, inputs: None,  # it goes with its VPC
    ),
)
