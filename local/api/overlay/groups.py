"""EC2 security groups: rules that refer to groups keep their description, and groups in use or elsewhere are refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moto.ec2.exceptions import InvalidSecurityGroupNotFoundError
from moto.ec2.models.security_groups import SecurityGroupRule

from local.api.overlay.calls import Call, Refusal, answers, patches, refuses


def refuse_groups_outside(ec2: Any, vpc_id: str, group_ids: Iterable[str], where: str) -> None:
    """EC2 API, "Error codes", InvalidParameter: a group and the network of what it shall guard must be the same VPC's."""
    for group_id in group_ids:
        group = ec2.get_security_group_from_id(group_id)
        if group is None:
            raise InvalidSecurityGroupNotFoundError(group_id)
        if group.vpc_id != vpc_id:
            message = f"Security group {group_id} and {where} belong to different networks."
            raise Refusal("InvalidParameter", message)


@refuses("ec2", "CreateNetworkInterface", "ModifyInstanceAttribute", "ModifyNetworkInterfaceAttribute")
def refuse_groups_of_another_network(call: Call) -> None:
    ec2 = call.state()
    if "SubnetId" in call.params:
        vpc_id, where = ec2.get_subnet(call.params["SubnetId"]).vpc_id, f"subnet {call.params['SubnetId']}"
    elif "InstanceId" in call.params:
        vpc_id, where = ec2.get_instance(call.params["InstanceId"]).vpc_id, f"instance {call.params['InstanceId']}"
    else:
        interface = ec2.get_network_interface(call.params["NetworkInterfaceId"])
        vpc_id, where = interface.subnet.vpc_id, f"interface {interface.id}"
    refuse_groups_outside(ec2, vpc_id, call.params.get("Groups", []), where)


@refuses("ec2", "DeleteSecurityGroup")
def refuse_deleting_a_group_in_use(call: Call) -> None:
    """EC2 API, DeleteSecurityGroup: not the default group, nor one an interface or a rule of another group names."""
    ec2, group_id = call.state(), call.params.get("GroupId")
    group = ec2.get_security_group_from_id(group_id) if group_id else None
    if group is None:
        return
    if group.is_default:
        message = f'the specified group: "{group.id}" name: "{group.name}" cannot be deleted by a user'
        raise Refusal("CannotDelete", message)
    guarded = any(group in interface.group_set for interface in ec2.enis.values())
    if guarded or any(group.id == rule.source_group.get("GroupId") for rule in rules(ec2) if rule.group_id != group.id):
        raise Refusal("DependencyViolation", f"resource {group.id} has a dependent object")


def rules(ec2: Any) -> Iterable[SecurityGroupRule]:
    for groups in ec2.groups.values():
        for group in groups.values():
            yield from (*group.ingress_rules, *group.egress_rules)


def describe(rule: SecurityGroupRule) -> str | None:
    """moto looks for it among CIDR rules only (EC2 API, SecurityGroupRule.Description)."""
    return rule.ip_range.get("Description") or rule.source_group.get("Description")


SecurityGroupRule.description = property(describe)


@patches(SecurityGroupRule, "__eq__")
def same_rule(moto: Any, rule: SecurityGroupRule, other: SecurityGroupRule) -> bool:
    """Two rules that differ in nothing but their description are one (EC2 API, InvalidPermission.Duplicate)."""
    return what(rule) == what(other)


def what(rule: SecurityGroupRule) -> tuple[Any, ...]:
    address = rule.ip_range.get("CidrIp") or rule.ip_range.get("CidrIpv6")
    group = rule.source_group.get("GroupId") or rule.source_group.get("GroupName")
    return rule.ip_protocol, rule.from_port, rule.to_port, address, group, rule.prefix_list_id


@answers("ec2", "ModifySecurityGroupRules")
def modify_rules(call: Call) -> dict[str, Any]:
    """EC2 API, ModifySecurityGroupRules; moto's cannot change a rule that refers to a group."""
    group = call.state().get_security_group_from_id(call.params["GroupId"])
    if group is None:
        raise InvalidSecurityGroupNotFoundError(call.params["GroupId"])
    for update in call.params["SecurityGroupRules"]:
        rule, wanted = group.get_rule(update["SecurityGroupRuleId"]), update["SecurityGroupRule"]
        if rule is None:
            message = f"The security group rule ID '{update['SecurityGroupRuleId']}' does not exist"
            raise Refusal("InvalidSecurityGroupRuleId.NotFound", message)
        described = {"Description": wanted["Description"]} if wanted.get("Description") else {}
        every = wanted.get("IpProtocol") == "-1"
        rule.ip_protocol = wanted.get("IpProtocol", rule.ip_protocol)
        rule.from_port = None if every else wanted.get("FromPort", rule.from_port)
        rule.to_port = None if every else wanted.get("ToPort", rule.to_port)
        addresses = {key: wanted[old] for old, key in (("CidrIpv4", "CidrIp"), ("CidrIpv6", "CidrIpv6")) if old in wanted}
        groups = {"GroupId": wanted["ReferencedGroupId"]} if "ReferencedGroupId" in wanted else {}
        rule.ip_range = addresses | described if addresses else {}
        rule.source_group = groups | described if groups else {}
        rule.prefix_list_id = wanted.get("PrefixListId")
    return {"Return": True}
