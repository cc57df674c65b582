"""IAM: roles, their policies, instance profiles."""
from __future__ import annotations

from typing import Any

from pulumi_aws import iam

from local.provider.aws.fields import Fields, changed, from_api, to_api
from local.provider.aws.policies import in_words_of, same_policy, text
from local.provider.resource import AutoName, Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found
from local.provider.tags import as_dict, as_list, changes

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
        client.update_role(
            RoleName=id, Description=news.get("description") or "", MaxSessionDuration=news["maxSessionDuration"]
        )
    if changed(olds, news, "permissionsBoundary"):
        if news.get("permissionsBoundary"):
            client.put_role_permissions_boundary(RoleName=id, PermissionsBoundary=news["permissionsBoundary"])
        else:
            client.delete_role_permissions_boundary(RoleName=id)
    put, remove = changes(olds, news)
    if remove:
        client.untag_role(RoleName=id, TagKeys=remove)
    if put:
        client.tag_role(RoleName=id, Tags=as_list(put))


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


def put_role_policy(aws: Aws, inputs: Inputs) -> str:
    role, name = inputs["role"], inputs["name"]
    aws.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=text(inputs["policy"]))
    return f"{role}:{name}"


def read_role_policy(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    role, name = id.split(":", 1)
    answer = found(lambda: aws.client("iam").get_role_policy(RoleName=role, PolicyName=name), GONE)
    if not answer:
        return None
    return {"role": role, "name": name, "policy": in_words_of(inputs.get("policy"), answer["PolicyDocument"])}


def update_role_policy(aws: Aws, _id: str, _olds: Inputs, news: Inputs) -> None:
    put_role_policy(aws, news)


def delete_role_policy(aws: Aws, id: str, _inputs: Inputs) -> None:
    role, name = id.split(":", 1)
    found(lambda: aws.client("iam").delete_role_policy(RoleName=role, PolicyName=name), GONE)


def attach_policy(aws: Aws, inputs: Inputs) -> str:
    aws.client("iam").attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
    return f"{inputs['role']}/{inputs['policyArn']}"


def read_attachment(aws: Aws, id: str, _inputs: Inputs) -> Outputs | None:
    role, arn = id.split("/", 1)
    answer = found(lambda: aws.client("iam").list_attached_role_policies(RoleName=role), GONE)
    attached = [policy["PolicyArn"] for policy in answer["AttachedPolicies"]] if answer else []
    return {"role": role, "policyArn": arn} if arn in attached else None


def detach_policy(aws: Aws, id: str, _inputs: Inputs) -> None:
    role, arn = id.split("/", 1)
    found(lambda: aws.client("iam").detach_role_policy(RoleName=role, PolicyArn=arn), GONE)


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
        **from_api(
            profile, {"name": "InstanceProfileName", "path": "Path", "arn": "Arn", "uniqueId": "InstanceProfileId"}
        ),
        "createDate": date(profile["CreateDate"]),
        "role": profile["Roles"][0]["RoleName"] if profile["Roles"] else None,
        "tags": as_dict(profile.get("Tags")),
    }


def update_profile(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    client = aws.client("iam")
    if changed(olds, news, "role"):
        if olds.get("role"):
            found(
                lambda: client.remove_role_from_instance_profile(InstanceProfileName=id, RoleName=olds["role"]), GONE
            )
        add_role(aws, id, news)
    put, remove = changes(olds, news)
    if remove:
        client.untag_instance_profile(InstanceProfileName=id, TagKeys=remove)
    if put:
        client.tag_instance_profile(InstanceProfileName=id, Tags=as_list(put))


def delete_profile(aws: Aws, id: str, inputs: Inputs) -> None:
    client = aws.client("iam")
    if inputs.get("role"):
        found(lambda: client.remove_role_from_instance_profile(InstanceProfileName=id, RoleName=inputs["role"]), GONE)
    found(lambda: client.delete_instance_profile(InstanceProfileName=id), GONE)


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
    Resource(
        token="aws:iam/rolePolicy:RolePolicy",
        source="internal/service/iam/role_policy.go",
        args=iam.RolePolicyArgs,
        name=AutoName(max_length=128),
        properties={
            "name": Property(force_new=True, computed=True),
            "policy": Property(same=same_policy),
            "role": Property(force_new=True),
        },
        tags=False,
        create=put_role_policy,
        read=read_role_policy,
        update=update_role_policy,
        delete=delete_role_policy,
    ),
    Resource(
        token="aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        source="internal/service/iam/role_policy_attachment.go",
        args=iam.RolePolicyAttachmentArgs,
        properties={"policyArn": Property(force_new=True), "role": Property(force_new=True)},
        tags=False,
        create=attach_policy,
        read=read_attachment,
        delete=detach_policy,
    ),
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
