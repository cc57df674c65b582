"""Targets of target groups: an instance and the port on which it answers."""

from __future__ import annotations

from typing import Any

from pulumi_aws import lb

from local.provider.aws.fields import to_api
from local.provider.aws.lb_target import GONE
from local.provider.resource import Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found

NOT_A_TARGET = ("Target.NotRegistered", "Target.DeregistrationInProgress")


def target(inputs: Inputs) -> dict[str, Any]:
    return to_api(inputs, {"availabilityZone": "AvailabilityZone", "port": "Port", "targetId": "Id"})


def register(aws: Aws, inputs: Inputs) -> str:
    """Its id is what it is made of; terraform's is a random one, which nothing uses."""
    group = inputs["targetGroupArn"]
    aws.client("elbv2").register_targets(TargetGroupArn=group, Targets=[target(inputs)])
    return "-".join(str(part) for part in (group, inputs["targetId"], inputs.get("port")) if part)


def read_target(aws: Aws, _id: str, inputs: Inputs) -> Outputs | None:
    if not inputs:
        raise ValueError("a target group attachment cannot be imported, nor can terraform's")
    answer = found(
        lambda: aws.client("elbv2").describe_target_health(TargetGroupArn=inputs["targetGroupArn"], Targets=[target(inputs)]),
        GONE,
        "InvalidTarget",
    )
    registered = answer and [
        health for health in answer["TargetHealthDescriptions"] if health["TargetHealth"].get("Reason") not in NOT_A_TARGET
    ]
    names = ("availabilityZone", "port", "targetGroupArn", "targetId")
    return {name: inputs.get(name) for name in names} if registered else None


def deregister(aws: Aws, _id: str, inputs: Inputs) -> None:
    found(
        lambda: aws.client("elbv2").deregister_targets(TargetGroupArn=inputs["targetGroupArn"], Targets=[target(inputs)]),
        GONE,
        "InvalidTarget",
    )


RESOURCES = (
    Resource(
        token="aws:lb/targetGroupAttachment:TargetGroupAttachment",
        source="internal/service/elbv2/target_group_attachment.go",
        args=lb.TargetGroupAttachmentArgs,
        properties={name: Property(force_new=True) for name in ("availabilityZone", "port", "targetGroupArn", "targetId")},
        tags=False,
        create=register,
        read=read_target,
        delete=deregister,
    ),
)
