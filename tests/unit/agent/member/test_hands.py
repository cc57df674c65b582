"""What each action comes to: which parts are told what, and which event comes back."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from agent.lease import record as records
from agent.lease.state import (
    Action,
    Alarm,
    Ask,
    Close,
    Hold,
    Kill,
    Open,
    Outcome,
    Promised,
    Read,
    Reply,
    Restart,
    SemiSync,
    Send,
    State,
    WasClosed,
    WasOpened,
    WasRead,
    WasSemiSync,
    WasWritten,
)
from agent.lease.view import Settings
from agent.member.hands import Hands
from agent.member.mark import is_marked, mark
from agent.system import Failed
from tests.unit.agent.fakes import FakeSystem
from tests.unit.agent.member.scene import MEMBERS, RECORD, Clock

HOLD = Hold(record=RECORD, since=990, confirmed=1000, counter=7, opening=True, touched=True)
HOLDER = State(server="web-a", boot_nonce="nonce-a", settings=Settings(), hold=HOLD, closing=None)
HANDING = replace(HOLDER, hold=replace(HOLD, opening=False, handing="web-b"), closing=1000.5)
WATCHER = replace(HOLDER, hold=None)
RENEWAL = records.renewal(RECORD, counter=8, sync=False, gtid_executed="a:1-11")


class AtOnce:
    """A thread that is over as soon as it is started."""

    def __init__(self, target: Any, args: tuple = (), **_: Any) -> None:
        self._target, self._args = target, args

    def start(self) -> None:
        self._target(*self._args)


class Part:
    """Every method call is written down as `<part>.<method> <arguments>`; `answers` says what it returns or raises."""

    def __init__(self, name: str, calls: list[str], answers: dict[str, Any]) -> None:
        self._name, self._calls, self._answers = name, calls, answers

    def __getattr__(self, method: str):
        def call(*arguments: Any, **named: Any) -> Any:
            shown = [*map(_shown, arguments), *(f"{key}={value}" for key, value in named.items())]
            self._calls.append(" ".join([f"{self._name}.{method}", *shown]))
            answer = self._answers.get(f"{self._name}.{method}")
            if isinstance(answer, Exception):
                raise answer
            return answer(*arguments) if callable(answer) else answer

        return call


def _shown(value: Any) -> str:
    return "…" if callable(value) or isinstance(value, records.Write) else str(value)


class Bench:
    def __init__(self, system: FakeSystem, config, monkeypatch: pytest.MonkeyPatch, state: State) -> None:
        thread = SimpleNamespace(Thread=AtOnce, Lock=threading.Lock)
        monkeypatch.setattr("agent.member.hands.threading", thread)
        self.system, self.calls, self.answers, self.silent_s = system, [], {}, 0.0
        self.events: list[tuple[Any, int | None]] = []
        self.loop = SimpleNamespace(state=state, post=lambda event, generation=None: self.events.append((event, generation)))
        part = lambda name: Part(name, self.calls, self.answers)  # noqa: E731
        self.hands = Hands(
            system=system,
            config=config("web-a"),
            loop=self.loop,
            table=part("table"),
            peers=part("peers"),
            database=part("database"),
            mysqld=part("mysqld"),
            balancer=part("balancer"),
            silent_s=lambda: self.silent_s,
        )
        self.hands._store = self.hands._members = SimpleNamespace(submit=lambda what, *arguments: what(*arguments))

    def do(self, action: Action, state: State | None = None, generation: int = 4) -> list[str]:
        self.calls.clear()
        self.hands.do(action, state or self.loop.state, generation)
        return self.calls


@pytest.fixture
def bench(system: FakeSystem, config, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(system, config, monkeypatch, HOLDER)


# The store.


def test_a_read_brings_the_record_with_the_time_it_was_asked_for(bench: Bench) -> None:
    bench.answers["table.read"] = RECORD
    assert bench.do(Read(999.0)) == ["table.read"]
    assert bench.events == [(WasRead(sent=999.0, record=RECORD), None)]


def test_a_missing_item_is_told_and_no_answer_is_not(bench: Bench) -> None:
    bench.do(Read(999.0))
    bench.answers["table.read"] = Failed("dynamodb: timed out")
    bench.do(Read(999.5))
    assert bench.events == [(WasRead(sent=999.0, record=None), None)]
    assert bench.system.lines == ["lease: dynamodb: timed out"]


def test_a_renewal_is_written_and_its_outcome_comes_back(bench: Bench) -> None:
    bench.answers["table.write"] = Outcome.UNKNOWN
    assert bench.do(Send(RENEWAL, 999.0)) == ["table.write …"]
    assert bench.events == [(WasWritten(write=RENEWAL, sent=999.0, outcome=Outcome.UNKNOWN), None)]


@pytest.mark.parametrize("outcome", Outcome)
def test_the_new_holder_is_told_to_look_as_soon_as_the_handover_is_done(bench: Bench, outcome: Outcome) -> None:
    bench.answers["table.write"] = outcome
    told = ["peers.post web-b /look {}"] if outcome is Outcome.DONE else []
    assert bench.do(Send(RENEWAL, 999.0), HANDING) == ["table.write …", *told]
    assert (bench.hands.handing_at == 1000.0) is bool(told)


def test_an_outage_of_the_store_is_said_when_it_begins_and_when_it_ends(bench: Bench) -> None:
    for answer in (Failed("dynamodb: timed out"), Failed("dynamodb: timed out"), RECORD, RECORD):
        bench.answers["table.read"] = answer
        bench.do(Read(999.0))
    assert bench.system.lines == ["lease: dynamodb: timed out", "lease: store answers again"]


def test_a_fault_of_ours_is_seen(bench: Bench) -> None:
    bench.answers["table.read"] = KeyError("BOOL")
    bench.do(Read(999.0))
    assert (bench.events, bench.system.lines) == ([], ["failover: read: KeyError('BOOL')"])


# The other members.


@pytest.mark.parametrize("yes", [True, False])
def test_a_member_is_asked_for_a_promise(bench: Bench, yes: bool) -> None:
    bench.answers["peers.post"] = {"yes": yes, "reason": "" if yes else "web-b has a taking under way"}
    body = {"epoch": 3, "ttl_s": 5, "ask": 999.0}
    assert bench.do(Ask(to="web-b", **body)) == [f"peers.post web-b /ask {body}"]
    assert bench.events == [(Promised(by="web-b", epoch=3, ask=999.0, yes=yes), None)]
    assert bench.system.lines == ([] if yes else ["lease: no promise: web-b has a taking under way"])


def test_members_are_asked_though_every_request_to_the_store_hangs(bench: Bench) -> None:
    bench.answers["peers.post"] = {"yes": True}
    bench.hands._store = SimpleNamespace(submit=lambda *_: None)
    bench.do(Ask(to="web-b", epoch=3, ttl_s=5, ask=999.0))
    assert bench.events == [(Promised(by="web-b", epoch=3, ask=999.0, yes=True), None)]


def test_a_member_that_does_not_answer_has_promised_nothing(bench: Bench) -> None:
    bench.answers["peers.post"] = Failed("web-b:9202: timed out")
    bench.do(Ask(to="web-b", epoch=3, ttl_s=5, ask=999.0))
    assert bench.events == []


def test_a_reply_reaches_just_the_question_it_belongs_to(bench: Bench) -> None:
    waiting: Future[Reply] = bench.hands.expect("web-b", 3, 999.0)
    bench.do(Reply(to="web-b", epoch=3, ask=998.0, yes=False))
    assert not waiting.done()
    reply = Reply(to="web-b", epoch=3, ask=999.0, yes=True)
    bench.do(reply)
    assert waiting.result(0) == reply


# The local MySQL.


def test_an_opening_ends_with_writers_led_here_everywhere(bench: Bench) -> None:
    bench.answers["database.open"] = True
    assert bench.do(Open(True)) == [
        "database.open … semi_sync=True",
        "peers.tell_all /lead {'epoch': 3} 1.0",
        f"balancer.lead web-a {MEMBERS}",
        "balancer.resume",
    ]
    assert bench.events == [(WasOpened(True), 4)]


@pytest.mark.parametrize("taking", [{"failover": True}, {"epoch": 5}])
def test_after_a_failover_or_by_force_the_former_holder_is_told_to_look_first(bench: Bench, taking: dict) -> None:
    bench.answers["database.open"] = True
    taken = replace(HOLDER, hold=replace(HOLD, record=replace(RECORD, **taking)), forced_epoch=3)
    assert bench.do(Open(False), taken)[:2] == ["peers.tell_all /look {} 0.2", "database.open … semi_sync=False"]


@pytest.mark.parametrize("answer", [False, Failed("database: what was received is not applied yet")])
def test_an_opening_that_fails_is_told_and_leads_nobody(bench: Bench, answer: bool | Failed) -> None:
    bench.answers["database.open"] = answer
    assert bench.do(Open(False)) == ["database.open … semi_sync=False"]
    assert bench.events == [(WasOpened(False), 4)]


def test_a_fault_in_an_opening_is_an_opening_that_failed_and_is_seen(bench: Bench) -> None:
    bench.answers["database.open"] = lambda *_: 1 / 0
    bench.do(Open(False))
    assert bench.events == [(WasOpened(False), 4)]
    assert bench.system.lines == ["failover: open: ZeroDivisionError('division by zero')"]


def test_whether_mysql_may_be_opened_is_asked_of_the_lease_at_the_last_instant(bench: Bench, clock: Clock) -> None:
    asked = []

    def opens(may_open: Any) -> bool:
        asked.append(may_open())
        clock.now = HOLD.until
        asked.append(may_open())
        clock.now = 1000.0
        bench.loop.state = WATCHER
        asked.append(may_open())
        return False

    bench.answers["database.open"] = opens
    bench.do(Open(False))
    assert asked == [True, False, False]


def test_a_planned_closing_lets_writers_wait_everywhere_and_those_at_work_finish(bench: Bench) -> None:
    paused = ["peers.hurry", "balancer.pause", "peers.tell_all /pause {'epoch': 3} 0.05"]
    assert bench.do(Close(), HANDING) == [*paused, "database.close 0.2"]
    assert bench.events == [(WasClosed(), 4)]
    assert bench.hands.handing_at == 1000.0


def test_an_unplanned_closing_waits_for_nobody(bench: Bench) -> None:
    lost = replace(WATCHER, closing=1000.5, given_up=3)
    assert bench.do(Close(), lost) == ["balancer.lead None ('web-a',)", "database.close 0.0"]
    assert bench.events == [(WasClosed(), 4)]
    assert bench.hands.handing_at < 0


def test_the_closing_of_a_start_leaves_the_balancer_alone(bench: Bench) -> None:
    assert bench.do(Close(), replace(WATCHER, closing=1000.5)) == ["database.close 0.0"]


def test_a_closing_that_is_not_confirmed_is_no_event(bench: Bench) -> None:
    bench.answers["database.close"] = Failed("mysql: timed out")
    bench.do(Close(), HANDING)
    assert bench.events == []
    assert bench.system.lines == ["lease: not closed yet: mysql: timed out"]


def test_what_is_under_way_is_not_begun_again_before_the_next_generation(bench: Bench) -> None:
    nested = []

    def closes(*_: Any) -> None:
        bench.answers["database.close"] = None
        for generation in (4, 5):
            nested.append(len(bench.do(Close(), replace(WATCHER, closing=1000.5), generation)))

    bench.answers["database.close"] = closes
    bench.do(Close(), replace(WATCHER, closing=1000.5), 4)
    assert nested == [0, 1]
    assert bench.do(Close(), replace(WATCHER, closing=1000.5), 4) == ["database.close 0.0"]


def test_a_kill_is_a_closing_once_mysqld_is_gone(bench: Bench) -> None:
    """The next one starts read-only: nobody has to kill that as well."""
    mark(bench.system)
    assert bench.do(Kill(), WATCHER) == ["mysqld.kill 0.4"]
    assert bench.events == [(WasClosed(), 4)]
    assert not is_marked(bench.system)


def test_a_kill_that_mysqld_outlives_is_no_event(bench: Bench) -> None:
    mark(bench.system)
    bench.answers["mysqld.kill"] = Failed("mysqld 7 is not gone")
    bench.do(Kill(), WATCHER)
    assert bench.events == []
    assert is_marked(bench.system)


def test_a_dead_mysqld_is_started_and_left_in_peace_for_a_moment(bench: Bench) -> None:
    bench.silent_s = 9.0
    assert bench.do(Restart()) == ["mysqld.pid", "mysqld.is_stopped", "mysqld.start"]
    assert bench.system.clock == 1000.5


@pytest.mark.parametrize(("stopped", "silent_s"), [(True, 0.0), (False, 2.1)])
def test_a_stopped_or_hanging_mysqld_is_killed_first(bench: Bench, stopped: bool, silent_s: float) -> None:
    bench.answers |= {"mysqld.is_stopped": stopped, "mysqld.pid": 7}
    bench.silent_s = silent_s
    assert bench.do(Restart())[-3:] == ["mysqld.is_closed_by_itself", "mysqld.kill 0.4", "mysqld.start"]


def test_a_mysqld_that_is_silent_for_a_moment_is_not_killed(bench: Bench) -> None:
    bench.answers["mysqld.pid"] = 7
    bench.silent_s = 1.9
    assert bench.do(Restart()) == ["mysqld.pid", "mysqld.is_stopped"]
    assert bench.system.clock == 1000  # nor is its end, should it hang, put off


def test_a_mysqld_that_recovers_is_left_to_it(bench: Bench) -> None:
    bench.answers |= {"mysqld.pid": 7, "mysqld.is_closed_by_itself": True}
    bench.silent_s = 9.0
    assert bench.do(Restart()) == ["mysqld.pid", "mysqld.is_stopped", "mysqld.is_closed_by_itself"]


@pytest.mark.parametrize("on", [True, False])
def test_semi_sync_is_turned_and_said(bench: Bench, on: bool) -> None:
    order = SemiSync(on, 3)
    assert bench.do(order) == [f"database.wait_for_replicas {on}"]
    assert bench.events == [(WasSemiSync(order), 4)]
    assert "wait for the replicas" in bench.system.lines[0] and ("do not" in bench.system.lines[0]) is not on


def test_an_alarm_stands_while_it_is_raised_again_and_is_said_once(bench: Bench, clock: Clock) -> None:
    for _ in range(3):
        bench.do(Alarm("web-a lacks 7 transactions"))
        clock.now += 1.9
        assert bench.hands.alarm == "web-a lacks 7 transactions"
    clock.now += 0.2
    assert bench.hands.alarm is None
    assert bench.system.lines == ["lease: web-a lacks 7 transactions"]
