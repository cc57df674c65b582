"""What begins with nothing: previews of the stacks for AWS, and a run that is killed in its middle."""

import os
import signal
import subprocess
import time
from dataclasses import replace

import pytest

from local.stack import LOCAL

from .conftest import instance_ids, succeed, up, vpcs

pytestmark = [pytest.mark.engine, pytest.mark.subprocess]
KILL_AFTER_RESOURCES = 20
DEADLINE_S = 180


def test_a_run_killed_in_the_middle_is_picked_up_without_duplicates(fresh_stack):
    stack = fresh_stack
    command = [
        stack.engine / "pulumi",
        "up",
        "--yes",
        "--skip-preview",
        "--stack",
        LOCAL,
        "--non-interactive",
        "--cwd",
        str(stack.checkout),
        "--config-file",
        str(stack.configuration_file()),
    ]
    process = subprocess.Popen(
        command, env=os.environ | stack.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_for_resources(stack, process)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)
    stack.prepare()
    up(stack)
    assert len(vpcs(stack)) == 1
    assert len(instance_ids(stack)) == 3
    groups = [g["GroupName"] for g in stack.instance.client("ec2").describe_security_groups()["SecurityGroups"]]
    assert len(groups) == len(set(groups)) + groups.count("default") - 1


def wait_for_resources(stack, process):
    """Until the killed-to-be run has made enough for the kill to fall in its middle."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the run ended before it could be killed"
        if len(stack.instance.client("ec2").describe_security_group_rules()["SecurityGroupRules"]) > KILL_AFTER_RESOURCES:
            return
        time.sleep(0.1)
    raise AssertionError(f"nothing to kill after {DEADLINE_S} s")


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_a_stack_for_aws_previews_offline(fresh_stack, name):
    stack = replace(fresh_stack, name=name, overrides={})
    stack.prepare()
    shown = succeed(stack.pulumi("preview", capture=True))
    assert "to create" in shown
