"""One look at the local MySQL: what it is made from, and what is kept when MySQL does not answer."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from agent.lease.view import Local
from agent.member import look as module
from agent.member.look import Look, Observer
from agent.mysql import MysqlFailed, Row
from tests.unit.agent.fakes import FakeSystem
from tests.unit.agent.member.scene import Clock

CLUSTER = "SELECT cluster_id FROM distributed_web.cluster"
SCHEMATA = "SELECT schema_name AS name FROM information_schema.schemata"
STATE = {"read_only": 0, "executed": "a:1-5,\nb:1", "purged": "a:1-\n2", "semi_sync": 0}
REPLICA = {
    "Source_Host": "10.20.1.10",
    "Replica_IO_State": "Waiting for source to send event",
    "Replica_IO_Running": "Yes",
    "Replica_SQL_Running": "Yes",
    "Seconds_Behind_Source": 2,
    "Retrieved_Gtid_Set": "a:4-\n9",
}


class Session:
    """Answers by the whole statement; a statement it does not know is a fault of the test."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Row] | MysqlFailed] = {}
        self.asked: list[str] = []

    def rows(self, sql: str) -> list[Row]:
        self.asked.append(sql)
        answer = self.answers[sql]
        if isinstance(answer, MysqlFailed):
            raise answer
        return answer


class Process:
    def __init__(self) -> None:
        self.number: int | None = 7

    def pid(self) -> int | None:
        return self.number


class Bench:
    def __init__(self, system: FakeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
        self.session, self.process, self.timeouts = Session(), Process(), []
        monkeypatch.setattr(module, "Session", lambda login, timeout_s: self.timeouts.append(timeout_s) or self.session)
        monkeypatch.setattr(Observer, "_disk_free", lambda _: 0.5)
        # Only a question makes it look.
        self.observer = Observer(system, self.process, period_s=3600, timeout_s=1.0)
        self.answers(state=STATE, status=None)

    def answers(self, *, state: Row, status: Row | None, cluster: Any = ({"cluster_id": "cluster-1"},)) -> None:
        self.session.answers = {
            module.STATE: [state],
            "SHOW REPLICA STATUS": [status] if status else [],
            CLUSTER: cluster if isinstance(cluster, MysqlFailed) else list(cluster),
        }

    def look(self) -> Look:
        self.observer.latest = self.observer.look()
        return self.observer.latest


@pytest.fixture
def bench(system: FakeSystem, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(system, monkeypatch)


def test_a_primary_is_seen_like_this(bench: Bench) -> None:
    assert bench.look() == Look(
        at=1000.0,
        local=Local(
            alive=True,
            executed="a:1-5,b:1",
            purged="a:1-2",
            applied=True,
            cluster_id="cluster-1",
            empty=False,
            complete=False,
            semi_sync=False,
            replicas_connected=False,
            replicas_caught_up=False,
            disk_free=0.5,
        ),
        mysqld=7,
        read_only=False,
        source=None,
        receiving=False,
        applying=False,
        lag_s=None,
        received="a:1-5,b:1",
        error=None,
    )
    assert bench.session.asked == [module.STATE, "SHOW REPLICA STATUS", CLUSTER]


def test_a_replica_is_seen_with_what_it_received_and_has_not_applied(bench: Bench) -> None:
    bench.answers(state=STATE | {"read_only": 1}, status=REPLICA)
    look = bench.look()
    assert look.local == Local(
        alive=True, executed="a:1-5,b:1", purged="a:1-2", applied=False, cluster_id="cluster-1", disk_free=0.5
    )
    assert replace(look, local=None) == Look(
        at=1000.0,
        local=None,
        mysqld=7,
        read_only=True,
        source="10.20.1.10",
        receiving=True,
        applying=True,
        lag_s=2,
        received="a:1-9,b:1",
    )


@pytest.mark.parametrize(("state", "receiving"), [("Yes", True), ("Connecting", False), ("No", False)])
def test_a_receiver_that_tries_to_connect_does_not_receive(bench: Bench, state: str, receiving: bool) -> None:
    bench.answers(state=STATE, status=REPLICA | {"Replica_IO_Running": state, "Replica_SQL_Running": state})
    look = bench.look()
    assert (look.receiving, look.applying) == (receiving, receiving)


def test_a_receiver_that_has_no_room_does_not_receive(bench: Bench) -> None:
    bench.answers(state=STATE, status=REPLICA | {"Replica_IO_State": "Waiting for disk space"})
    look = bench.look()
    assert (look.receiving, look.starved, look.applying) == (False, True, True)


def test_a_dead_mysqld_keeps_what_it_last_said(bench: Bench, clock: Clock) -> None:
    before = bench.look()
    bench.process.number = None
    bench.session.answers[module.STATE] = MysqlFailed(2003, "mysql on the local socket: Connection refused (2003)")
    clock.now = 1001.0
    assert bench.look() == Look(
        at=1001.0,
        local=replace(before.local, alive=False),
        mysqld=None,
        error="mysql on the local socket: Connection refused (2003)",
    )


def test_the_data_is_identified_once_while_the_same_mysqld_serves_it(bench: Bench) -> None:
    bench.look(), bench.look()
    assert bench.session.asked.count(CLUSTER) == 1
    bench.process.number = 8
    bench.answers(state=STATE, status=None, cluster=[{"cluster_id": "cluster-2"}])
    assert bench.look().local.cluster_id == "cluster-2"


@pytest.mark.parametrize(
    ("executed", "schemas", "empty"),
    [
        ("", ["mysql", "information_schema", "performance_schema", "sys"], True),
        ("", ["mysql", "notes"], False),
        ("a:1", ["mysql", "sys"], False),
    ],
)
@pytest.mark.parametrize("code", [1049, 1146])
def test_data_without_an_identity_is_asked_for_again_and_is_empty_only_when_nothing_is_there(
    bench: Bench, code: int, executed: str, schemas: list[str], empty: bool
) -> None:
    bench.answers(state=STATE | {"executed": executed}, status=None, cluster=MysqlFailed(code, "no such table"))
    bench.session.answers[SCHEMATA] = [{"name": name} for name in schemas]
    for _ in range(2):
        local = bench.look().local
        assert (local.alive, local.cluster_id, local.empty) == (True, None, empty)
    assert bench.session.asked.count(CLUSTER) == 2


def test_an_identity_that_cannot_be_read_is_no_answer_rather_than_no_data(bench: Bench) -> None:
    bench.answers(state=STATE, status=None, cluster=MysqlFailed(2013, "timed out"))
    look = bench.look()
    assert (look.local.alive, look.local.empty, look.error) == (False, False, "timed out")


def test_a_volume_that_cannot_be_asked_is_no_answer_and_does_not_end_the_next_look(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Observer) -> float:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Observer, "_disk_free", broken)
        look = bench.look()
    assert (look.local.alive, look.error) == (False, "look: OSError(5, 'Input/output error')")
    assert bench.look().local.alive


@pytest.mark.parametrize("enabled", [0, 1])
def test_whether_commits_wait_is_what_mysql_says(bench: Bench, enabled: int) -> None:
    bench.answers(state=STATE | {"semi_sync": enabled}, status=None)
    assert bench.look().local.semi_sync is bool(enabled)


def test_the_free_part_of_the_volume_is_what_mysql_may_use(system: FakeSystem) -> None:
    system.path("/var/lib/mysql").mkdir(parents=True)
    free = Observer(system, Process(), period_s=1, timeout_s=1)._disk_free()
    assert 0 <= free <= 1


# With a thread that looks, and the real clock.


def test_a_question_gets_a_look_that_began_after_it_was_asked(system: FakeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(system, monkeypatch)
    threading.Thread(target=bench.observer.run, daemon=True).start()
    asked = module.boottime() + 0.001
    time.sleep(0.002)
    assert bench.observer.since(asked, 5).at >= asked


def test_a_mysql_that_hangs_is_answered_for_with_the_look_before(system: FakeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(system, monkeypatch)
    before, hanging = bench.look(), threading.Event()
    monkeypatch.setattr(bench.observer, "look", lambda: hanging.wait(10) and before)
    threading.Thread(target=bench.observer.run, daemon=True).start()
    began = time.monotonic()
    look = bench.observer.since(module.boottime(), 0.05)
    waited = time.monotonic() - began
    hanging.set()
    assert look == before and 0.05 <= waited < 2
