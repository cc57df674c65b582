"""Starting, stopping and waiting for instances: another process runs the machines, this one only asks how they are."""

from __future__ import annotations

from typing import Any

from local.provider.aws import ec2
from local.provider.session import Aws

MISSING = "InvalidInstanceID.NotFound"
RUNNING_S = 600
STOPPED_S = 600
TERMINATED_S = 1200
GONE = "terminated"


def describe(aws: Aws, id: str) -> dict[str, Any] | None:
    """The instance as EC2 tells it, terminated ones too; None when EC2 has forgotten it."""
    reservation = ec2.describe(aws, "describe_instances", "Reservations", MISSING, InstanceIds=[id])
    return reservation["Instances"][0] if reservation else None


def state(aws: Aws, id: str) -> str:
    instance = describe(aws, id)
    return instance["State"]["Name"] if instance else GONE


def wait_until(aws: Aws, id: str, *states: str, timeout_s: float = RUNNING_S) -> None:
    """Raises RuntimeError when the instance ends instead, with EC2's reason."""

    def there() -> bool:
        instance = describe(aws, id)
        now = instance["State"]["Name"] if instance else GONE
        if now in states:
            return True
        if now in (GONE, "shutting-down") and GONE not in states:
            reason = (instance or {}).get("StateReason", {}).get("Message", "no reason given")
            raise RuntimeError(f"instance {id} is {now} instead of {' or '.join(states)}: {reason}")
        return False

    aws.wait(f"instance {id} to be {' or '.join(states)}", there, timeout_s)


def stop(aws: Aws, id: str) -> None:
    """Stopped when this returns; an instance that is ending counts as stopped."""
    if state(aws, id) not in (GONE, "shutting-down", "stopped"):
        aws.client("ec2").stop_instances(InstanceIds=[id])
        wait_until(aws, id, "stopped", GONE, timeout_s=STOPPED_S)


def start(aws: Aws, id: str) -> None:
    aws.client("ec2").start_instances(InstanceIds=[id])
    wait_until(aws, id, "running")


def terminate(aws: Aws, id: str) -> None:
    """Terminated when this returns."""
    if describe(aws, id) is not None:
        aws.client("ec2").terminate_instances(InstanceIds=[id])
        wait_until(aws, id, GONE, timeout_s=TERMINATED_S)
