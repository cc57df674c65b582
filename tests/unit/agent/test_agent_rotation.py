"""Out of rotation before a planned stop: whoever sends something is told, and given the time to notice."""

from __future__ import annotations

import pytest

from agent import rotation
from agent.state import State
from agent.system import Failed
from tests.unit.agent.fakes import FakeSystem

SOCKET = "/run/haproxy/admin.sock"
IN, OUT = "proc.leaving: type=bool value=<0>\n", "proc.leaving: type=bool value=<1>\n"
TOLD = f"{SOCKET}: experimental-mode on; set var proc.leaving bool"


@pytest.fixture
def haproxy(system: FakeSystem, monkeypatch: pytest.MonkeyPatch) -> dict[str, str | Failed]:
    """What HAProxy answers, by the beginning of the command. The server has had a release."""
    state = State.load(system)
    state.release = "1" * 16
    state.save(system)
    answers: dict[str, str | Failed] = {"get var": IN, "experimental-mode": "\n\n"}

    def ask(path: str, request: str, timeout_s: float = 30) -> str:
        system.commands.append(f"{path}: {request.strip()}")
        answer = next(answer for beginning, answer in answers.items() if request.startswith(beginning))
        if isinstance(answer, Failed):
            raise answer
        return answer

    monkeypatch.setattr(system, "ask", ask)
    return answers


def out_of_rotation(system: FakeSystem) -> bool:
    """As Nginx sees it."""
    return system.path("/run/distributed-web/drain").exists()


def test_a_server_that_leaves_says_so_and_serves_until_everybody_has_noticed(system, haproxy) -> None:
    rotation.leave(system, 15)
    assert system.commands == [f"{SOCKET}: get var proc.leaving", f"{TOLD}(true)"]
    assert out_of_rotation(system)
    assert system.clock == 1015


def test_a_server_that_is_out_already_keeps_nobody_waiting(system, haproxy) -> None:
    haproxy["get var"] = OUT
    rotation.leave(system, 15)
    assert system.commands == [f"{SOCKET}: get var proc.leaving"]
    assert system.clock == 1000


def test_the_flag_of_an_apply_that_was_killed_does_not_pass_for_a_server_that_is_out(system, haproxy) -> None:
    rotation.raise_flag(system)
    rotation.leave(system, 15)
    assert system.clock == 1015


def test_without_a_haproxy_only_the_other_ones_are_waited_for(system, haproxy) -> None:
    haproxy["get var"] = haproxy["experimental-mode"] = Failed("/run/haproxy/admin.sock: Connection refused")
    rotation.leave(system, 15)
    assert out_of_rotation(system)
    assert system.clock == 1001.5


def test_a_server_without_a_whole_release_serves_nobody_yet(system: FakeSystem) -> None:
    rotation.leave(system, 15)
    assert system.commands == []
    assert system.clock == 1000


def test_a_server_that_joins_is_in_rotation_at_once(system, haproxy) -> None:
    rotation.leave(system, 15)
    rotation.join(system)
    assert system.commands[-1] == f"{TOLD}(false)"
    assert not out_of_rotation(system)
    assert system.clock == 1015
