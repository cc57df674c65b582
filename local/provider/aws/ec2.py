"""What the EC2 tables share: describing one object, ARNs, and the codes with which EC2 says that something is gone."""

from __future__ import annotations

from functools import partial
from typing import Any

from local.provider.session import Aws, found

# terraform waits up to 20 minutes for what is still in use; what uses something here is gone within seconds.
DELETE_S = 180
IN_USE = ("DependencyViolation", "InvalidGroup.InUse", "InvalidIPAddress.InUse", "VolumeInUse")


def describe(aws: Aws, operation: str, key: str, missing: str, **arguments: Any) -> dict[str, Any] | None:
    """The first object in the answer of a Describe call; None when there is none, or when EC2 answers with code `missing`."""
    answer = found(lambda: getattr(aws.client("ec2"), operation)(**arguments), missing)
    return answer[key][0] if answer and answer[key] else None


def arn(aws: Aws, path: str) -> str:
    """`path`: "vpc/vpc-1"."""
    return f"arn:aws:ec2:{aws.region}:{aws.account}:{path}"


def filters(**values: str) -> list[dict[str, Any]]:
    """vpc_id="vpc-1" -> [{"Name": "vpc-id", "Values": ["vpc-1"]}]"""
    return [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in values.items()]


def delete(aws: Aws, operation: str, *missing: str, **arguments: Any) -> None:
    """A Delete call, tried again while something still uses the object; not found is success."""
    call = partial(getattr(aws.client("ec2"), operation), **arguments)
    what = " ".join([operation, *map(str, arguments.values())])
    found(lambda: aws.retry(what, call, *IN_USE, timeout_s=DELETE_S), *missing)
