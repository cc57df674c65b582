import json
import re

import pytest

from components.operations import contents
from local.operations import document

DOCUMENT = "aws:ssm/document:Document"
AGENT = "/usr/bin/python3 /var/lib/distributed-web/current/agent.pyz"


def written(recording, verb):
    return json.loads(recording.one(DOCUMENT, f"prod-operations-{verb}").inputs["content"])


def test_every_input_of_a_document(deploy):
    recording = deploy()
    inputs = dict(recording.one(DOCUMENT, "prod-operations-switchover").inputs)
    assert json.loads(inputs.pop("content")) == {
        "schemaVersion": "2.2",
        "description": "Hands the databases' writes over; on any web server.",
        "parameters": {
            "server": {
                "type": "String",
                "description": "Who is to be the primary; the other one when empty.",
                "default": "",
                "allowedPattern": "^(web-a|web-b)?$",
            }
        },
        "mainSteps": [
            {
                "action": "aws:runShellScript",
                "name": "agent",
                "inputs": {"runCommand": [f"{AGENT} switchover {{{{ server }}}}"], "timeoutSeconds": "120"},
            }
        ],
    }
    assert inputs == {
        "name": "distributed-web-prod-switchover",
        "documentType": "Command",
        "targetType": "/AWS::EC2::Instance",
        "tags": {"Name": "distributed-web-prod-switchover"},
    }


def test_the_verbs_and_what_they_run(deploy):
    recording = deploy()
    verbs = {each.name.removeprefix("prod-operations-"): each for each in recording.of(DOCUMENT)}
    assert {verb: written(recording, verb)["mainSteps"][0]["inputs"]["runCommand"] for verb in verbs} == {
        "switchover": [f"{AGENT} switchover {{{{ server }}}}"],
        "promote": ['force="{{ force }}"', f"{AGENT} promote ${{force:+--force $force}}"],
        "lease": [f"{AGENT} lease"],
    }
    assert recording.exports["operations"] == {verb: each.inputs["name"] for verb, each in verbs.items()}


def test_the_local_verbs_know_the_documents_by_their_names(small):
    assert small.exports["operations"] == {verb: document(verb) for verb in ("switchover", "promote", "lease")}


@pytest.mark.parametrize(
    ("verb", "parameter", "allowed", "refused"),
    [
        ("switchover", "server", ["", "web-a", "web-b"], ["lb", "web-c", "web-a web-b", "web-a;id", "$(id)", "web-a\nid"]),
        ("promote", "force", ["", "0", "1", "4711"], ["-1", "04", "4 --x", '4"; id', "$(id)", "1\n2", "9" * 19]),
    ],
)
def test_nothing_but_a_value_reaches_the_shell(verb, parameter, allowed, refused):
    pattern = contents(["web-a", "web-b"])[verb]["parameters"][parameter]["allowedPattern"]
    assert [text for text in allowed if not re.search(pattern, text)] == []
    assert [text for text in refused if re.search(pattern, text)] == []
