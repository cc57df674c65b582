"""SSM through boto3: associations and commands that really run on the host, and which agents answer."""

import threading

import pytest

from local.api import overlay
from local.api.host import CommandResult
from tests.api.worlds import refused, until


def associate(ssm, instance_id, command="agent apply 1", **settings):
    targets = [{"Key": "InstanceIds", "Values": [instance_id]}]
    settings = {"Name": "AWS-RunShellScript", "Targets": targets, "Parameters": {"commands": [command]}, **settings}
    return ssm.create_association(**settings)["AssociationDescription"]


def status(ssm, association_id):
    return ssm.describe_association(AssociationId=association_id)["AssociationDescription"]["Overview"]["Status"]


def test_an_association_waits_for_the_agent_then_runs_and_succeeds(ssm, instance_id, host):
    host.offline.add(instance_id)
    made = associate(ssm, instance_id, AssociationName="release-web-a")
    assert made["Targets"] == [{"Key": "InstanceIds", "Values": [instance_id]}]
    assert (made["Overview"]["Status"], made["AssociationVersion"]) == ("Pending", "1")
    assert status(ssm, made["AssociationId"]) == "Pending"
    assert host.scripts == []
    changes = host.changes
    host.offline.clear()
    assert until("Success", lambda: status(ssm, made["AssociationId"])) == "Success"
    assert host.scripts == [(instance_id, "agent apply 1\n", 3600.0)]
    assert until(changes + 1, lambda: host.changes) == changes + 1
    runs = ssm.describe_association_executions(AssociationId=made["AssociationId"])["AssociationExecutions"]
    assert [(run["Status"], run["AssociationVersion"]) for run in runs] == [("Success", "1")]


def test_a_failed_association_tells_its_status_and_nothing_else(ssm, instance_id, host):
    host.results.append(CommandResult(1, stdout="secret", stderr="haproxy: bad configuration"))
    made = associate(ssm, instance_id)
    assert until("Failed", lambda: status(ssm, made["AssociationId"])) == "Failed"
    described = ssm.describe_association(AssociationId=made["AssociationId"])["AssociationDescription"]
    assert described["Overview"] == {
        "Status": "Failed", "DetailedStatus": "Failed", "AssociationStatusAggregatedCount": {"Failed": 1}}  # fmt: skip
    assert "haproxy" not in str(described) and "secret" not in str(described)


def test_an_association_is_run_again_when_the_machine_went_down_meanwhile(ssm, instance_id, host):
    host.results.append(OSError("the machine stopped"))
    made = associate(ssm, instance_id)
    assert until("Success", lambda: status(ssm, made["AssociationId"])) == "Success"
    assert len(host.scripts) == 2


def test_an_updated_association_is_a_new_version_and_runs_at_once(ssm, instance_id, host):
    made = associate(ssm, instance_id, Parameters={"commands": ["one"], "executionTimeout": ["60"], "workingDirectory": ["/tmp"]})
    assert until("Success", lambda: status(ssm, made["AssociationId"])) == "Success"
    updated = ssm.update_association(AssociationId=made["AssociationId"], Parameters={"commands": ["two"]})
    assert updated["AssociationDescription"]["AssociationVersion"] == "2"
    assert until("Success", lambda: status(ssm, made["AssociationId"])) == "Success"
    ssm.start_associations_once(AssociationIds=[made["AssociationId"]])
    assert until(3, lambda: len(host.scripts)) == 3
    assert [script for _, script, _ in host.scripts] == ["cd /tmp || exit 1\none\n", "two\n", "two\n"]
    assert host.scripts[0][2] == 60


def test_a_deleted_association_never_runs(ssm, instance_id, host):
    host.offline.add(instance_id)
    made = associate(ssm, instance_id)
    ssm.delete_association(AssociationId=made["AssociationId"])
    with refused("AssociationDoesNotExist"):
        status(ssm, made["AssociationId"])
    host.offline.clear()
    assert until([], lambda: [t for t in threading.enumerate() if made["AssociationId"] in t.name]) == []
    assert host.scripts == []


def test_associations_are_listed_by_name(ssm, instance_id, host):
    one, two = (associate(ssm, instance_id, AssociationName=name) for name in ("one", "two"))
    listed = ssm.list_associations()["Associations"]
    assert {there["AssociationId"] for there in listed} == {one["AssociationId"], two["AssociationId"]}
    wanted = [{"key": "AssociationName", "value": "two"}]
    listed = ssm.list_associations(AssociationFilterList=wanted)["Associations"]
    assert [there["AssociationId"] for there in listed] == [two["AssociationId"]]


def test_associations_have_tags(ssm, instance_id):
    made = associate(ssm, instance_id, Tags=[{"Key": "Stack", "Value": "dev"}])
    resource = {"ResourceType": "Association", "ResourceId": made["AssociationId"]}
    ssm.add_tags_to_resource(**resource, Tags=[{"Key": "Name", "Value": "web-a"}])
    ssm.remove_tags_from_resource(**resource, TagKeys=["Stack"])
    assert ssm.list_tags_for_resource(**resource)["TagList"] == [{"Key": "Name", "Value": "web-a"}]
    with refused("InvalidResourceId"):
        ssm.list_tags_for_resource(ResourceType="Association", ResourceId="0" * 8 + "-0000-0000-0000-" + "0" * 12)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"Name": "AWS-RunPowerShellScript"}, "InvalidDocument"),
        ({"Parameters": {}}, "InvalidParameters"),
        ({"Parameters": {"commands": ["x"], "colour": ["red"]}}, "InvalidParameters"),
        ({"Parameters": {"commands": ["x"], "executionTimeout": ["soon"]}}, "InvalidParameters"),
        ({"Targets": [{"Key": "tag:Name", "Values": ["web-a"]}]}, "InvalidTarget"),
    ],
)
def test_associations_that_cannot_run_are_refused(ssm, instance_id, settings, code):
    with refused(code):
        associate(ssm, instance_id, **settings)


def test_an_association_a_killed_server_left_is_run_by_the_next(ssm, instance_id, host, server):
    host.offline.add(instance_id)
    made = associate(ssm, instance_id)
    overlay.close()
    assert until([], lambda: [t for t in threading.enumerate() if made["AssociationId"] in t.name]) == []
    host.offline.clear()
    overlay.serve(server.instance, host, server.changed)
    assert until("Success", lambda: status(ssm, made["AssociationId"])) == "Success"


def test_a_command_runs_and_its_output_is_read_back(ssm, instance_id, host):
    host.results.append(CommandResult(3, stdout="o" * 30_000, stderr="broken"))
    sent = ssm.send_command(InstanceIds=[instance_id], DocumentName="AWS-RunShellScript", Parameters={"commands": ["a", "b"]})
    asked = {"CommandId": sent["Command"]["CommandId"], "InstanceId": instance_id}
    assert until("Failed", lambda: ssm.get_command_invocation(**asked)["Status"]) == "Failed"
    ended = ssm.get_command_invocation(**asked)
    assert (ended["ResponseCode"], ended["StandardErrorContent"], len(ended["StandardOutputContent"])) == (3, "broken", 24_000)
    assert host.scripts == [(instance_id, "a\nb\n", 3600.0)]
    assert ssm.list_commands(CommandId=asked["CommandId"])["Commands"][0]["Status"] == "Failed"
    assert ssm.list_command_invocations(CommandId=asked["CommandId"])["CommandInvocations"][0]["Status"] == "Failed"


def test_commands_that_cannot_run_are_refused(ssm, instance_id, host):
    send = lambda *ids: ssm.send_command(  # noqa: E731
        InstanceIds=ids, DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]}
    )
    with refused("InvalidInstanceId"):
        send("i-0123456789abcdef0")
    host.offline.add(instance_id)
    with refused("InvalidInstanceId"):
        send(instance_id)
    with refused("InvocationDoesNotExist"):
        ssm.get_command_invocation(CommandId="0" * 8 + "-0000-0000-0000-" + "0" * 12, InstanceId=instance_id)


def test_agents_that_answer_are_listed(ssm, instance_id, host):
    listed = lambda: [there["InstanceId"] for there in ssm.describe_instance_information()["InstanceInformationList"]]  # noqa: E731
    assert listed() == [instance_id]
    host.offline.add(instance_id)
    assert listed() == []


def test_a_secure_string_is_encrypted_under_the_stacks_key(aws, ssm, host):
    key = aws("kms").create_key()["KeyMetadata"]["KeyId"]
    ssm.put_parameter(Name="/distributed-web/dev/database/app", Value="geheim", Type="SecureString", KeyId=key)
    read = lambda decrypted: ssm.get_parameter(  # noqa: E731
        Name="/distributed-web/dev/database/app", WithDecryption=decrypted
    )["Parameter"]["Value"]
    assert read(True) == "geheim"
    assert read(False) != "geheim"
