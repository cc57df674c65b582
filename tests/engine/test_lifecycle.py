"""up → no-op up → change → drift → kill -9 in the middle → up → destroy, on the API alone."""

import os
import signal
import subprocess
import time
from dataclasses import replace

import pytest

from local.stack import LOCAL

pytestmark = [pytest.mark.engine, pytest.mark.subprocess]
KILL_AFTER_RESOURCES = 20
DEADLINE_S = 180


def up(stack):
    return succeed(stack.pulumi("up", "--yes", "--skip-preview", "--refresh", capture=True))


def succeed(result):
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
    return result.stdout


def vpcs(stack):
    return [vpc for vpc in stack.instance.client("ec2").describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]


def instance_ids(stack):
    pages = stack.instance.client("ec2").describe_instances()["Reservations"]
    return {i["InstanceId"] for page in pages for i in page["Instances"] if i["State"]["Name"] == "running"}


def test_up_builds_three_servers_and_a_second_up_changes_nothing(stack):
    up(stack)
    assert len(instance_ids(stack)) == 3
    assert len(vpcs(stack)) == 1
    succeed(stack.pulumi("preview", "--refresh", "--expect-no-changes", capture=True))
    assert "unchanged" in up(stack)


def test_a_changed_algorithm_previews_as_text_and_replaces_no_server(stack):
    up(stack)
    before = instance_ids(stack)
    changed = replace(stack, overrides={**stack.overrides, "balancer": {"mode": "active-active", "algorithm": "leastconn"}})
    shown = succeed(changed.pulumi("preview", "--diff", capture=True))
    assert "balance leastconn" in shown and "balance roundrobin" in shown
    up(changed)
    assert instance_ids(changed) == before


def test_a_rule_revoked_by_another_client_is_shown_as_drift_and_mended(stack):
    up(stack)
    ec2 = stack.instance.client("ec2")
    rule = next(
        r for r in ec2.describe_security_group_rules()["SecurityGroupRules"] if r.get("FromPort") == 3306 and not r["IsEgress"]
    )
    ec2.revoke_security_group_ingress(GroupId=rule["GroupId"], SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])
    shown = succeed(stack.pulumi("preview", "--refresh", capture=True))
    assert "create" in shown
    up(stack)
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [rule["GroupId"]]}])["SecurityGroupRules"]
    assert any(r.get("FromPort") == 3306 and not r["IsEgress"] for r in rules)


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


def test_destroy_takes_everything_away(stack):
    up(stack)
    succeed(stack.pulumi("state", "unprotect", "--all", "--yes", capture=True))
    succeed(stack.pulumi("destroy", "--yes", "--skip-preview", capture=True))
    assert not vpcs(stack)
    assert not instance_ids(stack)
    assert not stack.instance.client("s3").list_buckets()["Buckets"]


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_a_stack_for_aws_previews_offline(fresh_stack, name):
    stack = replace(fresh_stack, name=name, overrides={})
    stack.prepare()
    shown = succeed(stack.pulumi("preview", capture=True))
    assert "to create" in shown
