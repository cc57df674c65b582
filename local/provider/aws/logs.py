"""CloudWatch Logs: log groups."""

from __future__ import annotations

from typing import Any

from pulumi_aws import cloudwatch

from local.provider.aws.fields import Fields, changed, from_api, to_api
from local.provider.resource import AutoName, Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found
from local.provider.tags import changes

GONE = "ResourceNotFoundException"
GROUP: Fields = {"kmsKeyId": "kmsKeyId", "logGroupClass": "logGroupClass", "name": "logGroupName"}


def create(aws: Aws, inputs: Inputs) -> str:
    tags = {"tags": inputs["tagsAll"]} if inputs["tagsAll"] else {}
    aws.client("logs").create_log_group(**to_api(inputs, GROUP), **tags)
    return inputs["name"]


def set_retention(aws: Aws, id: str, inputs: Inputs) -> None:
    """0 days: for ever."""
    if inputs["retentionInDays"]:
        aws.client("logs").put_retention_policy(logGroupName=id, retentionInDays=inputs["retentionInDays"])
    else:
        aws.client("logs").delete_retention_policy(logGroupName=id)


def describe(aws: Aws, name: str) -> dict[str, Any] | None:
    for page in aws.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name):
        for group in page["logGroups"]:
            if group["logGroupName"] == name:
                return group
    return None


def arn_of(group: dict[str, Any]) -> str:
    """Without the wildcard that DescribeLogGroups puts behind it: tags and policies want it so."""
    return group["arn"].removesuffix(":*")


def read(aws: Aws, id: str, _inputs: Inputs) -> Outputs | None:
    group = describe(aws, id)
    if group is None:
        return None
    arn = arn_of(group)
    return {
        **from_api(group, GROUP),
        "arn": arn,
        "retentionInDays": group.get("retentionInDays", 0),
        "tags": aws.client("logs").list_tags_for_resource(resourceArn=arn)["tags"],
    }


def update(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    client = aws.client("logs")
    if changed(olds, news, "retentionInDays"):
        set_retention(aws, id, news)
    if changed(olds, news, "kmsKeyId"):
        if news.get("kmsKeyId"):
            client.associate_kms_key(logGroupName=id, kmsKeyId=news["kmsKeyId"])
        else:
            client.disassociate_kms_key(logGroupName=id)
    put, remove = changes(olds, news)
    arn = f"arn:aws:logs:{aws.region}:{aws.account}:log-group:{id}"
    if remove:
        client.untag_resource(resourceArn=arn, tagKeys=remove)
    if put:
        client.tag_resource(resourceArn=arn, tags=put)


def delete(aws: Aws, id: str, inputs: Inputs) -> None:
    if not inputs.get("skipDestroy"):
        found(lambda: aws.client("logs").delete_log_group(logGroupName=id), GONE)


RESOURCES = (
    Resource(
        token="aws:cloudwatch/logGroup:LogGroup",
        source="internal/service/logs/group.go",
        args=cloudwatch.LogGroupArgs,
        name=AutoName(),
        properties={
            "kmsKeyId": Property(),
            "logGroupClass": Property(force_new=True, computed=True),
            "name": Property(force_new=True, computed=True),
            "retentionInDays": Property(default=0),
            "skipDestroy": Property(default=False),
        },
        outputs_unknown=("arn",),
        create=create,
        ready=set_retention,
        read=read,
        update=update,
        delete=delete,
        find=lambda _aws, inputs: [inputs["name"]],
    ),
)
