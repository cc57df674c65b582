"""Listeners of load balancers: a port and where its connections go."""

from __future__ import annotations

from typing import Any

from pulumi_aws import lb

from local.provider.aws.fields import Block, Fields, changed, from_api, to_api
from local.provider.aws.lb import change_tags, read_tags
from local.provider.resource import Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found
from local.provider.tags import as_list

GONE = ("ListenerNotFound", "LoadBalancerNotFound")
IDLE_TIMEOUT = "tcp.idle_timeout.seconds"
LISTENER: Fields = {
    "defaultActions": Block(
        "DefaultActions",
        {
            "forward": Block(
                "ForwardConfig",
                {
                    "targetGroups": Block("TargetGroups", {"arn": "TargetGroupArn", "weight": "Weight"}),
                    "stickiness": Block("TargetGroupStickinessConfig", {"duration": "DurationSeconds", "enabled": "Enabled"}),
                },
            ),
            "order": "Order",
            "targetGroupArn": "TargetGroupArn",
            "type": "Type",
        },
    ),
    "port": "Port",
    "protocol": "Protocol",
    "sslPolicy": "SslPolicy",
}


def arguments(inputs: Inputs) -> dict[str, Any]:
    values = to_api(inputs, LISTENER)
    if inputs.get("certificateArn"):
        values["Certificates"] = [{"CertificateArn": inputs["certificateArn"]}]
    if inputs.get("alpnPolicy"):
        values["AlpnPolicy"] = [inputs["alpnPolicy"]]
    return values


def create(aws: Aws, inputs: Inputs) -> str:
    answer = aws.client("elbv2").create_listener(
        LoadBalancerArn=inputs["loadBalancerArn"], **arguments(inputs), Tags=as_list(inputs["tagsAll"])
    )
    return answer["Listeners"][0]["ListenerArn"]


def set_idle_timeout(aws: Aws, id: str, inputs: Inputs) -> None:
    if seconds := inputs.get("tcpIdleTimeoutSeconds"):
        aws.client("elbv2").modify_listener_attributes(ListenerArn=id, Attributes=[{"Key": IDLE_TIMEOUT, "Value": str(seconds)}])


def on_port(aws: Aws, inputs: Inputs) -> list[str]:
    answer = found(lambda: aws.client("elbv2").describe_listeners(LoadBalancerArn=inputs["loadBalancerArn"]), *GONE)
    listeners = answer["Listeners"] if answer else []
    return [listener["ListenerArn"] for listener in listeners if listener.get("Port") == inputs.get("port")]


def read(aws: Aws, id: str, _inputs: Inputs) -> Outputs | None:
    client = aws.client("elbv2")
    answer = found(lambda: client.describe_listeners(ListenerArns=[id]), *GONE)
    if not answer:
        return None
    listener = answer["Listeners"][0]
    attributes = client.describe_listener_attributes(ListenerArn=id)["Attributes"]
    idle_timeout = [int(attribute["Value"]) for attribute in attributes if attribute["Key"] == IDLE_TIMEOUT]
    return {
        **from_api(listener, {**LISTENER, "arn": "ListenerArn", "loadBalancerArn": "LoadBalancerArn"}),
        "alpnPolicy": next(iter(listener.get("AlpnPolicy") or ()), None),
        "certificateArn": next((one["CertificateArn"] for one in listener.get("Certificates") or ()), None),
        "tags": read_tags(aws, id),
        "tcpIdleTimeoutSeconds": idle_timeout[0] if idle_timeout else None,
    }


def update(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    if changed(olds, news, *LISTENER, "alpnPolicy", "certificateArn"):
        aws.client("elbv2").modify_listener(ListenerArn=id, **arguments(news))
    if changed(olds, news, "tcpIdleTimeoutSeconds"):
        set_idle_timeout(aws, id, news)
    change_tags(aws, id, olds, news)


def delete(aws: Aws, id: str, _inputs: Inputs) -> None:
    found(lambda: aws.client("elbv2").delete_listener(ListenerArn=id), *GONE)


RESOURCES = (
    Resource(
        token="aws:lb/listener:Listener",
        source="internal/service/elbv2/listener.go",
        args=lb.ListenerArgs,
        properties={
            "alpnPolicy": Property(),
            "certificateArn": Property(),
            "defaultActions": Property(),
            "defaultActions.forward": Property(),
            "defaultActions.forward.stickiness": Property(),
            "defaultActions.forward.stickiness.duration": Property(),
            "defaultActions.forward.stickiness.enabled": Property(default=False),
            "defaultActions.forward.targetGroups": Property(unordered=True),
            "defaultActions.forward.targetGroups.arn": Property(),
            "defaultActions.forward.targetGroups.weight": Property(default=1),
            "defaultActions.order": Property(computed=True),
            "defaultActions.targetGroupArn": Property(),
            "defaultActions.type": Property(),
            "loadBalancerArn": Property(force_new=True),
            "port": Property(),
            "protocol": Property(computed=True),
            "sslPolicy": Property(computed=True),
            "tcpIdleTimeoutSeconds": Property(computed=True),
        },
        outputs_unknown=("arn",),
        create=create,
        ready=set_idle_timeout,
        read=read,
        update=update,
        delete=delete,
        find=on_port,
    ),
)
