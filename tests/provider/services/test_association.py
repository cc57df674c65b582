"""SSM associations: `pulumi up` waits for what happens on the server, and fails because of it."""

from __future__ import annotations

import pytest

from tests.provider.provider_engine import Refused
from tests.provider.services.service_world import instance, unique

TOKEN = "aws:ssm/association:Association"


@pytest.fixture
def server(aws) -> str:
    return instance(aws)


@pytest.fixture
def association(engine):
    return engine.resource(TOKEN, unique("release"))


def program(server: str, **more: object) -> dict[str, object]:
    return {
        "name": "AWS-RunShellScript",
        "targets": [{"key": "InstanceIds", "values": [server]}],
        "parameters": {"commands": "agent apply 1"},
        **more,
    }


def test_a_success_ends_the_wait(association, server):
    association.create(**program(server, waitForSuccessTimeoutSeconds=10))
    assert association.outputs["associationId"] == association.id
    assert association.outputs["parameters"] == {"commands": "agent apply 1"}


def test_a_failed_command_leaves_an_object_and_tells_the_status_only(association, server, machines, aws):
    machines.exit_code = 1
    with pytest.raises(Refused) as caught:
        association.create(**program(server, waitForSuccessTimeoutSeconds=10))
    id = caught.value.half_made.id
    assert aws("ssm").describe_association(AssociationId=id)["AssociationDescription"]["Overview"]["Status"] == "Failed"
    assert str(caught.value).endswith(
        f"waiting for SSM Association ({id}) to be Success: "
        "unexpected state 'Failed', wanted target 'Success'. last error: Failed"
    )
    assert "haproxy" not in str(caught.value)  # AWS does not tell the reason, so this must not


def test_a_server_that_does_not_answer_in_time_leaves_an_object(association, server, machines):
    machines.silent = {server}
    with pytest.raises(Refused, match=r"timeout while waiting for state to become 'Success' \(last state: 'Pending'") as caught:
        association.create(**program(server, waitForSuccessTimeoutSeconds=1))
    assert caught.value.half_made.id


def test_without_a_timeout_nobody_waits(association, server, machines):
    machines.silent = {server}
    association.create(**program(server))
    assert association.id


def test_a_create_that_was_killed_while_waiting_is_waited_for_again(association, server, machines, engine_after_a_kill):
    machines.silent = {server}
    association.create(**program(server))
    machines.exit_code, machines.silent = 1, set()
    asked = program(server, waitForSuccessTimeoutSeconds=10)
    again = engine_after_a_kill(association.urn, association.inputs)
    with pytest.raises(Refused, match="unexpected state 'Failed'") as caught:
        again.resource(TOKEN, association.urn.rsplit("::", 1)[-1]).create(**asked)
    assert caught.value.half_made.id == association.id


def test_parameters_and_targets_change_in_place_unless_the_program_says_otherwise(association, server):
    association.create(**program(server))
    found = association.diff(**program("i-other", parameters={"commands": "agent apply 2"}))
    assert sorted(found.diffs) == ["parameters", "targets"]
    assert not found.replaces
