"""Tags as tables need them: AWS's list form, and the marker by which a killed create is found again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from local.provider.resource import Inputs
from local.provider.session import Aws

MARKER = "distributed-web:created-for"  # on the object only; never shown as a tag of the resource


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """{"Name": "x"} -> [{"Key": "Name", "Value": "x"}], the form most AWS services take."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def as_dict(tags: Iterable[Mapping[str, Any]] | None) -> dict[str, str]:
    """The reverse of `as_list`."""
    return {tag["Key"]: tag.get("Value", "") for tag in tags or ()}


def changes(olds: Inputs, news: Inputs) -> tuple[dict[str, str], list[str]]:
    """(tags to set, tag keys to remove) that lead from the old to the new `tagsAll`."""
    before, after = olds.get("tagsAll") or {}, news.get("tagsAll") or {}
    put = {key: value for key, value in after.items() if before.get(key) != value}
    return put, [key for key in before if key not in after]


def ec2_specification(kind: str, inputs: Inputs) -> dict[str, Any]:
    """The `TagSpecifications` argument of an EC2 create call, or nothing when there are no tags."""
    tags = as_list(inputs.get("tagsAll") or {})
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}


def ec2_update(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    put, remove = changes(olds, news)
    if remove:
        aws.client("ec2").delete_tags(Resources=[id], Tags=[{"Key": key} for key in remove])
    if put:
        aws.client("ec2").create_tags(Resources=[id], Tags=as_list(put))


def ec2_marked(aws: Aws, inputs: Inputs) -> list[str]:
    """`Resource.find` of EC2 kinds: ids of the objects that carry this resource's marker."""
    marker = inputs["tagsAll"][MARKER]
    answer = aws.client("ec2").describe_tags(Filters=[{"Name": "key", "Values": [MARKER]}, {"Name": "value", "Values": [marker]}])
    return [tag["ResourceId"] for tag in answer["Tags"]]
