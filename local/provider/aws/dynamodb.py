"""DynamoDB tables."""

from __future__ import annotations

from typing import Any

from pulumi_aws import dynamodb

from local.provider.aws.fields import Fields, changed, from_api, to_api
from local.provider.aws.tagging import update_tags
from local.provider.resource import AutoName, Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found
from local.provider.tags import as_dict, as_list

GONE = "ResourceNotFoundException"
READY_WITHIN_S = 1800  # terraform's createTableTimeout
ON_DEMAND = "PAY_PER_REQUEST"
ATTRIBUTE: Fields = {"name": "AttributeName", "type": "AttributeType"}
ENCRYPTION: Fields = {"enabled": "Enabled", "kmsKeyArn": "KMSMasterKeyId"}
TTL: Fields = {"attributeName": "AttributeName", "enabled": "Enabled"}


def capacity(inputs: Inputs) -> dict[str, Any]:
    if inputs["billingMode"] == ON_DEMAND:
        return {}
    units = to_api(inputs, {"readCapacity": "ReadCapacityUnits", "writeCapacity": "WriteCapacityUnits"})
    if len(units) < 2:
        raise ValueError("readCapacity and writeCapacity must be set when billingMode is PROVISIONED (the default)")
    return {"ProvisionedThroughput": units}


def encryption(inputs: Inputs) -> dict[str, Any]:
    block = inputs.get("serverSideEncryption")
    if not block:
        return {}
    if not block["enabled"]:
        return {"SSESpecification": {"Enabled": False}}
    return {"SSESpecification": {**to_api(block, ENCRYPTION), "SSEType": "KMS"}}


def stream(inputs: Inputs) -> dict[str, Any]:
    fields = {"streamEnabled": "StreamEnabled", "streamViewType": "StreamViewType"}
    return {"StreamSpecification": to_api(inputs, fields)} if inputs.get("streamEnabled") else {}


def create(aws: Aws, inputs: Inputs) -> str:
    keys = [{"AttributeName": inputs["hashKey"], "KeyType": "HASH"}]
    if inputs.get("rangeKey"):
        keys.append({"AttributeName": inputs["rangeKey"], "KeyType": "RANGE"})
    aws.client("dynamodb").create_table(
        TableName=inputs["name"],
        AttributeDefinitions=[to_api(attribute, ATTRIBUTE) for attribute in inputs.get("attributes") or ()],
        KeySchema=keys,
        BillingMode=inputs["billingMode"],
        Tags=as_list(inputs["tagsAll"]),
        **to_api(inputs, {"deletionProtectionEnabled": "DeletionProtectionEnabled", "tableClass": "TableClass"}),
        **capacity(inputs),
        **encryption(inputs),
        **stream(inputs),
    )
    return inputs["name"]


def make_ready(aws: Aws, id: str, inputs: Inputs) -> None:
    wait_active(aws, id)
    if inputs.get("ttl"):
        set_ttl(aws, id, inputs["ttl"])
    if inputs.get("pointInTimeRecovery"):
        set_recovery(aws, id, inputs["pointInTimeRecovery"])


def wait_active(aws: Aws, id: str) -> None:
    client = aws.client("dynamodb")
    aws.wait(
        f"table {id} to be active",
        lambda: client.describe_table(TableName=id)["Table"]["TableStatus"] == "ACTIVE",
        READY_WITHIN_S,
    )


def set_ttl(aws: Aws, id: str, block: Inputs) -> None:
    """DynamoDB refuses to set what is set already."""
    client = aws.client("dynamodb")
    now = client.describe_time_to_live(TableName=id)["TimeToLiveDescription"]
    if block["enabled"] != (now.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")):
        client.update_time_to_live(TableName=id, TimeToLiveSpecification=to_api(block, TTL))


def set_recovery(aws: Aws, id: str, block: Inputs) -> None:
    fields = {"enabled": "PointInTimeRecoveryEnabled", "recoveryPeriodInDays": "RecoveryPeriodInDays"}
    aws.client("dynamodb").update_continuous_backups(TableName=id, PointInTimeRecoverySpecification=to_api(block, fields))


def read(aws: Aws, id: str, _inputs: Inputs) -> Outputs | None:
    client = aws.client("dynamodb")
    answer = found(lambda: client.describe_table(TableName=id), GONE)
    if not answer:
        return None
    table = answer["Table"]
    backups = client.describe_continuous_backups(TableName=id)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription") or {}
    ttl = client.describe_time_to_live(TableName=id)["TimeToLiveDescription"]
    keys = {key["KeyType"]: key["AttributeName"] for key in table["KeySchema"]}
    sse = table.get("SSEDescription") or {}
    throughput = table.get("ProvisionedThroughput") or {}
    return {
        **from_api(
            table,
            {
                "arn": "TableArn",
                "deletionProtectionEnabled": "DeletionProtectionEnabled",
                "name": "TableName",
                "streamArn": "LatestStreamArn",
                "streamLabel": "LatestStreamLabel",
            },
        ),
        **from_api(throughput, {"readCapacity": "ReadCapacityUnits", "writeCapacity": "WriteCapacityUnits"}),
        **from_api(
            table.get("StreamSpecification") or {}, {"streamEnabled": "StreamEnabled", "streamViewType": "StreamViewType"}
        ),
        "attributes": [from_api(attribute, ATTRIBUTE) for attribute in table["AttributeDefinitions"]],
        "billingMode": (table.get("BillingModeSummary") or {}).get("BillingMode", "PROVISIONED"),
        "hashKey": keys["HASH"],
        "pointInTimeRecovery": {"enabled": recovery.get("PointInTimeRecoveryStatus") == "ENABLED"},
        "rangeKey": keys.get("RANGE"),
        "serverSideEncryption": {
            "enabled": sse.get("Status") in ("ENABLED", "ENABLING"),
            **from_api(sse, {"kmsKeyArn": "KMSMasterKeyArn"}),
        },
        "tableClass": (table.get("TableClassSummary") or {}).get("TableClass"),
        "tags": as_dict(client.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]),
        "ttl": {"enabled": ttl.get("TimeToLiveStatus") == "ENABLED", **from_api(ttl, {"attributeName": "AttributeName"})},
    }


def update(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    """One UpdateTable per matter, as AWS demands, each ending with an active table."""
    client = aws.client("dynamodb")
    steps = {
        ("billingMode", "readCapacity", "writeCapacity"): lambda: {"BillingMode": news["billingMode"], **capacity(news)},
        ("deletionProtectionEnabled",): lambda: {"DeletionProtectionEnabled": bool(news.get("deletionProtectionEnabled"))},
        ("serverSideEncryption",): lambda: encryption(news),
        ("streamEnabled", "streamViewType"): lambda: stream(news) or {"StreamSpecification": {"StreamEnabled": False}},
        ("tableClass",): lambda: to_api(news, {"tableClass": "TableClass"}),
    }
    for names, arguments in steps.items():
        if changed(olds, news, *names) and (change := arguments()):
            client.update_table(TableName=id, **change)
            wait_active(aws, id)
    if changed(olds, news, "ttl") and news.get("ttl"):
        set_ttl(aws, id, news["ttl"])
    if changed(olds, news, "pointInTimeRecovery") and news.get("pointInTimeRecovery"):
        set_recovery(aws, id, news["pointInTimeRecovery"])
    arn = client.describe_table(TableName=id)["Table"]["TableArn"]
    update_tags(
        olds,
        news,
        put=lambda tags: client.tag_resource(ResourceArn=arn, Tags=tags),
        remove=lambda keys: client.untag_resource(ResourceArn=arn, TagKeys=keys),
    )


def delete(aws: Aws, id: str, _inputs: Inputs) -> None:
    client = aws.client("dynamodb")
    if found(lambda: client.delete_table(TableName=id), GONE) is not None:
        aws.wait(
            f"table {id} to be gone", lambda: found(lambda: client.describe_table(TableName=id), GONE) is None, READY_WITHIN_S
        )


RESOURCES = (
    Resource(
        token="aws:dynamodb/table:Table",
        source="internal/service/dynamodb/table.go",
        args=dynamodb.TableArgs,
        name=AutoName(),
        properties={
            "attributes": Property(computed=True, unordered=True),
            "attributes.name": Property(),
            "attributes.type": Property(),
            "billingMode": Property(default="PROVISIONED"),
            "deletionProtectionEnabled": Property(),
            "hashKey": Property(force_new=True, computed=True),
            "name": Property(force_new=True),
            "pointInTimeRecovery": Property(computed=True),
            "pointInTimeRecovery.enabled": Property(),
            "pointInTimeRecovery.recoveryPeriodInDays": Property(computed=True),
            "rangeKey": Property(force_new=True),
            "readCapacity": Property(computed=True),
            "serverSideEncryption": Property(computed=True),
            "serverSideEncryption.enabled": Property(),
            "serverSideEncryption.kmsKeyArn": Property(computed=True),
            "streamEnabled": Property(),
            "streamViewType": Property(computed=True),
            "tableClass": Property(computed=True),
            "ttl": Property(computed=True),
            "ttl.attributeName": Property(),
            "ttl.enabled": Property(default=False),
            "writeCapacity": Property(computed=True),
        },
        outputs_unknown=("arn", "streamArn", "streamLabel"),
        create=create,
        ready=make_ready,
        read=read,
        update=update,
        delete=delete,
        find=lambda _aws, inputs: [inputs["name"]],
    ),
)
