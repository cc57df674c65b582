"""up → no-op up → change → drift → destroy, on the API alone."""

from dataclasses import replace

import pytest

from .conftest import instance_ids, succeed, up, vpcs

pytestmark = [pytest.mark.engine, pytest.mark.subprocess]


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
    assert "balance leastconn" in shown and "balance first" in shown
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


def test_destroy_takes_everything_away(stack):
    up(stack)
    succeed(stack.pulumi("state", "unprotect", "--all", "--yes", capture=True))
    succeed(stack.pulumi("destroy", "--yes", "--skip-preview", capture=True))
    assert not vpcs(stack)
    assert not instance_ids(stack)
    assert not stack.instance.client("s3").list_buckets()["Buckets"]
