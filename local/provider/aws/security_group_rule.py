"""Tables of single rules: SecurityGroupIngressRule and SecurityGroupEgressRule."""

from __future__ import annotations

from functools import partial
from typing import Any

import pulumi_aws

from local.provider.aws import ec2
from local.provider.aws.fields import changed
from local.provider.resource import Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found
from local.provider.tags import as_dict, ec2_marked, ec2_specification, ec2_update

MISSING = ("InvalidSecurityGroupRuleId.NotFound", "InvalidPermission.NotFound", "InvalidGroup.NotFound")
# property -> (name in a rule, list in an IpPermission, name in that list)
PEERS = {
    "cidrIpv4": ("CidrIpv4", "IpRanges", "CidrIp"),
    "cidrIpv6": ("CidrIpv6", "Ipv6Ranges", "CidrIpv6"),
    "prefixListId": ("PrefixListId", "PrefixListIds", "PrefixListId"),
    "referencedSecurityGroupId": ("ReferencedGroupId", "UserIdGroupPairs", "GroupId"),
}
NO_PORT = -1
CONTENT = (*PEERS, "ipProtocol", "fromPort", "toPort", "description")


def create(direction: str, aws: Aws, inputs: Inputs) -> str:
    authorize = getattr(aws.client("ec2"), f"authorize_security_group_{direction}")
    answer = authorize(
        GroupId=inputs["securityGroupId"],
        IpPermissions=[_permission(inputs)],
        **ec2_specification("security-group-rule", inputs),
    )
    return answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]


def read(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    rule = _rule(aws, id)
    if rule is None:
        return None
    return {
        "arn": ec2.arn(aws, f"security-group-rule/{id}"),
        "securityGroupRuleId": id,
        "securityGroupId": rule["GroupId"],
        "ipProtocol": rule["IpProtocol"],
        "fromPort": _port(rule.get("FromPort"), inputs.get("fromPort")),
        "toPort": _port(rule.get("ToPort"), inputs.get("toPort")),
        "description": rule.get("Description") or None,
        "cidrIpv4": rule.get("CidrIpv4") or None,
        "cidrIpv6": rule.get("CidrIpv6") or None,
        "prefixListId": rule.get("PrefixListId") or None,
        "referencedSecurityGroupId": (rule.get("ReferencedGroupInfo") or {}).get("GroupId"),
        "tags": as_dict(rule.get("Tags")),
    }


def update(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    if changed(olds, news, *CONTENT):
        content: dict[str, Any] = {
            "IpProtocol": news["ipProtocol"],
            "FromPort": news.get("fromPort", NO_PORT),
            "ToPort": news.get("toPort", NO_PORT),
            "Description": news.get("description", ""),
            **{PEERS[name][0]: news[name] for name in PEERS if name in news},
        }
        aws.client("ec2").modify_security_group_rules(
            GroupId=news["securityGroupId"],
            SecurityGroupRules=[{"SecurityGroupRuleId": id, "SecurityGroupRule": content}],
        )
    ec2_update(aws, id, olds, news)


def delete(direction: str, aws: Aws, id: str, inputs: Inputs) -> None:
    revoke = getattr(aws.client("ec2"), f"revoke_security_group_{direction}")
    found(lambda: revoke(GroupId=inputs["securityGroupId"], SecurityGroupRuleIds=[id]), *MISSING)


def peer_kind_changed(olds: Inputs, news: Inputs) -> list[str]:
    """A rule's peer may change, but not from an address to a group (ModifyPlan)."""
    before, after = (next((name for name in PEERS if name in inputs), "") for inputs in (olds, news))
    return [before, after] if before != after else []


def _permission(inputs: Inputs) -> dict[str, Any]:
    kind = next(name for name in PEERS if name in inputs)
    _, list_name, name = PEERS[kind]
    peer = {name: inputs[kind]} | ({"Description": inputs["description"]} if inputs.get("description") else {})
    ports = {api_name: inputs[key] for key, api_name in (("fromPort", "FromPort"), ("toPort", "ToPort")) if key in inputs}
    return {"IpProtocol": str(inputs["ipProtocol"]), **ports, list_name: [peer]}


def _port(now: int | None, last: int | None) -> int | None:
    """EC2 answers -1 where the program set no port."""
    return None if now == NO_PORT and last is None else now


def _rule(aws: Aws, id: str) -> dict[str, Any] | None:
    answer = found(lambda: aws.client("ec2").describe_security_group_rules(SecurityGroupRuleIds=[id]), *MISSING)
    return answer["SecurityGroupRules"][0] if answer and answer["SecurityGroupRules"] else None


def _table(direction: str, args: type) -> Resource:
    kind = direction.capitalize()
    return Resource(
        token=f"aws:vpc/securityGroup{kind}Rule:SecurityGroup{kind}Rule",
        source=f"internal/service/ec2/vpc_security_group_{direction}_rule.go",
        args=args,
        properties={"securityGroupId": Property(force_new=True), **{name: Property() for name in CONTENT}},
        replaces=peer_kind_changed,
        outputs_unknown=("arn", "securityGroupRuleId"),
        create=partial(create, direction),
        read=read,
        update=update,
        delete=partial(delete, direction),
        find=ec2_marked,
    )


RESOURCES = (
    _table("ingress", pulumi_aws.vpc.SecurityGroupIngressRuleArgs),
    _table("egress", pulumi_aws.vpc.SecurityGroupEgressRuleArgs),
)
