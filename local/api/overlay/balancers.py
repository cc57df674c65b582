"""Network Load Balancers: their names, their interfaces in the subnets, and those AWS refuses to make or delete.

moto makes an Application Load Balancer of every load balancer.
"""

from __future__ import annotations

import re
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.elbv2.models import ELBv2Backend, FakeLoadBalancer

from local.api.overlay.calls import Call, Refusal, follows, patches, refuses
from local.api.overlay.groups import refuse_groups_outside

# AWS General Reference, "Elastic Load Balancing endpoints": Route 53 zones of Network Load Balancers
HOSTED_ZONES = {"eu-central-1": "Z3F0SRJ5LGBH90", "eu-west-1": "Z2IFOLAFXWLO4F", "us-east-1": "Z26RNL4JYFTOTI"}
# ELBv2 API, LoadBalancerAttribute: what a new Network Load Balancer has
ATTRIBUTES = {
    "access_logs.s3.enabled": "false",
    "access_logs.s3.bucket": "",
    "access_logs.s3.prefix": "",
    "deletion_protection.enabled": "false",
    "dns_record.client_routing_policy": "any_availability_zone",
    "load_balancing.cross_zone.enabled": "false",
    "ipv6.deny_all_igw_traffic": "false",
    "secondary_ips.auto_assigned.per_subnet": "0",
    "zonal_shift.config.enabled": "false",
}


@patches(ELBv2Backend, "create_load_balancer")
def create_load_balancer(moto: Any, elbv2: ELBv2Backend, **settings: Any) -> FakeLoadBalancer:
    """ELBv2 API, CreateLoadBalancer: `net/` in the ARN; the same name and settings again give the same one."""
    for existing in elbv2.load_balancers.values():
        if existing.name == settings["name"]:
            return existing
    balancer = moto(elbv2, **{**settings, "scheme": settings["scheme"] or "internet-facing"})
    if balancer.type != "network":
        return balancer
    old, balancer.arn = balancer.arn, balancer.arn.replace(":loadbalancer/app/", ":loadbalancer/net/")
    elbv2.load_balancers[balancer.arn] = elbv2.load_balancers.pop(old)
    elbv2.tagging_service.copy_tags(old, balancer.arn)
    elbv2.tagging_service.delete_all_tags_for_resource(old)
    balancer.dns_name = f"{balancer.name}-{balancer.arn.rpartition('/')[2]}.elb.{elbv2.region_name}.amazonaws.com"
    balancer.canonical_hosted_zone_id = HOSTED_ZONES.get(elbv2.region_name, "Z3F0SRJ5LGBH90")
    balancer.attrs = dict(ATTRIBUTES)
    return balancer


@refuses("elbv2", "CreateLoadBalancer")
def refuse_impossible_balancers(call: Call) -> None:
    """ELBv2 API, CreateLoadBalancer and its errors."""
    name = call.params["Name"]
    if not re.fullmatch(r"(?!internal-)[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?", name):
        raise Refusal(
            "ValidationError",
            f"The load balancer name '{name}' must be 1 to 32 letters, digits and hyphens, "
            "and must not begin or end with a hyphen, or begin with 'internal-'",
        )
    ec2 = call.state("ec2")
    subnet_ids = call.params.get("Subnets") or [m["SubnetId"] for m in call.params.get("SubnetMappings", [])]
    subnets = [ec2.get_subnet(subnet_id) for subnet_id in subnet_ids]
    refuse_unlike_namesake(call, subnet_ids)
    if len({subnet.availability_zone for subnet in subnets}) < len(subnets):
        message = "A load balancer cannot be attached to multiple subnets in the same Availability Zone"
        raise Refusal("InvalidConfigurationRequest", message)
    for vpc_id in {subnet.vpc_id for subnet in subnets}:
        try:
            refuse_groups_outside(ec2, vpc_id, call.params.get("SecurityGroups", []), "the load balancer")
        except ServiceException as error:
            raise Refusal("InvalidSecurityGroup", error.message) from error
        gateways = [gateway for gateway in ec2.internet_gateways.values() if gateway.vpc and gateway.vpc.id == vpc_id]
        if call.params.get("Scheme", "internet-facing") == "internet-facing" and not gateways:
            raise Refusal("InvalidSubnet", f"VPC {vpc_id} has no internet gateway")


def refuse_unlike_namesake(call: Call, subnet_ids: list[str]) -> None:
    for balancer in call.state().load_balancers.values():
        if balancer.name == call.params["Name"]:
            there = ({subnet.id for subnet in balancer.subnets}, set(balancer.security_groups), balancer.type)
            asked = (set(subnet_ids), set(call.params.get("SecurityGroups", [])), call.params.get("Type", "application"))
            if there != asked:
                message = f"A load balancer with the same name '{balancer.name}' exists, but with different settings"
                raise Refusal("DuplicateLoadBalancerName", message)


@refuses("elbv2", "DeleteLoadBalancer")
def refuse_deleting_a_protected_balancer(call: Call) -> None:
    balancer = call.state().load_balancers.get(call.params["LoadBalancerArn"])
    if balancer and balancer.attrs.get("deletion_protection.enabled") == "true":
        raise Refusal(
            "OperationNotPermitted",
            f"Load balancer '{balancer.arn}' cannot be deleted because deletion protection is enabled",
        )


@follows("elbv2", "CreateLoadBalancer", "SetSubnets", "SetSecurityGroups", "DeleteLoadBalancer")
def keep_interfaces(call: Call) -> None:
    """A network interface per subnet, guarded by the load balancer's groups, gone with it.

    ELB User Guide, "Network Load Balancers", "Security groups"; its description is what AWS shows: `ELB net/…`.
    """
    ec2, elbv2 = call.state("ec2"), call.state()
    there = {(eni.description, eni.subnet.id): eni for eni in list(ec2.enis.values()) if eni.description.startswith("ELB ")}
    for balancer in elbv2.load_balancers.values():
        if balancer.type != "network":
            continue
        for subnet in balancer.subnets:
            description = f"ELB {balancer.arn.partition(':loadbalancer/')[2]}"
            interface = there.pop((description, subnet.id), None) or new_interface(ec2, subnet, description)
            interface._group_set = [ec2.get_security_group_from_id(group) for group in balancer.security_groups]
    for interface in there.values():
        interface.delete()


def new_interface(ec2: Any, subnet: Any, description: str) -> NetworkInterface:
    interface = ec2.create_network_interface(subnet, None, description=description)
    interface.interface_type = "network_load_balancer"
    interface.requester_managed = True
    interface.requester_id = "amazon-elb"
    interface.status = "in-use"
    return interface


@patches(NetworkInterface, "__init__")
def create_interface(
    moto: Any, interface: NetworkInterface, ec2: Any, subnet: Any, address: Any, addresses: Any = None, **settings: Any
) -> None:
    """Without a wish for an address AWS takes a free one of the subnet; moto takes any, even one in use."""
    if not address and not addresses:
        subnet = ec2.get_subnet(subnet) if isinstance(subnet, str) else subnet
        address = subnet.get_available_subnet_ip(interface)
    moto(interface, ec2, subnet, address, addresses, **settings)
