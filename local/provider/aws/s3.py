"""S3 buckets. What is configured on a bucket is in s3_settings.py and s3_lifecycle.py, what lies in it in s3_object.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pulumi_aws import s3

from local.provider.resource import AutoName, Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found
from local.provider.tags import as_dict, as_list, changes

NO_BUCKET = ("NoSuchBucket", "404")  # HEAD answers carry only the number
HOME_REGION = "us-east-1"  # the one region that must not be named as a LocationConstraint
DELETED_AT_ONCE = 1000  # DeleteObjects' limit


def create(aws: Aws, inputs: Inputs) -> str:
    configuration: dict[str, Any] = {"Tags": as_list(inputs["tagsAll"])} if inputs["tagsAll"] else {}
    if aws.region != HOME_REGION:
        configuration["LocationConstraint"] = aws.region
    aws.client("s3").create_bucket(
        Bucket=inputs["bucket"], **({"CreateBucketConfiguration": configuration} if configuration else {})
    )
    return inputs["bucket"]


def tag(aws: Aws, id: str, inputs: Inputs) -> None:
    put_tags(aws, id, {**read_tags(aws, id), **inputs["tagsAll"]})


def named(_aws: Aws, inputs: Inputs) -> list[str]:
    return [inputs["bucket"]]


def read(aws: Aws, id: str, _inputs: Inputs) -> Outputs | None:
    if found(lambda: aws.client("s3").head_bucket(Bucket=id), *NO_BUCKET) is None:
        return None
    return {
        "arn": f"arn:aws:s3:::{id}",
        "bucket": id,
        "bucketDomainName": f"{id}.s3.amazonaws.com",
        "bucketRegion": aws.region,
        "bucketRegionalDomainName": f"{id}.s3.{aws.region}.amazonaws.com",
        "tags": read_tags(aws, id),
    }


def update(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    put, remove = changes(olds, news)
    if put or remove:  # PutBucketTagging replaces the whole set
        kept = {key: value for key, value in read_tags(aws, id).items() if key not in remove}
        put_tags(aws, id, {**kept, **put})


def delete(aws: Aws, id: str, inputs: Inputs) -> None:
    """A bucket with anything in it is refused by S3 (BucketNotEmpty), unless forceDestroy empties it of all versions first."""
    client = aws.client("s3")
    if inputs.get("forceDestroy") and found(lambda: client.head_bucket(Bucket=id), *NO_BUCKET) is not None:
        delete_versions(aws, id)
    found(lambda: client.delete_bucket(Bucket=id), *NO_BUCKET)


def versions(aws: Aws, bucket: str, key: str = "") -> Iterator[dict[str, str]]:
    """Every version and delete marker in the bucket, or of one key, as DeleteObjects takes them."""
    for page in aws.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key):
        for version in page.get("Versions", []) + page.get("DeleteMarkers", []):
            if not key or version["Key"] == key:
                yield {"Key": version["Key"], "VersionId": version["VersionId"]}


def delete_versions(aws: Aws, bucket: str, key: str = "") -> None:
    """Deletes every version of everything in the bucket, or of one key. Raises RuntimeError with S3's own words."""
    doomed = list(versions(aws, bucket, key))
    for start in range(0, len(doomed), DELETED_AT_ONCE):
        answer = aws.client("s3").delete_objects(
            Bucket=bucket, Delete={"Objects": doomed[start : start + DELETED_AT_ONCE], "Quiet": True}
        )
        if errors := answer.get("Errors"):
            raise RuntimeError(f"deleting objects of bucket {bucket}: {errors[0]['Key']}: {errors[0]['Message']}")


def read_tags(aws: Aws, bucket: str) -> dict[str, str]:
    answer = found(lambda: aws.client("s3").get_bucket_tagging(Bucket=bucket), "NoSuchTagSet")
    return as_dict(answer["TagSet"]) if answer else {}


def put_tags(aws: Aws, bucket: str, tags: dict[str, str]) -> None:
    client = aws.client("s3")
    if tags:
        client.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": as_list(tags)})
    else:
        client.delete_bucket_tagging(Bucket=bucket)


RESOURCES = (
    Resource(
        token="aws:s3/bucket:Bucket",
        source="internal/service/s3/bucket.go",
        args=s3.BucketArgs,
        name=AutoName(property="bucket", max_length=63, lower=True),
        properties={
            "bucket": Property(force_new=True, computed=True),
            "forceDestroy": Property(default=False),
        },
        outputs_unknown=("arn", "bucketDomainName", "bucketRegion", "bucketRegionalDomainName"),
        create=create,
        ready=tag,
        read=read,
        update=update,
        delete=delete,
        find=named,
    ),
)
