"""Policy documents, as JSON text or as an object, and when two of them mean the same. No AWS call in here."""

from __future__ import annotations

import json
from typing import Any


def text(policy: Any) -> str:
    """What AWS takes; pulumi-aws writes objects as JSON too (TransformJSONDocument)."""
    return policy if isinstance(policy, str) else json.dumps(policy)


def same_policy(left: Any, right: Any) -> bool:
    """Same statements, whatever the white space, the order, and a list of one written as its only item.

    As terraform's SuppressEquivalentPolicyDiffs has it: github.com/hashicorp/awspolicyequivalence, internal/verify/policy.go.
    """
    try:
        return _canonical(json.loads(text(left))) == _canonical(json.loads(text(right)))
    except (TypeError, ValueError):
        return left == right


def in_words_of(last: Any, policy: Any) -> str:
    """What AWS holds (botocore decodes some policies) as text: the program's own text, when that says the same."""
    now = text(policy)
    return last if isinstance(last, str) and same_policy(last, now) else now


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        items = sorted((_canonical(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
        return items[0] if len(items) == 1 else items
    return json.dumps(value) if isinstance(value, bool | int) else value
