"""Target groups. The targets in them are in lb_attachment.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pulumi_aws import lb

from local.provider.aws.fields import Fields, changed, from_api, to_api
from local.provider.aws.lb import attribute_text, attribute_value, change_tags, read_tags
from local.provider.resource import AutoName, Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found
from local.provider.tags import as_list

GONE = "TargetGroupNotFound"
IN_USE_FOR_S = 120  # a listener being deleted lets go of its group a little later
GROUP: Fields = {
    "ipAddressType": "IpAddressType",
    "name": "Name",
    "port": "Port",
    "protocol": "Protocol",
    "protocolVersion": "ProtocolVersion",
    "targetType": "TargetType",
    "vpcId": "VpcId",
}
HEALTH_CHECK: Fields = {
    "enabled": "HealthCheckEnabled",
    "healthyThreshold": "HealthyThresholdCount",
    "interval": "HealthCheckIntervalSeconds",
    "path": "HealthCheckPath",
    "port": "HealthCheckPort",
    "protocol": "HealthCheckProtocol",
    "timeout": "HealthCheckTimeoutSeconds",
    "unhealthyThreshold": "UnhealthyThresholdCount",
}
ATTRIBUTES = {
    "connectionTermination": "deregistration_delay.connection_termination.enabled",
    "deregistrationDelay": "deregistration_delay.timeout_seconds",
    "loadBalancingAlgorithmType": "load_balancing.algorithm.type",
    "loadBalancingCrossZoneEnabled": "load_balancing.cross_zone.enabled",
    "preserveClientIp": "preserve_client_ip.enabled",
    "proxyProtocolV2": "proxy_protocol_v2.enabled",
    "slowStart": "slow_start.duration_seconds",
}
NULLABLE = ("deregistrationDelay", "preserveClientIp")  # of these, false and 0 are values too
TEXTS = ("loadBalancingCrossZoneEnabled", "preserveClientIp")  # true, false or use_load_balancer_configuration: text
STICKINESS = {
    "cookieDuration": "stickiness.lb_cookie.duration_seconds",
    "enabled": "stickiness.enabled",
    "type": "stickiness.type",
}
HEALTH_STATE = {
    "enableUnhealthyConnectionTermination": "target_health_state.unhealthy.connection_termination.enabled",
    "unhealthyDrainingInterval": "target_health_state.unhealthy.draining_interval_seconds",
}
BLOCKS = ("stickiness", "targetHealthStates")


def health_check(inputs: Inputs) -> dict[str, Any]:
    check = inputs.get("healthCheck") or {}
    arguments = to_api(check, HEALTH_CHECK)
    if check.get("protocol") == "TCP":  # has neither
        arguments.pop("HealthCheckPath", None)
    elif check.get("matcher"):
        arguments["Matcher"] = {"HttpCode": check["matcher"]}
    return arguments


def create_group(aws: Aws, inputs: Inputs) -> str:
    answer = aws.client("elbv2").create_target_group(
        **to_api(inputs, GROUP), **health_check(inputs), Tags=as_list(inputs["tagsAll"])
    )
    return answer["TargetGroups"][0]["TargetGroupArn"]


def set_all_attributes(aws: Aws, id: str, inputs: Inputs) -> None:
    set_attributes(aws, id, inputs, [*ATTRIBUTES, *BLOCKS], update=False)


def set_attributes(aws: Aws, id: str, inputs: Inputs, names: Iterable[str], *, update: bool) -> None:
    """On a create what is false or 0 is left to AWS, as in `targetGroupAttributes.expand`: not every kind has every key."""
    values = {ATTRIBUTES[name]: inputs.get(name) for name in names if name in ATTRIBUTES}
    if "stickiness" in names:
        block = inputs.get("stickiness") or {}
        values |= {key: block.get(name) for name, key in STICKINESS.items() if block.get(name) is not None}
        if inputs.get("protocol") not in ("HTTP", "HTTPS"):
            values.pop(STICKINESS["cookieDuration"], None)
    if "targetHealthStates" in names and inputs.get("protocol") in ("TCP", "TLS"):
        states = inputs.get("targetHealthStates") or [{}]
        values |= {key: states[0].get(name) for name, key in HEALTH_STATE.items()}
    kept = {ATTRIBUTES[name] for name in NULLABLE} | set(STICKINESS.values()) | set(HEALTH_STATE.values())
    attributes = [
        {"Key": key, "Value": attribute_text(value)}
        for key, value in values.items()
        if value is not None and (value or update or key in kept)
    ]
    if attributes:
        aws.client("elbv2").modify_target_group_attributes(TargetGroupArn=id, Attributes=attributes)


def named(aws: Aws, inputs: Inputs) -> list[str]:
    answer = found(lambda: aws.client("elbv2").describe_target_groups(Names=[inputs["name"]]), GONE)
    return [group["TargetGroupArn"] for group in answer["TargetGroups"]] if answer else []


def read_group(aws: Aws, id: str, _inputs: Inputs) -> Outputs | None:
    client = aws.client("elbv2")
    answer = found(lambda: client.describe_target_groups(TargetGroupArns=[id]), GONE)
    if not answer:
        return None
    group = answer["TargetGroups"][0]
    listed = client.describe_target_group_attributes(TargetGroupArn=id)["Attributes"]
    attributes = {attribute["Key"]: attribute["Value"] for attribute in listed}
    check = from_api(group, HEALTH_CHECK)
    if matcher := (group.get("Matcher") or {}).get("HttpCode"):
        check["matcher"] = matcher
    return {
        **from_api(group, {**GROUP, "arn": "TargetGroupArn", "loadBalancerArns": "LoadBalancerArns", "name": "TargetGroupName"}),
        **{
            name: attributes[key] if name in TEXTS else attribute_value(attributes[key])
            for name, key in ATTRIBUTES.items()
            if key in attributes
        },
        "arnSuffix": id.rsplit(":", 1)[-1],
        "healthCheck": check,
        "stickiness": told(attributes, STICKINESS),
        "targetHealthStates": [told(attributes, HEALTH_STATE)],
        "tags": read_tags(aws, id),
    }


def told(attributes: Mapping[str, str], keys: Mapping[str, str]) -> dict[str, Any]:
    return {name: attribute_value(attributes[key]) for name, key in keys.items() if key in attributes}


def update_group(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    if changed(olds, news, "healthCheck") and news.get("healthCheck"):
        aws.client("elbv2").modify_target_group(TargetGroupArn=id, **health_check(news))
    names = [name for name in [*ATTRIBUTES, *BLOCKS] if changed(olds, news, name)]
    set_attributes(aws, id, news, names, update=True)
    change_tags(aws, id, olds, news)


def delete_group(aws: Aws, id: str, _inputs: Inputs) -> None:
    client = aws.client("elbv2")
    aws.retry(
        f"deleting target group {id}",
        lambda: found(lambda: client.delete_target_group(TargetGroupArn=id), GONE),
        "ResourceInUse",
        timeout_s=IN_USE_FOR_S,
    )


RESOURCES = (
    Resource(
        token="aws:lb/targetGroup:TargetGroup",
        source="internal/service/elbv2/target_group.go",
        args=lb.TargetGroupArgs,
        name=AutoName(max_length=32),
        properties={
            "connectionTermination": Property(computed=True),
            "deregistrationDelay": Property(default=300),
            "healthCheck": Property(computed=True),
            "healthCheck.enabled": Property(default=True),
            "healthCheck.healthyThreshold": Property(default=3),
            "healthCheck.interval": Property(default=30),
            "healthCheck.matcher": Property(computed=True),
            "healthCheck.path": Property(computed=True),
            "healthCheck.port": Property(default="traffic-port"),
            "healthCheck.protocol": Property(default="HTTP"),
            "healthCheck.timeout": Property(computed=True),
            "healthCheck.unhealthyThreshold": Property(default=3),
            "ipAddressType": Property(force_new=True, computed=True),
            "loadBalancingAlgorithmType": Property(computed=True),
            "loadBalancingCrossZoneEnabled": Property(computed=True),
            "name": Property(force_new=True, computed=True),
            "port": Property(force_new=True),
            "preserveClientIp": Property(computed=True),
            "protocol": Property(force_new=True),
            "protocolVersion": Property(force_new=True, computed=True),
            "proxyProtocolV2": Property(default=False),
            "slowStart": Property(default=0),
            "stickiness": Property(computed=True),
            "stickiness.cookieDuration": Property(default=86400),
            "stickiness.enabled": Property(default=True),
            "stickiness.type": Property(),
            "targetHealthStates": Property(computed=True),
            "targetHealthStates.enableUnhealthyConnectionTermination": Property(),
            "targetHealthStates.unhealthyDrainingInterval": Property(default=0),
            "targetType": Property(force_new=True, default="instance"),
            "vpcId": Property(force_new=True),
        },
        outputs_unknown=("arn", "arnSuffix", "loadBalancerArns"),
        create=create_group,
        ready=set_all_attributes,
        read=read_group,
        update=update_group,
        delete=delete_group,
        find=named,
    ),
)
