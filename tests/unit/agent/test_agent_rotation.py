"""Out of rotation before a planned stop: whoever sends something is told, and given the time to notice."""

from __future__ import annotations

import pytest

from agent import rotation
from agent.state import State
from agent.system import Failed
from tests.unit.agent.fakes import FakeSystem

SOCKET = "/run/haproxy/admin.sock"
TOLD = f"{SOCKET}: experimental-mode on; set var proc.leaving bool"
FLAGS = ("/run/distributed-web/drain", "/run/distributed-web/leaving")


@pytest.fixture
def serving(system: FakeSystem) -> FakeSystem:
    """A server that has had a release; its HAProxy obeys."""
    state = State.load(system)
    state.release = "1" * 16
    state.save(system)
    system.answers[SOCKET] = "\n\n"
    return system


def flags(system: FakeSystem) -> list[bool]:
    """What Nginx sees, and what the agent sees when it is asked for the replica."""
    return [system.path(flag).exists() for flag in FLAGS]


def test_a_server_that_leaves_says_so_and_serves_until_everybody_has_noticed(serving: FakeSystem) -> None:
    rotation.leave(serving, 15)
    assert serving.commands == [f"{TOLD}(true)"]
    assert flags(serving) == [True, True]
    assert serving.clock == 1015


def test_a_server_that_is_out_already_keeps_nobody_waiting(serving: FakeSystem) -> None:
    rotation.leave(serving, 15)
    rotation.leave(serving, 15)
    assert serving.clock == 1015


def test_the_flag_of_an_apply_that_was_killed_does_not_pass_for_a_server_that_is_out(serving: FakeSystem) -> None:
    rotation.raise_flag(serving, rotation.DRAIN)
    rotation.leave(serving, 15)
    assert serving.clock == 1015


@pytest.mark.parametrize("said", [Failed("/run/haproxy/admin.sock: Connection refused"), "Permission denied\n"])
def test_when_haproxy_cannot_be_told_only_the_other_ones_are_waited_for(said, serving: FakeSystem) -> None:
    serving.answers[SOCKET] = said
    rotation.leave(serving, 15)
    assert flags(serving) == [True, True]
    assert serving.clock == 1001.5


def test_a_server_without_a_whole_release_serves_nobody_yet(system: FakeSystem) -> None:
    rotation.leave(system, 15)
    assert system.commands == []
    assert system.clock == 1000


def test_a_server_that_joins_is_in_rotation_at_once(serving: FakeSystem) -> None:
    rotation.leave(serving, 15)
    rotation.join(serving)
    assert serving.commands[-1] == f"{TOLD}(false)"
    assert flags(serving) == [False, False]
    assert serving.clock == 1015
