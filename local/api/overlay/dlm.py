"""Amazon Data Lifecycle Manager: lifecycle policies are kept and shown; no snapshot is made. Missing in moto."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from local.api.overlay.calls import Call, Refusal, answers


class NotFound(Refusal):
    code = "ResourceNotFoundException"


def find(call: Call, policy_id: str) -> dict[str, Any]:
    if policy_id not in call.own.lifecycle_policies:
        raise NotFound(f"Policy {policy_id} does not exist")
    return call.own.lifecycle_policies[policy_id]


def find_by_arn(call: Call) -> dict[str, Any]:
    return find(call, call.params["ResourceArn"].rpartition("/")[2])


@answers("dlm", "CreateLifecyclePolicy")
def create(call: Call) -> dict[str, Any]:
    """DLM API, CreateLifecyclePolicy."""
    policy_id, now = f"policy-{secrets.token_hex(8)}0", datetime.now(UTC)
    call.own.lifecycle_policies[policy_id] = {
        "PolicyId": policy_id,
        "PolicyArn": call.arn("dlm", f"policy/{policy_id}"),
        "DateCreated": now,
        "DateModified": now,
        "Tags": {},
        **{name: call.params[name] for name in ("Description", "State", "ExecutionRoleArn", "PolicyDetails")},
        **{name: call.params[name] for name in ("Tags",) if name in call.params},
    }
    return {"PolicyId": policy_id}


@answers("dlm", "GetLifecyclePolicy")
def get(call: Call) -> dict[str, Any]:
    return {"Policy": find(call, call.params["PolicyId"])}


@answers("dlm", "GetLifecyclePolicies")
def get_all(call: Call) -> dict[str, Any]:
    summary = ("PolicyId", "Description", "State", "Tags")
    policies = [
        {name: policy[name] for name in summary} | {"PolicyType": "EBS_SNAPSHOT_MANAGEMENT"}
        for policy in call.own.lifecycle_policies.values()
        if policy["PolicyId"] in (call.params.get("PolicyIds") or call.own.lifecycle_policies)
    ]
    return {"Policies": policies}


@answers("dlm", "UpdateLifecyclePolicy")
def update(call: Call) -> dict[str, Any]:
    changes = {name: value for name, value in call.params.items() if name != "PolicyId"}
    find(call, call.params["PolicyId"]).update(changes, DateModified=datetime.now(UTC))
    return {}


@answers("dlm", "DeleteLifecyclePolicy")
def delete(call: Call) -> dict[str, Any]:
    policy = find(call, call.params["PolicyId"])
    del call.own.lifecycle_policies[policy["PolicyId"]]
    return {}


@answers("dlm", "TagResource")
def tag(call: Call) -> dict[str, Any]:
    find_by_arn(call)["Tags"].update(call.params["Tags"])
    return {}


@answers("dlm", "UntagResource")
def untag(call: Call) -> dict[str, Any]:
    tags = find_by_arn(call)["Tags"]
    for key in call.params["TagKeys"]:
        tags.pop(key, None)
    return {}


@answers("dlm", "ListTagsForResource")
def list_tags(call: Call) -> dict[str, Any]:
    return {"Tags": find_by_arn(call)["Tags"]}
