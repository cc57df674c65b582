"""Lifecycle rules of an S3 bucket: what expires, what moves to a cheaper storage class."""

from __future__ import annotations

from typing import Any

from pulumi_aws import s3

from local.provider.aws.fields import Block, Fields, from_api, to_api
from local.provider.aws.s3_settings import setting
from local.provider.resource import Inputs, Outputs, Property
from local.provider.tags import as_dict, as_list

SIZES: Fields = {"objectSizeGreaterThan": "ObjectSizeGreaterThan", "objectSizeLessThan": "ObjectSizeLessThan"}
AND: Fields = {**SIZES, "prefix": "Prefix"}
FILTER: Fields = {**AND, "tag": Block("Tag", {"key": "Key", "value": "Value"})}
RULE: Fields = {
    "abortIncompleteMultipartUpload": Block("AbortIncompleteMultipartUpload", {"daysAfterInitiation": "DaysAfterInitiation"}),
    "expiration": Block("Expiration", {"date": "Date", "days": "Days", "expiredObjectDeleteMarker": "ExpiredObjectDeleteMarker"}),
    "id": "ID",
    "noncurrentVersionExpiration": Block(
        "NoncurrentVersionExpiration",
        {"newerNoncurrentVersions": "NewerNoncurrentVersions", "noncurrentDays": "NoncurrentDays"},
    ),
    "noncurrentVersionTransitions": Block(
        "NoncurrentVersionTransitions",
        {
            "newerNoncurrentVersions": "NewerNoncurrentVersions",
            "noncurrentDays": "NoncurrentDays",
            "storageClass": "StorageClass",
        },
    ),
    "prefix": "Prefix",
    "status": "Status",
    "transitions": Block("Transitions", {"date": "Date", "days": "Days", "storageClass": "StorageClass"}),
}


def rule_to_api(rule: Inputs) -> dict[str, Any]:
    """A rule without filter and prefix is for every object: S3 wants that said as an empty prefix."""
    arguments = to_api(rule, RULE)
    if "Prefix" in arguments:
        return arguments
    wanted = rule.get("filter") or {}
    arguments["Filter"] = to_api(wanted, FILTER)
    if both := wanted.get("and"):
        arguments["Filter"]["And"] = {**to_api(both, AND), "Tags": as_list(both.get("tags") or {})}
    arguments["Filter"] = arguments["Filter"] or {"Prefix": ""}
    return arguments


def rule_from_api(rule: dict[str, Any]) -> Outputs:
    values = from_api(rule, RULE)
    found = rule.get("Filter") or {}
    values["filter"] = from_api(found, FILTER)
    if "And" in found:
        values["filter"]["and"] = {**from_api(found["And"], AND), "tags": as_dict(found["And"].get("Tags"))}
    return values


def rows() -> dict[str, Property]:
    names = [
        *("abortIncompleteMultipartUpload", "abortIncompleteMultipartUpload.daysAfterInitiation"),
        *("expiration", "expiration.date", "filter", "filter.and", "filter.and.tags", "filter.tag", "filter.tag.key"),
        *("filter.tag.value", "id", "noncurrentVersionExpiration", "noncurrentVersionExpiration.noncurrentDays"),
        *("status", "transitions.date", "transitions.storageClass"),
        *("noncurrentVersionTransitions.noncurrentDays", "noncurrentVersionTransitions.storageClass"),
    ]
    computed = [
        *("expiration.days", "expiration.expiredObjectDeleteMarker", "prefix", "transitions.days"),
        *(f"filter.{name}" for name in AND),
        *(f"filter.and.{name}" for name in AND),
        *("noncurrentVersionExpiration.newerNoncurrentVersions", "noncurrentVersionTransitions.newerNoncurrentVersions"),
    ]
    sets = ("transitions", "noncurrentVersionTransitions")
    return {
        **{f"rules.{name}": Property() for name in names},
        **{f"rules.{name}": Property(computed=True) for name in computed},
        **{f"rules.{name}": Property(unordered=True) for name in sets},
    }


RESOURCES = (
    setting(
        token="aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        source="internal/service/s3/bucket_lifecycle_configuration.go",
        args=s3.BucketLifecycleConfigurationArgs,
        properties={"rules": Property(), **rows()},
        put=lambda client, bucket, inputs: client.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": [rule_to_api(rule) for rule in inputs["rules"]]}
        ),
        get=lambda client, bucket, _inputs: {
            "rules": [rule_from_api(rule) for rule in client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]]
        },
        drop=lambda client, bucket: client.delete_bucket_lifecycle(Bucket=bucket),
        unset="NoSuchLifecycleConfiguration",
    ),
)
