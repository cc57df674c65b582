"""The unit as systemd sees it: fenced whatever ended it, closed when it is stopped, alive while its loop turns."""

from __future__ import annotations

import signal
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

from agent import failover
from agent.lease.state import Hold, State, Tick
from agent.lease.view import Local, Settings
from agent.member import unit
from agent.member.fence import fence
from agent.member.mark import is_marked, mark
from agent.member.mysqld import Mysqld
from agent.system import Failed, Stopped
from tests.unit.agent.fakes import FakeSystem
from tests.unit.agent.member.scene import RECORD


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The deadlines of every kill of mysqld."""
    killed: list[float] = []
    monkeypatch.setattr(Mysqld, "kill", lambda _, deadline_s: killed.append(deadline_s))
    return killed


def test_the_fence_kills_a_mysqld_that_may_be_writable(system: FakeSystem, killed: list[float]) -> None:
    mark(system)
    fence(system)
    assert (killed, is_marked(system)) == ([5], False)
    assert system.lines == ["fence: mysqld may be writable and nobody watches over it: killed"]


def test_the_fence_leaves_a_closed_mysqld_alone(system: FakeSystem, killed: list[float]) -> None:
    fence(system)
    assert (killed, system.lines) == ([], [])


def test_the_mark_outlives_a_kill_that_failed(system: FakeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    def survives(*_: object, **__: object) -> None:
        raise Failed("mysqld 7 is not gone")

    monkeypatch.setattr(Mysqld, "kill", survives)
    mark(system)
    with pytest.raises(Failed):
        fence(system)
    assert is_marked(system)


class Database:
    def __init__(self, answer: object = None) -> None:
        self.answer, self.patience = answer, []

    def close(self, patience_s: float) -> None:
        self.patience.append(patience_s)
        if isinstance(self.answer, threading.Event):
            self.answer.wait(10)
        if isinstance(self.answer, Failed):
            raise self.answer


def test_a_unit_that_is_stopped_closes_mysql_and_kills_nothing(system: FakeSystem, killed: list[float]) -> None:
    database = Database()
    unit._end(system, database, Mysqld(system), ttl_s=50, kills=False)
    assert (database.patience, killed) == ([0.0], [])


def test_a_unit_that_is_stopped_when_a_read_only_could_be_undone_kills_at_once(system: FakeSystem, killed: list[float]) -> None:
    database = Database()
    mark(system)
    unit._end(system, database, Mysqld(system), ttl_s=50, kills=True)
    assert (database.patience, killed, is_marked(system)) == ([], [4.0], False)


@pytest.mark.parametrize("fault", ["hangs", "fails"])
def test_a_mysql_that_does_not_close_in_time_is_killed(system: FakeSystem, killed: list[float], fault: str) -> None:
    mark(system)
    hanging = threading.Event()
    database = Database(hanging if fault == "hangs" else Failed("timed out"))
    unit._end(system, database, Mysqld(system), ttl_s=0.5, kills=False)
    hanging.set()
    assert (killed, is_marked(system)) == ([0.04], False)


def test_a_read_only_could_be_undone_by_an_opening_under_way_also_one_that_is_to_be_killed() -> None:
    opening = replace(HOLDER, hold=replace(HOLDER.hold, opening=True))
    demoted, _ = failover.step(opening, Tick(local=Local(alive=True)), 1000.0)
    closing = replace(HOLDER, hold=None, closing=1000.5)
    cases = [(opening, True), (HOLDER, False), (demoted, True), (closing, False), (replace(closing, closing=None), False)]
    assert [failover.kills_when_stopped(state, 1000.0) for state, _ in cases] == [kills for _, kills in cases]


HOLDER = State(
    server="web-a",
    boot_nonce="n",
    settings=Settings(),
    hold=Hold(record=RECORD, since=0, confirmed=999.0, counter=7, touched=True),
)
HANDING = State(
    server="web-a", boot_nonce="n", settings=Settings(), hold=Hold(record=RECORD, since=0, counter=7, handing="web-b")
)


@pytest.mark.parametrize(
    ("state", "period_s"), [(State(server="web-a", boot_nonce="n", settings=Settings()), 0.5), (HOLDER, 0.2), (HANDING, 0.01)]
)
def test_the_others_are_asked_the_more_often_the_more_depends_on_it(state: State, period_s: float) -> None:
    assert unit._period(SimpleNamespace(state=state, ttl_s=5)) == pytest.approx(period_s)


def test_a_port_that_is_taken_is_named() -> None:
    def taken(*_: object) -> None:
        raise OSError(98, "Address already in use")

    with pytest.raises(Failed, match=r"port 9201: .*Address already in use"):
        unit._listen(9201, taken, {}, None)


def test_a_stop_passes_through_everything_that_catches_failures() -> None:
    with pytest.raises(Stopped, match="stopped by SIGTERM"):
        unit._stop(signal.SIGTERM, None)
