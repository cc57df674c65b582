"""The local MySQL as the lease moves it: whole sequences of statements, and when each of them ends confirmed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from agent.member.database import Database
from agent.member.mark import is_marked, mark
from agent.mysql import Login, Mysql, MysqlFailed, Row
from agent.system import Failed
from tests.unit.agent.fakes import FakeSystem

FOLLOWS = [{"Retrieved_Gtid_Set": "a:1-\n9", "Replica_SQL_Running": "Yes"}]
STATUS, STOP_RECEIVING = "SHOW REPLICA STATUS", "STOP REPLICA IO_THREAD"
WRITABLE, CLOSED = "SET GLOBAL read_only = OFF", "SET GLOBAL super_read_only = ON"
ALONE = "SET GLOBAL rpl_semi_sync_source_enabled = OFF"
LEAVE = [
    STATUS,
    STOP_RECEIVING,
    STATUS,
    "SELECT WAIT_FOR_EXECUTED_GTID_SET('a:1-9', 5.0) AS late",
    "STOP REPLICA",
    "RESET REPLICA ALL",
]
CLIENTS = (
    "SELECT id AS id FROM performance_schema.processlist"
    " WHERE user NOT IN ('root', 'replication', 'system user', 'event_scheduler')"
)
WAITED_FOR = (
    "SELECT processlist_id AS id FROM performance_schema.metadata_locks"
    " JOIN performance_schema.threads ON thread_id = owner_thread_id"
    " WHERE object_type IN ('GLOBAL', 'COMMIT') AND lock_type = 'INTENTION_EXCLUSIVE' AND lock_status = 'GRANTED'"
    " AND processlist_user NOT IN ('root', 'replication', 'system user', 'event_scheduler')"
    " GROUP BY processlist_id HAVING SUM(object_type = 'COMMIT') = 0"
)
UNFINISHED = (
    "SELECT trx_mysql_thread_id AS id FROM information_schema.innodb_trx"
    " JOIN performance_schema.threads ON processlist_id = trx_mysql_thread_id"
    " WHERE trx_rows_locked + trx_rows_modified > 0"
    " AND processlist_user NOT IN ('root', 'replication', 'system user', 'event_scheduler')"
)


class Statements:
    """Remembers what it is sent; `answers` by the beginning of a statement, anything else returns nothing."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.answers: dict[str, list[Row] | MysqlFailed | Callable[[], Any]] = {}

    def __call__(self, login: Login, sql: str, args: tuple, timeout_s: float) -> list[Row]:
        text = sql % tuple(f"'{arg}'" if isinstance(arg, str) else arg for arg in args) if args else sql
        self.sent.append(text)
        answer = next((self.answers[known] for known in self.answers if text.startswith(known)), [])
        if callable(answer):
            answer = answer()
        if isinstance(answer, MysqlFailed):
            raise answer
        return answer or []


class Process:
    """Of systemd's view: whether mysqld is down or starting by itself."""

    closed_by_itself = False

    def is_closed_by_itself(self) -> bool:
        return self.closed_by_itself


class Connection:
    """One mysqld's: gone with it, whoever answers by then. `ends` are those whose mysqld has been killed."""

    ended = False

    def __init__(self, sql: Statements, ends: list[Connection]) -> None:
        self._sql, self._ends = sql, ends
        self._made = False

    def rows(self, text: str, *args: Any) -> list[Row]:
        if not self._made:
            self._ends.append(self)
        self._made = True
        if self.ended:
            raise MysqlFailed(2006, "server has gone away")
        return self._sql(Login(), text, args, 0)

    def close(self) -> None:
        self._ends.remove(self)


@pytest.fixture
def connections(sql: Statements, monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    """Those that are kept open at the moment."""
    kept: list[Connection] = []
    monkeypatch.setattr("agent.member.database.Session", lambda login, timeout_s: Connection(sql, kept))
    return kept


@pytest.fixture
def sql() -> Statements:
    return Statements()


@pytest.fixture
def make(system: FakeSystem, sql: Statements, connections: list[Connection]) -> Callable[..., Database]:
    def make(process: Process | None = None) -> Database:
        return Database(system, process or Process(), Mysql(Login(), sql), statement_s=5.0)

    return make


# Opening.


def test_a_replica_is_opened_by_these_statements(make, sql: Statements, system: FakeSystem) -> None:
    sql.answers = {STATUS: FOLLOWS, "SELECT WAIT": [{"late": 0}]}
    assert make().open(lambda: True, semi_sync=False)
    assert sql.sent == [*LEAVE, ALONE, WRITABLE]
    assert is_marked(system)


def test_a_server_that_follows_nobody_is_opened_at_once(make, sql: Statements) -> None:
    assert make().open(lambda: True, semi_sync=False)
    assert sql.sent == [STATUS, ALONE, WRITABLE]


@pytest.mark.parametrize("wait", [True, False])
def test_it_is_settled_before_the_first_write_whether_commits_wait(make, sql: Statements, wait: bool) -> None:
    sql.answers = {"SELECT @@global.gtid_executed": [{"executed": "a:1-\n9"}]}
    database = make()
    assert database.open(lambda: True, semi_sync=wait)
    set_to = f"SET GLOBAL rpl_semi_sync_source_enabled = {'ON' if wait else 'OFF'}"
    assert sql.sent == [STATUS, set_to, *(["SELECT @@global.gtid_executed AS executed"] if wait else []), WRITABLE]
    assert database.synchronous_from == ("a:1-9" if wait else None)


def test_from_when_commits_wait_is_unknown_while_they_begin_to(make, sql: Statements) -> None:
    """A position of before would call a replica caught up that lacks what was acknowledged alone."""
    database = make()
    database.synchronous_from = "a:1-5"
    sql.answers = {"SET GLOBAL rpl_semi": MysqlFailed(2013, "gone")}
    with pytest.raises(MysqlFailed):
        database.wait_for_replicas(True)
    assert database.synchronous_from is None


def test_nothing_is_writable_when_the_lease_says_no_at_the_last_instant(make, sql: Statements, system: FakeSystem) -> None:
    """The mark is there before the question: whoever ends this process in between kills mysqld."""
    marked = []

    def may_open() -> bool:
        marked.append(is_marked(system))
        return False

    assert not make().open(may_open, semi_sync=False)
    assert (marked, sql.sent) == ([True], [STATUS, ALONE])


def test_an_order_to_open_that_comes_late_ends_with_the_mysqld_it_was_meant_for(
    make, sql: Statements, connections: list[Connection]
) -> None:
    """Killed after the lease had said yes: the mysqld that systemd starts next stays read-only."""

    def may_open() -> bool:
        (connection,) = connections
        connection.ended = True
        return True

    with pytest.raises(MysqlFailed, match="gone away"):
        make().open(may_open, semi_sync=False)
    assert (sql.sent, connections) == ([STATUS, ALONE], [])


def test_the_lease_is_asked_after_everything_that_may_take_long(make, sql: Statements) -> None:
    sql.answers = {STATUS: FOLLOWS, "SELECT WAIT": [{"late": 0}]}
    before = []
    make().open(lambda: before.extend(sql.sent) or True, semi_sync=False)
    assert before == [*LEAVE, ALONE]


def test_what_was_received_and_is_not_applied_in_time_is_not_dropped(make, sql: Statements, system: FakeSystem) -> None:
    sql.answers = {STATUS: FOLLOWS, "SELECT WAIT": [{"late": 1}]}
    with pytest.raises(Failed, match="database: what was received is not applied yet"):
        make().open(lambda: True, semi_sync=False)
    assert sql.sent == LEAVE[:4] and not is_marked(system)


@pytest.mark.parametrize(("lacks", "opened"), [(1, False), (0, True)])
def test_a_stopped_applier_is_no_matter_only_when_it_had_come_to_the_end(make, sql: Statements, lacks: int, opened: bool) -> None:
    sql.answers = {STATUS: [FOLLOWS[0] | {"Replica_SQL_Running": "No"}], "SELECT NOT GTID_SUBSET": [{"lacks": lacks}]}
    if opened:
        assert make().open(lambda: True, semi_sync=False)
    else:
        with pytest.raises(Failed, match="the applier is stopped before the end"):
            make().open(lambda: True, semi_sync=False)
    subset = "SELECT NOT GTID_SUBSET('a:1-9', @@global.gtid_executed) AS lacks"
    assert sql.sent == [*LEAVE[:3], subset, *([*LEAVE[-2:], ALONE, WRITABLE] if opened else [])]


def test_nobody_changes_whom_it_follows_during_an_opening(make, sql: Statements) -> None:
    database = make()
    held = []
    database.open(lambda: held.append(database.lock.locked()) or True, semi_sync=False)
    assert (held, database.lock.locked()) == ([True], False)


def test_an_opening_does_not_wait_for_ever_for_whoever_sets_up_another_source(make) -> None:
    database = make()
    database._statement_s = 0.01
    with database.lock, pytest.raises(Failed, match="just being set up; opened after that"):
        database.open(lambda: True, semi_sync=False)


# Closing.


def test_an_open_server_is_closed_and_its_clients_are_gone(make, sql: Statements, system: FakeSystem) -> None:
    mark(system)
    sql.answers = {CLIENTS: [{"id": 7}, {"id": 8}], "KILL 7": MysqlFailed(1094, "no such thread")}
    make().close(0.0)
    assert sql.sent[0] == CLOSED
    assert sql.sent[-3:] == [CLIENTS, "KILL 7", "KILL 8"]
    assert not is_marked(system)


def test_a_closing_that_outlasts_its_mysqld_leaves_the_next_openings_mark(make, sql: Statements, system: FakeSystem) -> None:
    """It hung until mysqld was killed; whoever restarts that opens it while this closing asks systemd what became of it."""
    process = Process()
    database = make(process)
    mark(system)
    sql.answers = {CLOSED: MysqlFailed(2013, "gone")}
    process.is_closed_by_itself = lambda: database.open(lambda: True, semi_sync=False)
    database.close(0.0)
    assert is_marked(system)


def test_a_replica_that_is_closed_already_is_left_alone_with_its_readers(make, sql: Statements) -> None:
    sql.answers = {"SELECT @@global.super_read_only": [{"value": 1}]}
    make().close(0.0)
    assert sql.sent == ["SELECT @@global.super_read_only"]


def test_a_server_without_the_mark_that_does_not_answer_at_once_is_as_it_started(make, sql: Statements) -> None:
    sql.answers = {"SELECT @@global.super_read_only": MysqlFailed(2013, "timed out")}
    make().close(0.0)
    assert sql.sent == ["SELECT @@global.super_read_only"]


def test_a_server_that_somebody_else_opened_is_closed(make, sql: Statements) -> None:
    sql.answers = {"SELECT @@global.super_read_only": [{"value": 0}]}
    make().close(0.0)
    assert CLOSED in sql.sent


def test_who_holds_up_a_planned_closing_is_killed_after_the_patience(make, sql: Statements, system: FakeSystem) -> None:
    """Nobody else: those who wait for the closing are refused by MySQL, and write elsewhere."""
    mark(system)
    began, killed = time.monotonic(), threading.Event()
    sql.answers = {
        WAITED_FOR: [{"id": 7}],
        "KILL 7": lambda: killed.set(),
        CLOSED: lambda: [] if killed.wait(5) else MysqlFailed(2013, "timed out"),
    }
    make().close(0.15)
    assert time.monotonic() - began >= 0.15
    assert sql.sent[0] == CLOSED and set(sql.sent[1:]) == {WAITED_FOR, "KILL 7", UNFINISHED}
    assert not is_marked(system)


def test_writes_that_finish_within_the_patience_are_not_killed(make, sql: Statements, system: FakeSystem) -> None:
    mark(system)
    make().close(5.0)
    assert sql.sent == [CLOSED, UNFINISHED]


def test_a_transaction_in_the_middle_is_killed_once_it_cannot_commit(make, sql: Statements, system: FakeSystem) -> None:
    mark(system)
    sql.answers = {UNFINISHED: [{"id": 7}]}
    make().close(5.0)
    assert sql.sent == [CLOSED, UNFINISHED, "KILL 7"]


def test_a_transaction_that_cannot_be_ended_leaves_a_planned_closing_confirmed(make, sql: Statements, system: FakeSystem) -> None:
    mark(system)
    sql.answers = {UNFINISHED: MysqlFailed(2013, "timed out")}
    make().close(5.0)
    assert not is_marked(system)


def test_a_closing_that_mysql_does_not_confirm_fails_and_the_mark_stays(make, sql: Statements, system: FakeSystem) -> None:
    mark(system)
    sql.answers = {CLOSED: MysqlFailed(2013, "mysql on the local socket: timed out (2013)")}
    with pytest.raises(MysqlFailed, match="timed out"):
        make().close(0.0)
    assert is_marked(system)


def test_clients_that_cannot_be_killed_leave_a_closing_unconfirmed(make, sql: Statements, system: FakeSystem) -> None:
    mark(system)
    sql.answers = {CLIENTS: [{"id": 7}], "KILL 7": MysqlFailed(2013, "timed out")}
    with pytest.raises(MysqlFailed, match="timed out"):
        make().close(0.0)
    assert is_marked(system)


def test_a_mysqld_that_is_down_or_starting_is_closed_by_itself(make, sql: Statements, system: FakeSystem) -> None:
    mark(system)
    sql.answers = {CLOSED: MysqlFailed(2003, "Connection refused"), CLIENTS: MysqlFailed(2003, "Connection refused")}
    process = Process()
    process.closed_by_itself = True
    make(process=process).close(0.0)
    assert not is_marked(system)
