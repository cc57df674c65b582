"""Documents of the account's own through boto3: a command with one of them really runs, with its parameters filled in."""

import json

import pytest

from local.api.host import CommandResult
from tests.api.worlds import launch, network, refused, until

SERVER = {"type": "String", "default": "", "allowedPattern": "^(web-a|web-b)?$"}
SPEED = {"type": "String", "default": "slow", "allowedValues": ["slow", "fast"]}


def content(*lines, parameters=None, **inputs):
    step = {"action": "aws:runShellScript", "name": "agent", "inputs": {"runCommand": list(lines), **inputs}}
    return {"schemaVersion": "2.2", "description": "A verb", "parameters": parameters or {}, "mainSteps": [step]}


SWITCHOVER = content(
    "agent switchover {{ server }}", "echo {{speed}} $HOME", parameters={"server": SERVER, "speed": SPEED}, timeoutSeconds="120"
)


@pytest.fixture
def create(ssm):
    def create(name, written, kind="Command"):
        return ssm.create_document(Name=name, DocumentType=kind, DocumentFormat="JSON", Content=json.dumps(written))

    return create


@pytest.fixture
def send(ssm, instance_id):
    def send(document, **settings):
        return ssm.send_command(**{"InstanceIds": [instance_id], "DocumentName": document, **settings})["Command"]

    return send


def ended(ssm, command):
    asked = {"CommandId": command["CommandId"], "InstanceId": command["InstanceIds"][0]}
    until(True, lambda: ssm.get_command_invocation(**asked)["Status"] != "InProgress")
    return ssm.get_command_invocation(**asked)


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({}, "agent switchover \necho slow $HOME\n"),
        ({"server": ["web-b"], "speed": ["fast"]}, "agent switchover web-b\necho fast $HOME\n"),
    ],
)
def test_a_document_runs_with_what_was_given_and_the_defaults_of_the_rest(ssm, instance_id, host, create, send, parameters, text):
    create("switchover", SWITCHOVER)
    host.results.append(CommandResult(0, stdout="web-b is the primary, epoch 4\n"))
    answer = ended(ssm, send("switchover", Parameters=parameters))
    assert (answer["Status"], answer["DocumentName"]) == ("Success", "switchover")
    assert answer["StandardOutputContent"] == "web-b is the primary, epoch 4\n"
    assert host.scripts == [(instance_id, text, 120.0)]


def test_a_document_is_sent_to_a_server_by_its_name_and_what_it_said_is_listed(aws, ssm, host, create):
    ec2 = aws("ec2")
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "dev-web-a"}]}]
    subnet_id = network(ec2)[1]
    replaced, web_a = (launch(ec2, subnet_id, TagSpecifications=tags) for _ in range(2))
    ec2.terminate_instances(InstanceIds=[replaced])
    create("switchover", SWITCHOVER)
    host.results.append(CommandResult(1, stdout="web-b is behind\n", stderr="a warning\n"))
    targets = [{"Key": "tag:Name", "Values": ["dev-web-a"]}]
    command = ssm.send_command(DocumentName="switchover", Targets=targets)["Command"]
    assert ended(ssm, command)["Status"] == "Failed"
    listed = ssm.list_command_invocations(CommandId=command["CommandId"], Details=True)["CommandInvocations"]
    assert [(each["InstanceId"], each["Status"]) for each in listed] == [(web_a, "Failed")]
    (plugin,) = listed[0]["CommandPlugins"]
    assert (plugin["ResponseCode"], plugin["Output"]) == (1, "web-b is behind\n\n----------ERROR-------\na warning\n")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"server": ["web-c"]}, "server of switchover is 'web-c'; allowed is ^(web-a|web-b)?$"),
        ({"server": ["web-a; reboot"]}, "allowed is"),
        ({"speed": [""]}, "allowed is ['slow', 'fast']"),
        ({"colour": ["red"]}, "colour is not a parameter of switchover; it has: server, speed"),
    ],
)
def test_what_a_document_does_not_allow_is_refused_and_nothing_runs(host, create, send, parameters, message):
    create("switchover", SWITCHOVER)
    with refused("InvalidParameters", message):
        send("switchover", Parameters=parameters)
    assert host.scripts == []


def test_a_parameter_without_a_default_is_required(host, create, send):
    create("promote", content("agent promote {{ force }}", parameters={"force": {"type": "String"}}))
    with refused("InvalidParameters", "the parameter force of promote is required"):
        send("promote")


def test_only_documents_for_commands_are_run(create, send):
    with refused("InvalidDocument"):
        send("switchover")
    create("runbook", {"schemaVersion": "0.3", "mainSteps": []}, kind="Automation")
    with refused("InvalidDocument", "is of type Automation"):
        send("runbook")


def test_the_default_version_runs_unless_another_is_named(ssm, host, create, send):
    create("verb", content("one"))
    ssm.update_document(Name="verb", Content=json.dumps(content("two")), DocumentVersion="$LATEST")
    for version in ({}, {"DocumentVersion": "$LATEST"}, {"DocumentVersion": "$DEFAULT"}, {"DocumentVersion": "1"}):
        ended(ssm, send("verb", **version))
    assert [text for _, text, _ in host.scripts] == ["one\n", "two\n", "one\n", "one\n"]
    with refused("InvalidDocumentVersion"):
        send("verb", DocumentVersion="3")


def test_a_change_can_be_taken_back_and_only_the_same_again_is_a_duplicate(ssm, create):
    create("verb", content("one"))
    for version, line in (("2", "two"), ("3", "one")):
        updated = ssm.update_document(Name="verb", Content=json.dumps(content(line)), DocumentVersion="$LATEST")
        assert updated["DocumentDescription"]["DocumentVersion"] == version
        ssm.update_document_default_version(Name="verb", DocumentVersion=version)
    with refused("DuplicateDocumentContent"):
        ssm.update_document(Name="verb", Content=json.dumps(content("one")), DocumentVersion="$LATEST")
    assert ssm.get_document(Name="verb", DocumentVersion="2")["Content"] == json.dumps(content("two"))


@pytest.mark.parametrize(
    ("written", "code", "message"),
    [
        (content("agent {{ verb }}"), "InvalidDocumentContent", "verb is used and not declared"),
        (content("x", parameters={"server": SERVER | {"default": "lb"}}), "InvalidDocumentContent", "the default of"),
        (content("x", parameters={"all": {"type": "StringList"}}), "InvalidAction", "of type StringList"),
        ({"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runPowerShellScript", "name": "x", "inputs": {}}]},
         "InvalidAction", "one step, aws:runShellScript"),
        ({"mainSteps": []}, "InvalidDocumentContent", ""),
    ],
)  # fmt: skip
def test_a_document_that_could_not_run_is_not_kept(ssm, create, written, code, message):
    with refused(code, message):
        create("verb", written)
    with refused("InvalidDocument"):
        ssm.describe_document(Name="verb")
