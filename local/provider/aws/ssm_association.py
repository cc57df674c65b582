"""SSM associations: a document run on instances; `pulumi up` waits for it when waitForSuccessTimeoutSeconds is set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pulumi_aws import ssm

from local.provider.aws.fields import Block, Fields, from_api, to_api
from local.provider.aws.tagging import update_tags
from local.provider.resource import InitFailed, Inputs, Outputs, Property, Resource
from local.provider.session import Aws, WaitedTooLong, found
from local.provider.tags import MARKER, as_dict, as_list

GONE = "AssociationDoesNotExist"
ASSOCIATION: Fields = {
    "applyOnlyAtCronInterval": "ApplyOnlyAtCronInterval",
    "associationName": "AssociationName",
    "complianceSeverity": "ComplianceSeverity",
    "documentVersion": "DocumentVersion",
    "maxConcurrency": "MaxConcurrency",
    "maxErrors": "MaxErrors",
    "outputLocation": Block(
        "S3Location", {"s3BucketName": "OutputS3BucketName", "s3KeyPrefix": "OutputS3KeyPrefix", "s3Region": "OutputS3Region"}
    ),
    "scheduleExpression": "ScheduleExpression",
    "syncCompliance": "SyncCompliance",
    "targets": Block("Targets", {"key": "Key", "values": "Values"}),
}


def arguments(inputs: Inputs) -> dict[str, Any]:
    values = to_api(inputs, ASSOCIATION)
    if "S3Location" in values:
        values["OutputLocation"] = {"S3Location": values.pop("S3Location")}
    if inputs.get("parameters"):  # one string each in the provider, a list at AWS
        values["Parameters"] = {key: [value] for key, value in inputs["parameters"].items()}
    return values


def create(aws: Aws, inputs: Inputs) -> str:
    answer = aws.client("ssm").create_association(Name=inputs["name"], **arguments(inputs), Tags=as_list(inputs["tagsAll"]))
    return answer["AssociationDescription"]["AssociationId"]


def wait_for_success(aws: Aws, id: str, inputs: Inputs) -> None:
    """Only after a create; says no more than terraform does: the status, never the reason (AWS does not tell it)."""
    timeout_s = inputs.get("waitForSuccessTimeoutSeconds")
    if not timeout_s:
        return
    waiting = f"waiting for SSM Association ({id}) to be Success"
    try:
        status = aws.wait(f"SSM Association {id}", lambda: final_status(aws, id), timeout_s)
    except WaitedTooLong:
        raise InitFailed(
            id, f"{waiting}: timeout while waiting for state to become 'Success' (last state: 'Pending', timeout: {timeout_s}s)"
        ) from None
    if status != "Success":
        raise InitFailed(id, f"{waiting}: unexpected state '{status}', wanted target 'Success'. last error: {status}")


def final_status(aws: Aws, id: str) -> str | None:
    overview = aws.client("ssm").describe_association(AssociationId=id)["AssociationDescription"].get("Overview") or {}
    status = overview.get("Status")
    return status if status not in (None, "Pending") else None


def marked(aws: Aws, inputs: Inputs) -> Iterator[str]:
    client = aws.client("ssm")
    for page in client.get_paginator("list_associations").paginate():
        for association in page["Associations"]:
            if read_tags(client, association["AssociationId"]).get(MARKER) == inputs["tagsAll"][MARKER]:
                yield association["AssociationId"]


def read(aws: Aws, id: str, _inputs: Inputs) -> Outputs | None:
    client = aws.client("ssm")
    answer = found(lambda: client.describe_association(AssociationId=id), GONE)
    if not answer:
        return None
    association = answer["AssociationDescription"]
    location = association.get("OutputLocation") or {}
    return {
        **from_api({**association, **location}, {**ASSOCIATION, "associationId": "AssociationId", "name": "Name"}),
        "arn": f"arn:aws:ssm:{aws.region}:{aws.account}:association/{id}",
        "parameters": {key: values[0] for key, values in (association.get("Parameters") or {}).items()},
        "tags": read_tags(client, id),
    }


def update(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    client = aws.client("ssm")
    client.update_association(AssociationId=id, **arguments(news))
    update_tags(
        olds,
        news,
        put=lambda tags: client.add_tags_to_resource(ResourceType="Association", ResourceId=id, Tags=tags),
        remove=lambda keys: client.remove_tags_from_resource(ResourceType="Association", ResourceId=id, TagKeys=keys),
    )


def delete(aws: Aws, id: str, _inputs: Inputs) -> None:
    found(lambda: aws.client("ssm").delete_association(AssociationId=id), GONE)


def read_tags(client: Any, id: str) -> dict[str, str]:
    return as_dict(client.list_tags_for_resource(ResourceType="Association", ResourceId=id)["TagList"])


RESOURCES = (
    Resource(
        token="aws:ssm/association:Association",
        source="internal/service/ssm/association.go",
        args=ssm.AssociationArgs,
        properties={
            "applyOnlyAtCronInterval": Property(default=False),
            "associationName": Property(),
            "complianceSeverity": Property(),
            "documentVersion": Property(computed=True),
            "maxConcurrency": Property(),
            "maxErrors": Property(),
            "name": Property(force_new=True),
            "outputLocation": Property(),
            "outputLocation.s3BucketName": Property(),
            "outputLocation.s3KeyPrefix": Property(),
            "outputLocation.s3Region": Property(),
            "parameters": Property(computed=True),
            "scheduleExpression": Property(),
            "syncCompliance": Property(),
            "targets": Property(computed=True),
            "targets.key": Property(),
            "targets.values": Property(),
            "waitForSuccessTimeoutSeconds": Property(),
        },
        outputs_unknown=("arn", "associationId", "documentVersion"),
        create=create,
        ready=wait_for_success,
        read=read,
        update=update,
        delete=delete,
        find=marked,
    ),
)
