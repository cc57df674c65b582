"""A create that was killed half-way: the next one finds what it left, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.instance import Instance
from local.provider.check import DEFAULTED
from local.provider.interrupted import Interrupted, StateReader, checkpoint_file, read_interrupted
from tests.provider.provider_engine import Engine, Tracked, new_engine

GROUP = "aws:ec2/securityGroup:SecurityGroup"
VPC = "aws:ec2/vpc:Vpc"
URN = f"urn:pulumi:test::project::{VPC}::it"


class Interruption(StateReader):
    """A state that says: this create never ended, and these ids are known."""

    def __init__(self, creates: dict[str, Any], known: set[tuple[str, str]] | None = None):
        self.interrupted = Interrupted(creates, frozenset(known or ()))

    def of(self, urn: str) -> Interrupted:
        return self.interrupted


@pytest.fixture
def after(aws_api: Instance):
    """A provider started after a kill, with that state."""
    return lambda creates, known=None: new_engine(Interruption(creates, known))


def vpcs(ec2: Any, cidr: str) -> list[str]:
    answer = ec2.describe_vpcs(Filters=[{"Name": "cidr-block", "Values": [cidr]}])
    return [vpc["VpcId"] for vpc in answer["Vpcs"]]


def test_what_a_killed_create_left_is_taken_over_and_completed(engine: Engine, after: Any, ec2: Any) -> None:
    left = engine.resource(VPC).create(cidrBlock="10.41.0.0/16", tags={"Name": "old"})
    taken = after({URN: left.inputs}).resource(VPC)
    taken.create(cidrBlock="10.41.0.0/16", enableDnsHostnames=True, tags={"Name": "new"})
    assert taken.id == left.id
    assert (taken.outputs["enableDnsHostnames"], taken.outputs["tagsAll"]) == (True, {"Name": "new"})
    assert vpcs(ec2, "10.41.0.0/16") == [left.id]
    assert taken.changes(cidrBlock="10.41.0.0/16", enableDnsHostnames=True, tags={"Name": "new"}) == {}


def test_what_cannot_be_changed_into_the_wanted_object_is_deleted_and_made_anew(engine: Engine, after: Any, ec2: Any) -> None:
    left = engine.resource(VPC).create(cidrBlock="10.42.0.0/16")
    made = after({URN: left.inputs}).resource(VPC).create(cidrBlock="10.43.0.0/16")
    assert made.id != left.id
    assert vpcs(ec2, "10.42.0.0/16") == []


def test_an_object_that_the_state_knows_is_left_alone(engine: Engine, after: Any) -> None:
    """Killed in a replacement: the old object has the same URN, and its own place in the state."""
    known = engine.resource(VPC).create(cidrBlock="10.44.0.0/16")
    made = after({URN: known.inputs}, {(URN, known.id)}).resource(VPC).create(cidrBlock="10.44.0.0/16")
    assert made.id != known.id
    assert known.refresh()


def test_without_an_interruption_nothing_is_taken_over(engine: Engine) -> None:
    first = engine.resource(VPC).create(cidrBlock="10.45.0.0/16")
    assert engine.resource(VPC).create(cidrBlock="10.45.0.0/16").id != first.id


def test_the_name_that_the_killed_create_was_given_is_given_again(engine: Engine, after: Any) -> None:
    vpc = engine.resource(VPC, "around").create(cidrBlock="10.46.0.0/16").id
    group: Tracked = engine.resource(GROUP)
    left = group.create(vpcId=vpc)
    assert left.inputs[DEFAULTED] == ["description", "name", "revokeRulesOnDelete"]
    renamed = {**left.inputs, "name": "it-1234567"}
    assert after({group.urn: renamed}).resource(GROUP).check(vpcId=vpc)["name"] == "it-1234567"


def test_pending_creates_are_read_from_the_file_backend(tmp_path: Path) -> None:
    backend = f"file://{tmp_path}"
    assert read_interrupted(URN, backend) == Interrupted()
    file = checkpoint_file(URN, backend)
    assert file == tmp_path / ".pulumi" / "stacks" / "project" / "test.json"
    file.parent.mkdir(parents=True)
    state = {
        "resources": [{"urn": "urn:a", "id": "vpc-1"}, {"urn": "urn:stack"}],
        "pending_operations": [
            {"type": "creating", "resource": {"urn": URN, "inputs": {"name": "it"}}},
            {"type": "deleting", "resource": {"urn": "urn:b", "inputs": {}}},
        ],
    }
    file.write_text(json.dumps({"version": 3, "checkpoint": {"latest": state}}))
    assert read_interrupted(URN, backend) == Interrupted({URN: {"name": "it"}}, frozenset({("urn:a", "vpc-1")}))


def test_another_backend_tells_nothing() -> None:
    assert read_interrupted(URN, "https://api.pulumi.com") == Interrupted()
