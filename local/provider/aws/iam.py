"""IAM roles. Their policies are in iam_policy.py, the profiles that bring them onto instances in iam_profile.py."""

from __future__ import annotations

from typing import Any

from pulumi_aws import iam

from local.provider.aws.fields import Fields, changed, from_api, to_api
from local.provider.aws.policies import in_words_of, same_policy, text
from local.provider.aws.tagging import update_tags
from local.provider.resource import AutoName, Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found
from local.provider.tags import as_dict, as_list

GONE = "NoSuchEntity"
ROLE: Fields = {
    "name": "RoleName",
    "path": "Path",
    "description": "Description",
    "maxSessionDuration": "MaxSessionDuration",
}


def named(_aws: Aws, inputs: Inputs) -> list[str]:
    return [inputs["name"]]


def date(value: Any) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")


def create_role(aws: Aws, inputs: Inputs) -> str:
    answer = aws.client("iam").create_role(
        **to_api(inputs, {**ROLE, "permissionsBoundary": "PermissionsBoundary"}),
        AssumeRolePolicyDocument=text(inputs["assumeRolePolicy"]),
        Tags=as_list(inputs["tagsAll"]),
    )
    return answer["Role"]["RoleName"]


def read_role(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    answer = found(lambda: aws.client("iam").get_role(RoleName=id), GONE)
    if not answer:
        return None
    role = answer["Role"]
    return {
        **from_api(role, {**ROLE, "arn": "Arn", "uniqueId": "RoleId"}),
        "assumeRolePolicy": in_words_of(inputs.get("assumeRolePolicy"), role["AssumeRolePolicyDocument"]),
        "createDate": date(role["CreateDate"]),
        "permissionsBoundary": (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
        "tags": as_dict(role.get("Tags")),
    }


def update_role(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    client = aws.client("iam")
    if changed(olds, news, "assumeRolePolicy"):
        client.update_assume_role_policy(RoleName=id, PolicyDocument=text(news["assumeRolePolicy"]))
    if changed(olds, news, "description", "maxSessionDuration"):
        client.update_role(RoleName=id, Description=news.get("description") or "", MaxSessionDuration=news["maxSessionDuration"])
    if changed(olds, news, "permissionsBoundary"):
        if news.get("permissionsBoundary"):
            client.put_role_permissions_boundary(RoleName=id, PermissionsBoundary=news["permissionsBoundary"])
        else:
            client.delete_role_permissions_boundary(RoleName=id)
    update_tags(
        olds,
        news,
        put=lambda tags: client.tag_role(RoleName=id, Tags=tags),
        remove=lambda keys: client.untag_role(RoleName=id, TagKeys=keys),
    )


def delete_role(aws: Aws, id: str, inputs: Inputs) -> None:
    """As terraform does: out of its instance profiles first; its policies are only taken off with forceDetachPolicies."""
    client = aws.client("iam")
    profiles = found(lambda: client.list_instance_profiles_for_role(RoleName=id), GONE)
    if not profiles:
        return
    for profile in profiles["InstanceProfiles"]:
        client.remove_role_from_instance_profile(InstanceProfileName=profile["InstanceProfileName"], RoleName=id)
    if inputs.get("forceDetachPolicies"):
        for policy in client.list_attached_role_policies(RoleName=id)["AttachedPolicies"]:
            client.detach_role_policy(RoleName=id, PolicyArn=policy["PolicyArn"])
        for name in client.list_role_policies(RoleName=id)["PolicyNames"]:
            client.delete_role_policy(RoleName=id, PolicyName=name)
    found(lambda: client.delete_role(RoleName=id), GONE)


RESOURCES = (
    Resource(
        token="aws:iam/role:Role",
        source="internal/service/iam/role.go",
        args=iam.RoleArgs,
        name=AutoName(max_length=64),
        properties={
            "assumeRolePolicy": Property(same=same_policy),
            "description": Property(),
            "forceDetachPolicies": Property(default=False),
            "maxSessionDuration": Property(default=3600),
            "name": Property(force_new=True, computed=True),
            "path": Property(force_new=True, default="/"),
            "permissionsBoundary": Property(),
        },
        outputs_unknown=("arn", "createDate", "uniqueId"),
        create=create_role,
        read=read_role,
        update=update_role,
        delete=delete_role,
        find=named,
    ),
)
