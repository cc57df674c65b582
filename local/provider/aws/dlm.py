"""Data Lifecycle Manager: policies that take snapshots of volumes on a schedule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pulumi_aws import dlm

from local.provider.aws.fields import Block, Fields, changed, from_api, to_api
from local.provider.resource import Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found
from local.provider.tags import MARKER, as_dict, as_list, changes

GONE = "ResourceNotFoundException"
POLICY: Fields = {"description": "Description", "executionRoleArn": "ExecutionRoleArn", "state": "State"}
DETAILS: Fields = {"policyType": "PolicyType", "resourceTypes": "ResourceTypes"}
SCHEDULE: Fields = {
    "copyTags": "CopyTags",
    "createRule": Block(
        "CreateRule",
        {"cronExpression": "CronExpression", "interval": "Interval", "intervalUnit": "IntervalUnit", "times": "Times"},
    ),
    "name": "Name",
    "retainRule": Block("RetainRule", {"count": "Count", "interval": "Interval", "intervalUnit": "IntervalUnit"}),
}


def details_to_api(details: Inputs) -> dict[str, Any]:
    return {
        **to_api(details, DETAILS),
        "Schedules": [schedule_to_api(schedule) for schedule in details.get("schedules") or ()],
        "TargetTags": as_list(details.get("targetTags") or {}),
    }


def schedule_to_api(schedule: Inputs) -> dict[str, Any]:
    arguments = {**to_api(schedule, SCHEDULE), "TagsToAdd": as_list(schedule.get("tagsToAdd") or {})}
    if times := arguments["CreateRule"].pop("Times", None):  # one time of day in the provider, a list at AWS
        arguments["CreateRule"]["Times"] = [times]
    return arguments


def details_from_api(details: dict[str, Any]) -> Outputs:
    return {
        **from_api(details, DETAILS),
        "schedules": [schedule_from_api(schedule) for schedule in details.get("Schedules") or ()],
        "targetTags": as_dict(details.get("TargetTags")),
    }


def schedule_from_api(schedule: dict[str, Any]) -> Outputs:
    values = {**from_api(schedule, SCHEDULE), "tagsToAdd": as_dict(schedule.get("TagsToAdd"))}
    if times := values["createRule"].pop("times", None):
        values["createRule"]["times"] = times[0]
    return values


def create(aws: Aws, inputs: Inputs) -> str:
    answer = aws.client("dlm").create_lifecycle_policy(
        **to_api(inputs, POLICY), PolicyDetails=details_to_api(inputs["policyDetails"]), Tags=inputs["tagsAll"]
    )
    return answer["PolicyId"]


def marked(aws: Aws, inputs: Inputs) -> Iterator[str]:
    for policy in aws.client("dlm").get_lifecycle_policies()["Policies"]:
        if (policy.get("Tags") or {}).get(MARKER) == inputs["tagsAll"][MARKER]:
            yield policy["PolicyId"]


def read(aws: Aws, id: str, _inputs: Inputs) -> Outputs | None:
    answer = found(lambda: aws.client("dlm").get_lifecycle_policy(PolicyId=id), GONE)
    if not answer:
        return None
    policy = answer["Policy"]
    return {
        **from_api(policy, {**POLICY, "arn": "PolicyArn"}),
        "policyDetails": details_from_api(policy["PolicyDetails"]),
        "tags": policy.get("Tags") or {},
    }


def update(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    client = aws.client("dlm")
    arguments = {argument: news[name] for name, argument in POLICY.items() if changed(olds, news, name)}
    if changed(olds, news, "policyDetails"):
        arguments["PolicyDetails"] = details_to_api(news["policyDetails"])
    if arguments:
        client.update_lifecycle_policy(PolicyId=id, **arguments)
    put, remove = changes(olds, news)
    arn = f"arn:aws:dlm:{aws.region}:{aws.account}:policy/{id}"
    if remove:
        client.untag_resource(ResourceArn=arn, TagKeys=remove)
    if put:
        client.tag_resource(ResourceArn=arn, Tags=put)


def delete(aws: Aws, id: str, _inputs: Inputs) -> None:
    found(lambda: aws.client("dlm").delete_lifecycle_policy(PolicyId=id), GONE)


RESOURCES = (
    Resource(
        token="aws:dlm/lifecyclePolicy:LifecyclePolicy",
        source="internal/service/dlm/lifecycle_policy.go",
        args=dlm.LifecyclePolicyArgs,
        properties={
            "description": Property(),
            "executionRoleArn": Property(),
            "policyDetails": Property(),
            "policyDetails.policyType": Property(default="EBS_SNAPSHOT_MANAGEMENT"),
            "policyDetails.resourceTypes": Property(),
            "policyDetails.schedules": Property(),
            "policyDetails.schedules.copyTags": Property(computed=True),
            "policyDetails.schedules.createRule": Property(),
            "policyDetails.schedules.createRule.cronExpression": Property(),
            "policyDetails.schedules.createRule.interval": Property(),
            "policyDetails.schedules.createRule.intervalUnit": Property(computed=True),
            "policyDetails.schedules.createRule.times": Property(computed=True),
            "policyDetails.schedules.name": Property(),
            "policyDetails.schedules.retainRule": Property(),
            "policyDetails.schedules.retainRule.count": Property(),
            "policyDetails.schedules.retainRule.interval": Property(),
            "policyDetails.schedules.retainRule.intervalUnit": Property(),
            "policyDetails.schedules.tagsToAdd": Property(),
            "policyDetails.targetTags": Property(),
            "state": Property(default="ENABLED"),
        },
        outputs_unknown=("arn",),
        create=create,
        read=read,
        update=update,
        delete=delete,
        find=marked,
    ),
)
