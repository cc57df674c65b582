"""SSM documents: what `aws ssm send-command` can be told to do, versioned by AWS; the newest version is the one that runs."""

from __future__ import annotations

from typing import Any

from pulumi_aws import ssm

from local.provider.aws.fields import Block, Fields, changed, from_api, to_api
from local.provider.aws.tagging import update_tags
from local.provider.resource import AutoName, Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found
from local.provider.tags import as_dict, as_list

GONE = "InvalidDocument"
SAME_CONTENT = "DuplicateDocumentContent"
WAIT_S = 120
VERSION: Fields = {"content": "Content", "documentFormat": "DocumentFormat", "name": "Name", "targetType": "TargetType"}
DOCUMENT: Fields = {**VERSION, "documentType": "DocumentType"}
DESCRIBED: Fields = {
    **{name: source for name, source in DOCUMENT.items() if name != "content"},
    "defaultVersion": "DefaultVersion",
    "description": "Description",
    "documentVersion": "DocumentVersion",
    "hash": "Hash",
    "hashType": "HashType",
    "latestVersion": "LatestVersion",
    "owner": "Owner",
    "parameters": Block(
        "Parameters", {"defaultValue": "DefaultValue", "description": "Description", "name": "Name", "type": "Type"}
    ),
    "platformTypes": "PlatformTypes",
    "schemaVersion": "SchemaVersion",
    "status": "Status",
}


def create(aws: Aws, inputs: Inputs) -> str:
    answer = aws.client("ssm").create_document(**to_api(inputs, DOCUMENT), Tags=as_list(inputs["tagsAll"]))
    return answer["DocumentDescription"]["Name"]


def wait_until_active(aws: Aws, id: str, _inputs: Inputs) -> None:
    aws.wait(f"SSM Document {id} to be Active", lambda: (described(aws, id) or {}).get("Status") == "Active", WAIT_S)


def described(aws: Aws, id: str) -> dict[str, Any] | None:
    answer = found(lambda: aws.client("ssm").describe_document(Name=id), GONE)
    return answer["Document"] if answer else None


def read(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    document = described(aws, id)
    if not document:
        return None
    wanted = {"Name": id, "DocumentVersion": "$LATEST", "DocumentFormat": inputs.get("documentFormat") or "JSON"}
    return {
        **from_api(document, DESCRIBED),
        "arn": f"arn:aws:ssm:{aws.region}:{aws.account}:document/{id}",
        "content": aws.client("ssm").get_document(**wanted)["Content"],
        "createdDate": document["CreatedDate"].isoformat(timespec="seconds"),
        "tags": as_dict(document.get("Tags")),
    }


def update(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    """A new version, which becomes the default."""
    client = aws.client("ssm")
    if changed(olds, news, "content", "documentFormat", "documentType", "targetType"):
        before = described(aws, id) or {}
        arguments = to_api(news, VERSION)
        answer = found(lambda: client.update_document(**arguments, DocumentVersion=before["DefaultVersion"]), SAME_CONTENT)
        version = answer["DocumentDescription"]["DocumentVersion"] if answer else before["LatestVersion"]
        client.update_document_default_version(Name=id, DocumentVersion=version)
        wait_until_active(aws, id, news)
    update_tags(
        olds,
        news,
        put=lambda tags: client.add_tags_to_resource(ResourceType="Document", ResourceId=id, Tags=tags),
        remove=lambda keys: client.remove_tags_from_resource(ResourceType="Document", ResourceId=id, TagKeys=keys),
    )


def delete(aws: Aws, id: str, _inputs: Inputs) -> None:
    found(lambda: aws.client("ssm").delete_document(Name=id), GONE)
    aws.wait(f"SSM Document {id} to be deleted", lambda: described(aws, id) is None, WAIT_S)


RESOURCES = (
    Resource(
        token="aws:ssm/document:Document",
        source="internal/service/ssm/document.go",
        args=ssm.DocumentArgs,
        name=AutoName(max_length=128),
        properties={
            "content": Property(),
            "documentFormat": Property(default="JSON"),
            "documentType": Property(),
            "name": Property(force_new=True),
            "targetType": Property(),
        },
        outputs_unknown=(
            "arn",
            "createdDate",
            "defaultVersion",
            "description",
            "documentVersion",
            "hash",
            "hashType",
            "latestVersion",
            "owner",
            "parameters",
            "platformTypes",
            "schemaVersion",
            "status",
        ),
        outputs_changing=("defaultVersion", "documentVersion", "hash", "latestVersion", "parameters"),
        create=create,
        ready=wait_until_active,
        read=read,
        update=update,
        delete=delete,
        find=lambda _aws, inputs: [inputs["name"]],
    ),
)
