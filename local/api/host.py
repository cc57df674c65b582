"""What the AWS API asks of whatever runs the machines: the `Host` protocol, its answers, and `NoMachines`.

The API holds what users want; a host makes it so and says what is. No machine is started or asked anything here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class TargetHealth:
    """One target as its load balancer sees it (ELBv2 API, TargetHealth).

    `state`: initial | healthy | unhealthy | unhealthy.draining | unused | draining | unavailable. A healthy target has neither
    reason nor description; `reason` is AWS's code, as `Target.FailedHealthChecks` or `Elb.RegistrationInProgress`.
    """

    state: str
    reason: str = ""
    description: str = ""


@dataclass(frozen=True)
class CommandResult:
    """How a script ended inside a machine. Killed at its deadline, or by a signal: a negative `exit_code`."""

    exit_code: int
    stdout: str = ""
    stderr: str = ""


class Host(Protocol):
    """Whatever runs the machines behind the API. The API asks; it never drives. Called from many threads at once."""

    def changed(self) -> None:
        """The desired state may have changed (after every mutating request). Must not block."""

    def instance_state(self, instance_id: str, desired: str) -> str:
        """The EC2 state to show: pending | running | stopping | stopped | shutting-down | terminated.

        `desired` is where the API wants it: running, stopped or terminated. Must be quick: every DescribeInstances asks.
        """

    def target_health(self, target_group_arn: str, target_id: str, port: int) -> TargetHealth:
        """The health of one registered target. Must be quick."""

    def online(self, instance_id: str) -> bool:
        """Would the SSM agent of this instance answer a command now? Must be quick."""

    def run(self, instance_id: str, script: str, timeout_s: float) -> CommandResult:
        """Run a shell script inside the instance as root, and wait for it.

        Raises OSError when the machine cannot be reached (it stopped meanwhile).
        """


class NoMachines:
    """A host without machines, for previews and engine tests: everything is at once what is desired of it."""

    def changed(self) -> None:
        pass

    def instance_state(self, instance_id: str, desired: str) -> str:
        return desired

    def target_health(self, target_group_arn: str, target_id: str, port: int) -> TargetHealth:
        return TargetHealth("healthy")

    def online(self, instance_id: str) -> bool:
        return True

    def run(self, instance_id: str, script: str, timeout_s: float) -> CommandResult:
        return CommandResult(0)
