"""SSM parameters. Associations are in ssm_association.py, documents in ssm_document.py."""

from __future__ import annotations

from typing import Any

from pulumi_aws import ssm

from local.provider.aws.fields import UNSET, Fields, changed, from_api, to_api
from local.provider.aws.tagging import update_tags
from local.provider.resource import AutoName, Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found
from local.provider.tags import as_dict, as_list

GONE = "ParameterNotFound"
SECURE = "SecureString"
PARAMETER: Fields = {
    "allowedPattern": "AllowedPattern",
    "dataType": "DataType",
    "description": "Description",
    "keyId": "KeyId",
    "name": "Name",
    "tier": "Tier",
    "type": "Type",
}


def arguments(inputs: Inputs) -> dict[str, Any]:
    values = to_api(inputs, PARAMETER)
    if inputs["type"] != SECURE:
        values.pop("KeyId", None)
    secret = inputs.get("value")
    return {**values, "Value": inputs.get("insecureValue", "") if secret in UNSET else secret}


def create(aws: Aws, inputs: Inputs) -> str:
    client = aws.client("ssm")
    if inputs.get("overwrite"):  # AWS takes no tags together with Overwrite
        client.put_parameter(**arguments(inputs), Overwrite=True)
        client.add_tags_to_resource(ResourceType="Parameter", ResourceId=inputs["name"], Tags=as_list(inputs["tagsAll"]))
    else:
        client.put_parameter(**arguments(inputs), Overwrite=False, Tags=as_list(inputs["tagsAll"]))
    return inputs["name"]


def read(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    client = aws.client("ssm")
    answer = found(lambda: client.get_parameter(Name=id, WithDecryption=True), GONE)
    if not answer:
        return None
    parameter = answer["Parameter"]
    filters = [{"Key": "Name", "Option": "Equals", "Values": [id]}]
    detail = client.describe_parameters(ParameterFilters=filters)["Parameters"][0]
    plain = "insecureValue" in inputs and parameter["Type"] != SECURE
    return {
        **from_api(detail, PARAMETER),
        "arn": parameter["ARN"],
        "insecureValue" if plain else "value": parameter["Value"],
        "tags": as_dict(client.list_tags_for_resource(ResourceType="Parameter", ResourceId=id)["TagList"]),
        "version": parameter["Version"],
    }


def update(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    client = aws.client("ssm")
    if changed(olds, news, "allowedPattern", "description", "insecureValue", "keyId", "tier", "type", "value"):
        client.put_parameter(**arguments(news), Overwrite=True)
    update_tags(
        olds,
        news,
        put=lambda tags: client.add_tags_to_resource(ResourceType="Parameter", ResourceId=id, Tags=tags),
        remove=lambda keys: client.remove_tags_from_resource(ResourceType="Parameter", ResourceId=id, TagKeys=keys),
    )


def replaces(olds: Inputs, news: Inputs) -> list[str]:
    """An advanced parameter cannot become a standard one."""
    return ["tier"] if (olds.get("tier"), news.get("tier")) == ("Advanced", "Standard") else []


def delete(aws: Aws, id: str, _inputs: Inputs) -> None:
    found(lambda: aws.client("ssm").delete_parameter(Name=id), GONE)


RESOURCES = (
    Resource(
        token="aws:ssm/parameter:Parameter",
        source="internal/service/ssm/parameter.go",
        args=ssm.ParameterArgs,
        name=AutoName(),
        properties={
            "allowedPattern": Property(),
            "dataType": Property(force_new=True, computed=True),
            "description": Property(),
            "insecureValue": Property(computed=True),
            "keyId": Property(computed=True),
            "name": Property(force_new=True),
            "overwrite": Property(),
            "tier": Property(computed=True),
            "type": Property(),
            "value": Property(computed=True, secret=True),
        },
        outputs_unknown=("arn", "version"),
        outputs_changing=("version",),
        create=create,
        read=read,
        update=update,
        replaces=replaces,
        delete=delete,
        find=lambda _aws, inputs: [inputs["name"]],
    ),
)
