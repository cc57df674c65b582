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


def web_ready(**states: str) -> str:
    """What HAProxy answers of these web servers."""
    rows = [f"web_ready,{name.replace('_', '-')},0,{state},Layer7 check passed," for name, state in states.items()]
    return "\n".join(["# pxname,svname,qcur,status,check_desc,", *rows, "", ""])


@pytest.mark.parametrize(
    ("said", "waits"),
    [
        (web_ready(web_a="UP", web_b="UP"), False),
        (web_ready(web_a="UP", web_b="UP 1/2"), False),
        (web_ready(web_a="UP", web_b="DOWN"), True),
        (web_ready(web_a="UP", web_b="NOLB"), True),
        (web_ready(web_b="DOWN", web_c="DOWN"), False),
        (Failed("/run/haproxy/admin.sock: Connection refused"), False),
    ],
    ids=["two serve", "one of them just so", "the other is down", "the other leaves", "no web server itself", "silent"],
)
def test_a_web_server_stays_until_another_one_serves_but_not_for_ever(serving: FakeSystem, said, waits: bool) -> None:
    serving.answers[SOCKET] = said
    rotation.stay(serving, 45)
    assert serving.commands[0] == f"{SOCKET}: show stat web_ready 4 -1"
    assert serving.clock == (1045 if waits else 1000)


def test_who_stays_goes_as_soon_as_another_one_serves(serving: FakeSystem) -> None:
    serving.answers[SOCKET] = web_ready(web_a="UP", web_b="DOWN")
    serving.sleep = lambda seconds: serving.answers.update({SOCKET: web_ready(web_a="UP", web_b="UP")})
    rotation.stay(serving, 45)
    assert len(serving.commands) == 2


@pytest.mark.parametrize("out", [True, False])
def test_a_server_that_is_out_or_serves_nobody_yet_does_not_stay(system: FakeSystem, out: bool) -> None:
    if out:
        rotation.raise_flag(system, rotation.LEAVING)
    rotation.stay(system, 45)
    assert system.commands == []


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


KNOWN = {"role": "replica", "lag_s": 0.0, "complete": True}


@pytest.mark.parametrize(
    ("known", "waits"),
    [
        (KNOWN, False),
        (KNOWN | {"role": "primary", "lag_s": None}, False),
        (KNOWN | {"lag_s": 2.1}, True),
        (KNOWN | {"lag_s": None}, True),
        (KNOWN | {"complete": False}, True),
        (Failed("the failover unit does not answer"), True),
    ],
    ids=["caught up", "primary", "behind", "does not receive", "had not all yet", "silent"],
)
def test_a_server_that_has_booted_joins_when_its_database_has_caught_up_but_not_never(serving, monkeypatch, known, waits) -> None:
    def lease():
        if isinstance(known, Failed):
            raise known
        return known

    monkeypatch.setattr("agent.operator.lease", lease)
    rotation.raise_flag(serving, rotation.BOOTING)
    rotation.join(serving, 60)
    assert serving.clock == (1060 if waits else 1000)
    assert not serving.path(rotation.BOOTING).exists()


def test_a_server_that_joins_is_in_rotation_at_once(serving: FakeSystem) -> None:
    rotation.leave(serving, 15)
    rotation.join(serving, 60)
    assert serving.commands[-1] == f"{TOLD}(false)"
    assert flags(serving) == [False, False]
    assert serving.clock == 1015
