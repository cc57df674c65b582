"""What the store asks of MySQL, on a cursor that answers from a table of statements."""

from contextlib import contextmanager
from datetime import datetime

import pytest
from notes.database import Host, Moved, Unavailable
from notes.setup import migrate
from notes.store import Note, Page, Store, Written

HOST = "SELECT @@hostname, @@global.read_only"
RECENT = (
    "SELECT @@hostname, @@global.read_only, id, text, written_at FROM (SELECT 1) one"
    " LEFT JOIN (SELECT id, text, written_at FROM notes ORDER BY id DESC LIMIT %s) recent ON TRUE ORDER BY id DESC"
)
WAIT = "SELECT WAIT_FOR_EXECUTED_GTID_SET(%s, %s)"
GTID = "SELECT @@global.gtid_executed, @@hostname, @@global.read_only"
AT = datetime(2026, 3, 1)
NOTE = Note(7, "hello", AT)
POSITION = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-23"


class Answers:
    """Connections whose cursor answers each statement with the rows given for it; asks are kept in `asked`."""

    lastrowid = 7

    def __init__(self, rows: dict[str, list[tuple]] | None = None):
        self.rows = rows or {}
        self.asked: list[tuple] = []

    @contextmanager
    def cursor(self):
        yield self

    def execute(self, statement, values=()):
        self.asked.append((statement, *values))
        self._last = self.rows.get(statement, [])

    def fetchone(self):
        return self._last[0]

    def fetchall(self):
        return self._last


class Silent(Answers):
    """A server that hangs: the driver gives up."""

    @contextmanager
    def cursor(self):
        raise Unavailable("timed out")
        yield


def database(name: str, *, read_only: bool, **more) -> Answers:
    return Answers({HOST: [(name, int(read_only))], RECENT: [(name, int(read_only), 7, "hello", AT)], **more})


def store(*, replica=None, primary=None, writers=None) -> Store:
    primary = primary or Answers()
    return Store(readers=replica or Answers(), primary_readers=primary, writers=writers or primary, probes=primary)


def test_a_visitor_reads_from_the_replica():
    replica, primary = database("web-b", read_only=True), Answers()
    assert store(replica=replica, primary=primary).recent() == Page(notes=(NOTE,), database=Host("web-b", "replica"))
    assert (replica.asked, primary.asked) == ([(RECENT, 20)], [])


def test_a_database_without_a_note_says_who_it_is():
    empty = Answers({RECENT: [("web-b", 1, None, None, None)]})
    assert store(replica=empty).recent() == Page(notes=(), database=Host("web-b", "replica"))


def test_an_author_waits_until_the_replica_has_his_note():
    replica = database("web-b", read_only=True, **{WAIT: [(0,)]})
    assert store(replica=replica).recent(POSITION).database == Host("web-b", "replica")
    assert replica.asked[0] == (WAIT, POSITION, 0.3)


def test_an_author_reads_from_the_primary_when_the_replica_is_late():
    replica = database("web-b", read_only=True, **{WAIT: [(1,)]})
    primary = database("web-a", read_only=False)
    assert store(replica=replica, primary=primary).recent(POSITION).database == Host("web-a", "primary")
    assert len(replica.asked) == 1


def test_a_reader_whose_replica_does_not_answer_reads_from_the_primary():
    primary = database("web-a", read_only=False)
    assert store(replica=Silent(), primary=primary).recent().database == Host("web-a", "primary")


def test_a_reader_of_the_primary_waits_behind_no_write():
    primary = database("web-a", read_only=False)
    held_up = Silent()  # commits that wait for a replica have every place
    assert store(replica=Silent(), primary=primary, writers=held_up).recent().database == Host("web-a", "primary")


def test_a_note_goes_to_the_primary_and_its_position_comes_back():
    primary = database("web-a", read_only=False, **{GTID: [(f"{POSITION},\n{POSITION}", "web-a", 0)]})
    assert store(primary=primary).add("hello") == Written(
        id=7, database=Host("web-a", "primary"), position=f"{POSITION},{POSITION}"
    )
    assert primary.asked[0] == ("INSERT INTO notes (text, written_at) VALUES (%s, UTC_TIMESTAMP(3))", "hello")


def test_a_read_only_server_is_no_primary(monkeypatch):
    clock = iter((0, 0.5, 1))
    monkeypatch.setattr("notes.store.time.monotonic", lambda: next(clock))
    with pytest.raises(Unavailable, match="web-b answers for the primary but is read-only"):
        store(primary=database("web-b", read_only=True)).primary()


def test_a_probe_in_a_switchover_finds_the_new_primary():
    primary = Moving(ready=3)
    assert store(primary=primary).primary() == Host("web-b", "primary")
    assert primary.attempts == 3


CHANGES = [("0001-notes", "CREATE TABLE notes"), ("0002-more", "ALTER TABLE notes")]


def schema(*done: str) -> Answers:
    return Answers({"SELECT GET_LOCK('schema', 30)": [(1,)], "SELECT name FROM schema_changes": [(name,) for name in done]})


def test_setup_runs_only_what_was_not_run_before_and_in_order():
    cursor = schema("0001-notes")
    assert migrate(cursor, CHANGES) == ["0002-more"]
    assert [ask[0] for ask in cursor.asked[3:]] == [
        "ALTER TABLE notes",
        "INSERT INTO schema_changes VALUES (%s, UTC_TIMESTAMP(3))",
        "SELECT RELEASE_LOCK('schema')",
    ]


def test_setup_of_a_finished_database_changes_nothing():
    assert migrate(schema("0001-notes", "0002-more"), CHANGES) == []


def test_two_setups_at_once_wait_for_each_other():
    cursor = Answers({"SELECT GET_LOCK('schema', 30)": [(0,)]})
    with pytest.raises(Unavailable, match="another set-up holds the lock for 30 s"):
        migrate(cursor, CHANGES)
    assert len(cursor.asked) == 1


class Moving(Answers):
    """A primary that has become read-only; from the `ready`th attempt on another one answers in its place."""

    def __init__(self, ready: int):
        super().__init__({HOST: [("web-b", 0)], GTID: [(POSITION, "web-b", 0)]})
        self.ready, self.attempts = ready, 0

    @contextmanager
    def cursor(self):
        self.attempts += 1
        if self.attempts < self.ready:
            raise Moved("1290: read-only")
        yield self


def test_a_write_refused_in_the_middle_of_a_switchover_goes_to_the_new_primary():
    primary = Moving(ready=3)
    assert store(primary=primary).add("hello") == Written(id=7, database=Host("web-b", "primary"), position=POSITION)
    assert primary.attempts == 3


def test_a_write_is_not_tried_for_ever(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr("notes.store.time.monotonic", lambda: next(clock))
    with pytest.raises(Moved):
        store(primary=Moving(ready=1000)).add("hello")
