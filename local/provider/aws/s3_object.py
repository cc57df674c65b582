"""Objects in S3 buckets: `content`, `contentBase64` or a file (`source`), put again in place when any of it changes."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlencode

from pulumi_aws import s3

from local.provider.aws.fields import Fields, changed, from_api, to_api
from local.provider.aws.s3 import NO_BUCKET, delete_versions
from local.provider.resource import Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found

GONE = (*NO_BUCKET, "NoSuchKey")
HEADERS: Fields = {  # as PutObject takes them and HeadObject gives them back
    "bucketKeyEnabled": "BucketKeyEnabled",
    "cacheControl": "CacheControl",
    "contentDisposition": "ContentDisposition",
    "contentEncoding": "ContentEncoding",
    "contentLanguage": "ContentLanguage",
    "contentType": "ContentType",
    "kmsKeyId": "SSEKMSKeyId",
    "metadata": "Metadata",
    "serverSideEncryption": "ServerSideEncryption",
    "storageClass": "StorageClass",
}
UPLOADED_AGAIN = (*HEADERS, "content", "contentBase64", "etag", "source", "sourceHash")  # hasObjectContentChanges


def clean(key: str) -> str:
    """The key as S3 gets it: terraform drops `./`, leading and doubled slashes (sdkv1CompatibleCleanKey)."""
    return "/".join(part for part in key.removeprefix("./").split("/") if part) + ("/" if key.endswith("/") else "")


def body(inputs: Inputs) -> bytes:
    if inputs.get("source") is not None:
        return inputs["source"].content()
    if inputs.get("contentBase64"):
        return base64.b64decode(inputs["contentBase64"])
    return (inputs.get("content") or "").encode()


def create(aws: Aws, inputs: Inputs) -> str:
    arguments: dict[str, Any] = to_api(inputs, HEADERS)
    if inputs.get("kmsKeyId"):
        arguments["ServerSideEncryption"] = "aws:kms"
    if inputs["tagsAll"]:
        arguments["Tagging"] = urlencode(inputs["tagsAll"])
    key = clean(inputs["key"])
    aws.client("s3").put_object(Bucket=inputs["bucket"], Key=key, Body=body(inputs), **arguments)
    return f"{inputs['bucket']}/{key}"


def read(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    bucket, key = id.split("/", 1)
    client = aws.client("s3")
    head = found(lambda: client.head_object(Bucket=bucket, Key=key), *GONE)
    if head is None:
        return None
    return {
        **from_api({"StorageClass": "STANDARD", **head}, HEADERS),
        "arn": f"arn:aws:s3:::{bucket}/{key}",
        "bucket": bucket,
        "etag": head["ETag"].strip('"'),
        "key": inputs.get("key", key),
        "tags": {tag["Key"]: tag["Value"] for tag in client.get_object_tagging(Bucket=bucket, Key=key).get("TagSet", [])},
        "versionId": head.get("VersionId"),
    }


def update(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    if changed(olds, news, *UPLOADED_AGAIN):
        create(aws, news)
    elif changed(olds, news, "tagsAll"):
        bucket, key = id.split("/", 1)
        tags = [{"Key": name, "Value": value} for name, value in news["tagsAll"].items()]
        aws.client("s3").put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": tags})


def delete(aws: Aws, id: str, _inputs: Inputs) -> None:
    """All versions, as terraform does, so that nothing of a deleted object keeps the bucket from being deleted."""
    bucket, key = id.split("/", 1)
    found(lambda: delete_versions(aws, bucket, key), *GONE)


RESOURCES = (
    Resource(
        token="aws:s3/bucketObjectv2:BucketObjectv2",
        source="internal/service/s3/object.go",
        args=s3.BucketObjectv2Args,
        properties={
            "bucket": Property(force_new=True),
            "bucketKeyEnabled": Property(computed=True),
            "cacheControl": Property(),
            "content": Property(),
            "contentBase64": Property(),
            "contentDisposition": Property(),
            "contentEncoding": Property(),
            "contentLanguage": Property(),
            "contentType": Property(computed=True),
            "etag": Property(computed=True),
            "forceDestroy": Property(default=False),
            "key": Property(force_new=True),
            "kmsKeyId": Property(computed=True),
            "metadata": Property(),
            "serverSideEncryption": Property(computed=True),
            "source": Property(),
            "sourceHash": Property(),
            "storageClass": Property(computed=True),
        },
        outputs_unknown=("arn", "etag", "versionId"),
        outputs_changing=("etag", "versionId"),
        create=create,
        read=read,
        update=update,
        delete=delete,
    ),
)
