"""Policies of IAM roles: written into the role, or attached to it."""

from __future__ import annotations

from pulumi_aws import iam

from local.provider.aws.iam import GONE
from local.provider.aws.policies import in_words_of, same_policy, text
from local.provider.resource import AutoName, Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found


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


RESOURCES = (
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
)
