"""Load balancers. Their target groups are in lb_target.py, their listeners in lb_listener.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pulumi_aws import lb

from local.provider.aws.fields import Fields, changed, from_api, to_api
from local.provider.aws.tagging import update_tags
from local.provider.resource import AutoName, Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found
from local.provider.tags import as_dict, as_list
from local.provider.values import has_unknown

GONE = "LoadBalancerNotFound"
NETWORK = "network"
ACTIVE_WITHIN_S = 600  # terraform's create timeout
DETACHED_WITHIN_S = 300
BALANCER: Fields = {"ipAddressType": "IpAddressType", "name": "Name", "securityGroups": "SecurityGroups", "subnets": "Subnets"}
# property -> (attribute key, the kinds of load balancer that have it), from `loadBalancerAttributes`
ATTRIBUTES = {
    "dnsRecordClientRoutingPolicy": ("dns_record.client_routing_policy", (NETWORK,)),
    "enableCrossZoneLoadBalancing": ("load_balancing.cross_zone.enabled", (NETWORK, "gateway")),
    "enableDeletionProtection": ("deletion_protection.enabled", ("application", NETWORK, "gateway")),
}


def attribute_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def attribute_value(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isdigit() else text


def read_tags(aws: Aws, arn: str) -> dict[str, str]:
    return as_dict(aws.client("elbv2").describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"])


def change_tags(aws: Aws, arn: str, olds: Inputs, news: Inputs) -> None:
    client = aws.client("elbv2")
    update_tags(
        olds,
        news,
        put=lambda tags: client.add_tags(ResourceArns=[arn], Tags=tags),
        remove=lambda keys: client.remove_tags(ResourceArns=[arn], TagKeys=keys),
    )


def create(aws: Aws, inputs: Inputs) -> str:
    scheme = {"Scheme": "internal"} if inputs.get("internal") else {}
    answer = aws.client("elbv2").create_load_balancer(
        **to_api(inputs, BALANCER), **scheme, Type=inputs["loadBalancerType"], Tags=as_list(inputs["tagsAll"])
    )
    return answer["LoadBalancers"][0]["LoadBalancerArn"]


def make_ready(aws: Aws, id: str, inputs: Inputs) -> None:
    wait_active(aws, id)
    set_attributes(aws, id, inputs, ATTRIBUTES)


def wait_active(aws: Aws, id: str) -> None:
    aws.wait(f"load balancer {id} to be active", lambda: describe(aws, id)["State"]["Code"] == "active", ACTIVE_WITHIN_S)


def set_attributes(aws: Aws, id: str, inputs: Inputs, names: Iterable[str]) -> None:
    attributes = [
        {"Key": ATTRIBUTES[name][0], "Value": attribute_text(inputs[name])}
        for name in names
        if inputs.get(name) is not None and inputs["loadBalancerType"] in ATTRIBUTES[name][1]
    ]
    if attributes:
        aws.client("elbv2").modify_load_balancer_attributes(LoadBalancerArn=id, Attributes=attributes)


def describe(aws: Aws, id: str) -> dict[str, Any]:
    return aws.client("elbv2").describe_load_balancers(LoadBalancerArns=[id])["LoadBalancers"][0]


def suffix(arn: str) -> str:
    """net/<name>/<id>, the name that CloudWatch and the network interfaces use."""
    return arn.split(":loadbalancer/", 1)[-1]


def named(aws: Aws, inputs: Inputs) -> list[str]:
    answer = found(lambda: aws.client("elbv2").describe_load_balancers(Names=[inputs["name"]]), GONE)
    return [balancer["LoadBalancerArn"] for balancer in answer["LoadBalancers"]] if answer else []


def read(aws: Aws, id: str, _inputs: Inputs) -> Outputs | None:
    balancer = found(lambda: describe(aws, id), GONE)
    if balancer is None:
        return None
    attributes = aws.client("elbv2").describe_load_balancer_attributes(LoadBalancerArn=id)["Attributes"]
    by_key = {attribute["Key"]: attribute["Value"] for attribute in attributes}
    subnets = [zone["SubnetId"] for zone in balancer["AvailabilityZones"]]
    return {
        **from_api(
            balancer,
            {
                "arn": "LoadBalancerArn",
                "dnsName": "DNSName",
                "ipAddressType": "IpAddressType",
                "loadBalancerType": "Type",
                "name": "LoadBalancerName",
                "securityGroups": "SecurityGroups",
                "vpcId": "VpcId",
                "zoneId": "CanonicalHostedZoneId",
            },
        ),
        **{
            name: attribute_value(by_key[key])
            for name, (key, kinds) in ATTRIBUTES.items()
            if key in by_key and balancer["Type"] in kinds
        },
        "arnSuffix": suffix(id),
        "internal": balancer.get("Scheme") == "internal",
        "subnetMappings": [{"subnetId": subnet} for subnet in subnets],
        "subnets": subnets,
        "tags": read_tags(aws, id),
    }


def update(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    client = aws.client("elbv2")
    set_attributes(aws, id, news, [name for name in ATTRIBUTES if changed(olds, news, name)])
    if changed(olds, news, "securityGroups") and "securityGroups" in news:
        client.set_security_groups(LoadBalancerArn=id, SecurityGroups=news["securityGroups"])
    if changed(olds, news, "subnets") and news.get("subnets"):
        client.set_subnets(LoadBalancerArn=id, Subnets=news["subnets"])
    if changed(olds, news, "ipAddressType") and news.get("ipAddressType"):
        client.set_ip_address_type(LoadBalancerArn=id, IpAddressType=news["ipAddressType"])
    change_tags(aws, id, olds, news)
    wait_active(aws, id)


def replaces(olds: Inputs, news: Inputs) -> list[str]:
    """An NLB only ever gains subnets, and never goes from no security group to some or back (customizeDiffLoadBalancerNLB)."""
    if news.get("loadBalancerType") != NETWORK or has_unknown([news.get("subnets"), news.get("securityGroups")]):
        return []
    before, after = set(olds.get("subnets") or ()), set(news.get("subnets") or ())
    names = ["subnets"] if after and before != after and len(after) <= len(before) else []
    if "securityGroups" in news and bool(olds.get("securityGroups")) != bool(news["securityGroups"]):
        names.append("securityGroups")
    return names


def delete(aws: Aws, id: str, _inputs: Inputs) -> None:
    """Until its network interfaces are gone too, which keep subnets and security groups from being deleted."""
    found(lambda: aws.client("elbv2").delete_load_balancer(LoadBalancerArn=id), GONE)
    filters = [{"Name": "description", "Values": [f"ELB {suffix(id)}"]}]
    aws.wait(
        f"the network interfaces of load balancer {id} to be gone",
        lambda: not aws.client("ec2").describe_network_interfaces(Filters=filters)["NetworkInterfaces"],
        DETACHED_WITHIN_S,
    )


RESOURCES = (
    Resource(
        token="aws:lb/loadBalancer:LoadBalancer",
        source="internal/service/elbv2/load_balancer.go",
        args=lb.LoadBalancerArgs,
        name=AutoName(max_length=32),
        properties={
            "dnsRecordClientRoutingPolicy": Property(default="any_availability_zone"),
            "enableCrossZoneLoadBalancing": Property(default=False),
            "enableDeletionProtection": Property(default=False),
            "internal": Property(force_new=True, computed=True),
            "ipAddressType": Property(computed=True),
            "loadBalancerType": Property(force_new=True, default="application"),
            "name": Property(force_new=True, computed=True),
            "securityGroups": Property(computed=True, unordered=True),
            "subnets": Property(computed=True, unordered=True),
        },
        outputs_unknown=("arn", "arnSuffix", "dnsName", "ipAddressType", "subnetMappings", "vpcId", "zoneId"),
        create=create,
        ready=make_ready,
        read=read,
        update=update,
        replaces=replaces,
        delete=delete,
        find=named,
    ),
)
