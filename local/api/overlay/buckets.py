"""S3 buckets: tags given at creation, and policies with conditions, whose statements count when the conditions hold.

moto takes a statement whose condition does not hold for a denial, so a policy that denies plain HTTP denies everything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import xmltodict
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

from local.api.overlay.calls import patches

# What every request to this API has of the global condition keys: servers come over TLS, as on AWS.
# IAM User Guide, "AWS global condition context keys"
CONTEXT = {"aws:securetransport": "true"}


@patches(S3Response, "_bucket_response_put")
def put_bucket(moto: Any, response: S3Response, request: Any, bucket_name: str, querystring: dict[str, Any]) -> Any:
    """S3 API, CreateBucketConfiguration, Tags: part of the same call. moto leaves them out."""
    answer = moto(response, request, bucket_name, querystring)
    if not querystring and response.body:
        configuration = xmltodict.parse(response.body, force_list={"Tag"}).get("CreateBucketConfiguration") or {}
        tags = {tag["Key"]: tag["Value"] or "" for tag in (configuration.get("Tags") or {}).get("Tag", [])}
        if tags:
            response.backend.put_bucket_tagging(bucket_name, tags)
    return answer


@patches(FakeBucket, "get_permission")
def get_permission(moto: Any, bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
    """IAM User Guide, "Policy evaluation logic". A condition on a key we do not know of does not hold."""
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    document = json.loads(bucket.policy)
    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    applying = [
        {key: value for key, value in statement.items() if key != "Condition"}
        for statement in statements
        if holds(statement.get("Condition", {}))
    ]
    return IAMPolicy(json.dumps({**document, "Statement": applying})).is_action_permitted(action, resource)


def holds(conditions: Mapping[str, Mapping[str, Any]]) -> bool:
    """All of {"Bool": {"aws:SecureTransport": "false"}, …}; of the operators, those for which equality decides."""
    return all(
        operator in ("Bool", "StringEquals") and CONTEXT.get(key.lower()) in values(wanted)
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def values(wanted: Any) -> list[str]:
    return [str(value).lower() for value in (wanted if isinstance(wanted, list) else [wanted])]
