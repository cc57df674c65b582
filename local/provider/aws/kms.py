"""KMS: keys and their aliases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pulumi_aws import kms

from local.provider.aws.fields import Fields, changed, from_api, to_api
from local.provider.aws.policies import in_words_of, same_policy
from local.provider.resource import AutoName, Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found
from local.provider.tags import MARKER, changes

GONE = "NotFoundException"
DELETED = ("PendingDeletion", "PendingReplicaDeletion")  # AWS keeps the key for its window; for the program it is gone
KEY: Fields = {"description": "Description", "keyUsage": "KeyUsage", "multiRegion": "MultiRegion"}


def create_key(aws: Aws, inputs: Inputs) -> str:
    fields = {**KEY, "customerMasterKeySpec": "KeySpec", "policy": "Policy"}
    fields["bypassPolicyLockoutSafetyCheck"] = "BypassPolicyLockoutSafetyCheck"
    answer = aws.client("kms").create_key(**to_api(inputs, fields), Tags=as_list(inputs["tagsAll"]))
    return answer["KeyMetadata"]["KeyId"]


def set_rotation_and_state(aws: Aws, id: str, inputs: Inputs) -> None:
    client = aws.client("kms")
    if inputs["enableKeyRotation"]:
        client.enable_key_rotation(KeyId=id, **to_api(inputs, {"rotationPeriodInDays": "RotationPeriodInDays"}))
    if not inputs["isEnabled"]:
        client.disable_key(KeyId=id)


def marked_keys(aws: Aws, inputs: Inputs) -> Iterator[str]:
    client = aws.client("kms")
    for page in client.get_paginator("list_keys").paginate():
        for key in page["Keys"]:
            if read_tags(client, key["KeyId"]).get(MARKER) == inputs["tagsAll"][MARKER]:
                yield key["KeyId"]


def read_key(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    client = aws.client("kms")
    answer = found(lambda: client.describe_key(KeyId=id), GONE)
    if not answer or answer["KeyMetadata"]["KeyState"] in DELETED:
        return None
    key = answer["KeyMetadata"]
    policy = client.get_key_policy(KeyId=id, PolicyName="default")["Policy"]
    rotation = client.get_key_rotation_status(KeyId=id)
    return {
        **from_api(key, {**KEY, "arn": "Arn", "keyId": "KeyId", "isEnabled": "Enabled", "customerMasterKeySpec": "KeySpec"}),
        **from_api(rotation, {"enableKeyRotation": "KeyRotationEnabled", "rotationPeriodInDays": "RotationPeriodInDays"}),
        "policy": in_words_of(inputs.get("policy"), policy),
        "tags": read_tags(client, id),
    }


def update_key(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    """A disabled key cannot be changed: it is enabled first and disabled last, as terraform does."""
    client = aws.client("kms")
    if news["isEnabled"] and changed(olds, news, "isEnabled"):
        client.enable_key(KeyId=id)
    if changed(olds, news, "enableKeyRotation", "rotationPeriodInDays"):
        if news["enableKeyRotation"]:
            client.enable_key_rotation(KeyId=id, **to_api(news, {"rotationPeriodInDays": "RotationPeriodInDays"}))
        else:
            client.disable_key_rotation(KeyId=id)
    if changed(olds, news, "description") and news.get("description"):
        client.update_key_description(KeyId=id, Description=news["description"])
    if changed(olds, news, "policy") and news.get("policy"):
        client.put_key_policy(KeyId=id, PolicyName="default", Policy=news["policy"])
    put, remove = changes(olds, news)
    if remove:
        client.untag_resource(KeyId=id, TagKeys=remove)
    if put:
        client.tag_resource(KeyId=id, Tags=as_list(put))
    if not news["isEnabled"] and changed(olds, news, "isEnabled"):
        client.disable_key(KeyId=id)


def delete_key(aws: Aws, id: str, inputs: Inputs) -> None:
    window = to_api(inputs, {"deletionWindowInDays": "PendingWindowInDays"})
    found(lambda: aws.client("kms").schedule_key_deletion(KeyId=id, **window), GONE, "KMSInvalidStateException")


def as_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"TagKey": key, "TagValue": value} for key, value in tags.items()]


def read_tags(client: Any, id: str) -> dict[str, str]:
    return {tag["TagKey"]: tag["TagValue"] for tag in client.list_resource_tags(KeyId=id)["Tags"]}


def create_alias(aws: Aws, inputs: Inputs) -> str:
    aws.client("kms").create_alias(AliasName=inputs["name"], TargetKeyId=inputs["targetKeyId"])
    return inputs["name"]


def read_alias(aws: Aws, id: str, _inputs: Inputs) -> Outputs | None:
    for page in aws.client("kms").get_paginator("list_aliases").paginate():
        for alias in page["Aliases"]:
            if alias["AliasName"] == id:
                account = alias["AliasArn"].removesuffix(f":{id}")
                return {
                    "arn": alias["AliasArn"],
                    "name": id,
                    "targetKeyArn": f"{account}:key/{alias['TargetKeyId']}",
                    "targetKeyId": alias["TargetKeyId"],
                }
    return None


def update_alias(aws: Aws, id: str, _olds: Inputs, news: Inputs) -> None:
    aws.client("kms").update_alias(AliasName=id, TargetKeyId=news["targetKeyId"])


def delete_alias(aws: Aws, id: str, _inputs: Inputs) -> None:
    found(lambda: aws.client("kms").delete_alias(AliasName=id), GONE)


def same_key(left: Any, right: Any) -> bool:
    """A key's ARN and its id name the same key (suppressEquivalentKeyARNOrID)."""
    return str(left).rsplit("/", 1)[-1] == str(right).rsplit("/", 1)[-1]


RESOURCES = (
    Resource(
        token="aws:kms/key:Key",
        source="internal/service/kms/key.go",
        args=kms.KeyArgs,
        properties={
            "bypassPolicyLockoutSafetyCheck": Property(default=False),
            "customerMasterKeySpec": Property(force_new=True, default="SYMMETRIC_DEFAULT"),
            "deletionWindowInDays": Property(),
            "description": Property(computed=True),
            "enableKeyRotation": Property(default=False),
            "isEnabled": Property(default=True),
            "keyUsage": Property(force_new=True, default="ENCRYPT_DECRYPT"),
            "multiRegion": Property(force_new=True, computed=True),
            "policy": Property(computed=True, same=same_policy),
            "rotationPeriodInDays": Property(computed=True),
        },
        outputs_unknown=("arn", "keyId", "policy"),
        create=create_key,
        ready=set_rotation_and_state,
        read=read_key,
        update=update_key,
        delete=delete_key,
        find=marked_keys,
    ),
    Resource(
        token="aws:kms/alias:Alias",
        source="internal/service/kms/alias.go",
        args=kms.AliasArgs,
        name=AutoName(prefix="alias/", max_length=238),
        properties={
            "name": Property(force_new=True, computed=True),
            "targetKeyId": Property(same=same_key),
        },
        outputs_unknown=("arn", "targetKeyArn"),
        tags=False,
        create=create_alias,
        read=read_alias,
        update=update_alias,
        delete=delete_alias,
        find=lambda _aws, inputs: [inputs["name"]],
    ),
)
