"""IAM instance profiles: how a role gets onto an instance."""

from __future__ import annotations

from pulumi_aws import iam

from local.provider.aws.fields import changed, from_api, to_api
from local.provider.aws.iam import GONE, date, named
from local.provider.aws.tagging import update_tags
from local.provider.resource import AutoName, Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found
from local.provider.tags import as_dict, as_list


def create_profile(aws: Aws, inputs: Inputs) -> str:
    arguments = to_api(inputs, {"name": "InstanceProfileName", "path": "Path"})
    aws.client("iam").create_instance_profile(**arguments, Tags=as_list(inputs["tagsAll"]))
    return inputs["name"]


def add_role(aws: Aws, id: str, inputs: Inputs) -> None:
    client = aws.client("iam")
    roles = [role["RoleName"] for role in client.get_instance_profile(InstanceProfileName=id)["InstanceProfile"]["Roles"]]
    if inputs.get("role") and inputs["role"] not in roles:
        client.add_role_to_instance_profile(InstanceProfileName=id, RoleName=inputs["role"])


def read_profile(aws: Aws, id: str, _inputs: Inputs) -> Outputs | None:
    answer = found(lambda: aws.client("iam").get_instance_profile(InstanceProfileName=id), GONE)
    if not answer:
        return None
    profile = answer["InstanceProfile"]
    return {
        **from_api(profile, {"name": "InstanceProfileName", "path": "Path", "arn": "Arn", "uniqueId": "InstanceProfileId"}),
        "createDate": date(profile["CreateDate"]),
        "role": profile["Roles"][0]["RoleName"] if profile["Roles"] else None,
        "tags": as_dict(profile.get("Tags")),
    }


def update_profile(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    client = aws.client("iam")
    if changed(olds, news, "role"):
        if olds.get("role"):
            found(lambda: client.remove_role_from_instance_profile(InstanceProfileName=id, RoleName=olds["role"]), GONE)
        add_role(aws, id, news)
    update_tags(
        olds,
        news,
        put=lambda tags: client.tag_instance_profile(InstanceProfileName=id, Tags=tags),
        remove=lambda keys: client.untag_instance_profile(InstanceProfileName=id, TagKeys=keys),
    )


def delete_profile(aws: Aws, id: str, inputs: Inputs) -> None:
    client = aws.client("iam")
    if inputs.get("role"):
        found(lambda: client.remove_role_from_instance_profile(InstanceProfileName=id, RoleName=inputs["role"]), GONE)
    found(lambda: client.delete_instance_profile(InstanceProfileName=id), GONE)


RESOURCES = (
    Resource(
        token="aws:iam/instanceProfile:InstanceProfile",
        source="internal/service/iam/instance_profile.go",
        args=iam.InstanceProfileArgs,
        name=AutoName(max_length=128),
        properties={
            "name": Property(force_new=True, computed=True),
            "path": Property(force_new=True, default="/"),
            "role": Property(),
        },
        outputs_unknown=("arn", "createDate", "uniqueId"),
        create=create_profile,
        ready=add_role,
        read=read_profile,
        update=update_profile,
        delete=delete_profile,
        find=named,
    ),
)
