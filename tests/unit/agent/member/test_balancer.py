"""This server's own HAProxy, told what its checks would find out later: the commands, and a pause that nobody ends."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from agent.member import balancer as module
from agent.member.balancer import LocalBalancer
from agent.system import Failed
from tests.unit.agent.fakes import FakeSystem

SOCKET = "/run/haproxy/admin.sock"
PAUSE, RESUME = f"{SOCKET}: set maxconn frontend mysql_write 0", f"{SOCKET}: set maxconn frontend mysql_write 2000"
TEMPLATE = Path(__file__).parents[4] / "cloud_init/templates/haproxy.cfg.j2"


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Those that run, each with `seconds` and `what`."""
    running: list[Any] = []

    class Timer(threading.Thread):
        def __init__(self, seconds: float, what: Any) -> None:
            super().__init__()
            self.seconds, self.what = seconds, what

        def start(self) -> None:
            running.append(self)

        def cancel(self) -> None:
            running.remove(self)

    monkeypatch.setattr(module.threading, "Timer", Timer)
    return running


def test_writers_wait_until_they_are_let_go_on(system: FakeSystem, timers: list[Any]) -> None:
    balancer = LocalBalancer(system)
    balancer.pause()
    assert [timer.seconds for timer in timers] == [3.0]
    balancer.resume()
    assert (system.commands, timers) == ([PAUSE, RESUME], [])


def test_a_pause_that_nobody_ends_ends_by_itself_counted_from_the_last(system: FakeSystem, timers: list[Any]) -> None:
    balancer = LocalBalancer(system)
    balancer.pause(), balancer.pause()
    (timer,) = timers
    timer.what()
    assert system.commands == [PAUSE, PAUSE, RESUME]


@pytest.mark.parametrize(("leader", "a", "b"), [("web-b", "stopping", "up"), (None, "down", "down")])
def test_writers_go_to_the_leader_or_to_nobody(system: FakeSystem, leader: str | None, a: str, b: str) -> None:
    LocalBalancer(system).lead(leader, ("web-a", "web-b"))
    set_ = f"{SOCKET}: set server mysql_primary"
    assert system.commands == [f"{set_}/web-a health {a}", f"{set_}/web-b health {b}"]


def test_a_haproxy_that_does_not_answer_finds_out_by_its_checks(system: FakeSystem, timers: list[Any]) -> None:
    system.answers[SOCKET] = Failed("/run/haproxy/admin.sock: Connection refused")
    LocalBalancer(system).pause()
    assert system.lines == ["balancer: /run/haproxy/admin.sock: Connection refused"]
    assert len(timers) == 1


def test_the_names_and_the_number_are_those_of_haproxys_configuration() -> None:
    template = TEMPLATE.read_text()
    listener = template.partition(f"frontend {module.FRONTEND} ")[2].partition("frontend")[0]
    assert f"maxconn {module.MAXCONN}\n" in listener and f"default_backend {module.BACKEND}\n" in listener
