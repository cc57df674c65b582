"""What is set on an S3 bucket and is a resource of its own: versioning, encryption, access, ownership, policy.

All of them are one Put per bucket, so creating one again is harmless; the bucket's name is their id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pulumi_aws import s3

from local.provider.aws.fields import Block, Fields, from_api, to_api
from local.provider.aws.policies import in_words_of, same_policy, text
from local.provider.aws.s3 import NO_BUCKET
from local.provider.resource import Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found

VERSIONING: Fields = {"status": "Status", "mfaDelete": "MFADelete"}
ENCRYPTION: Fields = {
    "rules": Block(
        "Rules",
        {
            "applyServerSideEncryptionByDefault": Block(
                "ApplyServerSideEncryptionByDefault",
                {"kmsMasterKeyId": "KMSMasterKeyID", "sseAlgorithm": "SSEAlgorithm"},
            ),
            "bucketKeyEnabled": "BucketKeyEnabled",
        },
    )
}
PUBLIC_ACCESS: Fields = {
    "blockPublicAcls": "BlockPublicAcls",
    "blockPublicPolicy": "BlockPublicPolicy",
    "ignorePublicAcls": "IgnorePublicAcls",
    "restrictPublicBuckets": "RestrictPublicBuckets",
}


def setting(
    *,
    token: str,
    source: str,
    args: type,
    properties: Mapping[str, Property],
    put: Callable[[Any, str, Inputs], Any],
    get: Callable[[Any, str, Inputs], Outputs],
    drop: Callable[[Any, str], Any],
    unset: str,
) -> Resource:
    """A resource that is one setting of the bucket `inputs["bucket"]`; `unset` is S3's error code when there is none."""

    def create(aws: Aws, inputs: Inputs) -> str:
        put(aws.client("s3"), inputs["bucket"], inputs)
        return inputs["bucket"]

    def read(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
        values = found(lambda: get(aws.client("s3"), id, inputs), unset, *NO_BUCKET)
        return values and {"bucket": id, **values}

    def update(aws: Aws, id: str, _olds: Inputs, news: Inputs) -> None:
        put(aws.client("s3"), id, news)

    def delete(aws: Aws, id: str, _inputs: Inputs) -> None:
        found(lambda: drop(aws.client("s3"), id), unset, *NO_BUCKET)

    return Resource(
        token=token,
        source=source,
        args=args,
        properties={"bucket": Property(force_new=True), **properties},
        tags=False,
        create=create,
        read=read,
        update=update,
        delete=delete,
    )


def get_versioning(client: Any, bucket: str, _inputs: Inputs) -> Outputs:
    answer = {"Status": "Disabled", **client.get_bucket_versioning(Bucket=bucket)}  # no status: never switched on
    return {"versioningConfiguration": from_api(answer, VERSIONING)}


def get_ownership(client: Any, bucket: str, _inputs: Inputs) -> Outputs:
    rules = client.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    return {"rule": {"objectOwnership": rules[0]["ObjectOwnership"]}}


VERSIONED = setting(
    token="aws:s3/bucketVersioning:BucketVersioning",
    source="internal/service/s3/bucket_versioning.go",
    args=s3.BucketVersioningInitArgs,
    properties={
        "versioningConfiguration": Property(),
        "versioningConfiguration.status": Property(),
        "versioningConfiguration.mfaDelete": Property(computed=True),
    },
    put=lambda client, bucket, inputs: client.put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration=to_api(inputs["versioningConfiguration"], VERSIONING)
    ),
    get=get_versioning,
    # versioning can never be switched off again, only suspended
    drop=lambda client, bucket: client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}),
    unset=NO_BUCKET[0],
)
ENCRYPTED = setting(
    token="aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    source="internal/service/s3/bucket_server_side_encryption_configuration.go",
    args=s3.BucketServerSideEncryptionConfigurationInitArgs,
    properties={
        "rules": Property(unordered=True),
        "rules.applyServerSideEncryptionByDefault": Property(),
        "rules.applyServerSideEncryptionByDefault.kmsMasterKeyId": Property(),
        "rules.applyServerSideEncryptionByDefault.sseAlgorithm": Property(),
        "rules.bucketKeyEnabled": Property(),
    },
    put=lambda client, bucket, inputs: client.put_bucket_encryption(
        Bucket=bucket, ServerSideEncryptionConfiguration=to_api(inputs, ENCRYPTION)
    ),
    get=lambda client, bucket, _inputs: from_api(
        client.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"], ENCRYPTION
    ),
    drop=lambda client, bucket: client.delete_bucket_encryption(Bucket=bucket),
    unset="ServerSideEncryptionConfigurationNotFoundError",
)
PRIVATE = setting(
    token="aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    source="internal/service/s3/bucket_public_access_block.go",
    args=s3.BucketPublicAccessBlockArgs,
    properties={name: Property(default=False) for name in PUBLIC_ACCESS},
    put=lambda client, bucket, inputs: client.put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration=to_api(inputs, PUBLIC_ACCESS)
    ),
    get=lambda client, bucket, _inputs: from_api(
        client.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"], PUBLIC_ACCESS
    ),
    drop=lambda client, bucket: client.delete_public_access_block(Bucket=bucket),
    unset="NoSuchPublicAccessBlockConfiguration",
)
OWNED = setting(
    token="aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    source="internal/service/s3/bucket_ownership_controls.go",
    args=s3.BucketOwnershipControlsArgs,
    properties={"rule": Property(), "rule.objectOwnership": Property()},
    put=lambda client, bucket, inputs: client.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": inputs["rule"]["objectOwnership"]}]}
    ),
    get=get_ownership,
    drop=lambda client, bucket: client.delete_bucket_ownership_controls(Bucket=bucket),
    unset="OwnershipControlsNotFoundError",
)
GUARDED = setting(
    token="aws:s3/bucketPolicy:BucketPolicy",
    source="internal/service/s3/bucket_policy.go",
    args=s3.BucketPolicyArgs,
    properties={"policy": Property(same=same_policy)},
    put=lambda client, bucket, inputs: client.put_bucket_policy(Bucket=bucket, Policy=text(inputs["policy"])),
    get=lambda client, bucket, inputs: {
        "policy": in_words_of(inputs.get("policy"), client.get_bucket_policy(Bucket=bucket)["Policy"])
    },
    drop=lambda client, bucket: client.delete_bucket_policy(Bucket=bucket),
    unset="NoSuchBucketPolicy",
)

RESOURCES = (VERSIONED, ENCRYPTED, PRIVATE, OWNED, GUARDED)
