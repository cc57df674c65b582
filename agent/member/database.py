"""The local MySQL as the lease moves it: opened, closed, made to wait for its replicas. Each act ends confirmed or fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from ..mysql import NO_SUCH_THREAD, Mysql, MysqlFailed, Row, Session
from ..replication import status_of
from ..system import Failed, System
from .look import plain
from .mark import is_marked, mark, unmark
from .mysqld import Mysqld, boottime

OURS = ("root", "replication", "system user", "event_scheduler")  # not clients; the replica is still to receive the rest
# performance_schema's lists take no lock that a hanging commit could hold.
CLIENTS = f"SELECT id AS id FROM performance_schema.processlist WHERE user NOT IN {OURS}"
# Those that a server on its way to read-only waits for: what they write needs these locks, and SET wants them all for itself.
# But for who commits already: that waits for the disk, a death would not hurry it, and its author would never know of it.
WAITED_FOR = (
    "SELECT processlist_id AS id FROM performance_schema.metadata_locks"
    " JOIN performance_schema.threads ON thread_id = owner_thread_id"
    " WHERE object_type IN ('GLOBAL', 'COMMIT') AND lock_type = 'INTENTION_EXCLUSIVE' AND lock_status = 'GRANTED'"
    f" AND processlist_user NOT IN {OURS}"
    " GROUP BY processlist_id HAVING SUM(object_type = 'COMMIT') = 0"
)
# Their commit would be refused, and the locks of their rows would stop the applier of a server that has become a replica.
UNFINISHED = (
    "SELECT trx_mysql_thread_id AS id FROM information_schema.innodb_trx"
    " JOIN performance_schema.threads ON processlist_id = trx_mysql_thread_id"
    f" WHERE trx_rows_locked + trx_rows_modified > 0 AND processlist_user NOT IN {OURS}"
)
KILL_EVERY_S = 0.02
UNMARKED_S = 0.2  # less than a demotion has before it kills

Rows = Callable[..., list[Row]]


class Database:
    def __init__(self, system: System, mysqld: Mysqld, mysql: Mysql, *, statement_s: float) -> None:
        self._system, self._mysqld, self._mysql, self._statement_s = system, mysqld, mysql, statement_s
        self.lock = threading.Lock()  # between an opening and whoever changes what this server follows
        self._marking, self._openings = threading.Lock(), 0
        self.synchronous_from: str | None = None  # executed when its commits began to wait for the replicas; None: not known

    def open(self, may_open: Callable[[], bool], *, semi_sync: bool) -> bool:
        """Apply all that was received, follow nobody, become writable. `may_open` is asked at the last instant.

        Returns whether it is open; raises Failed when MySQL refuses a step.
        """
        # One connection: quicker, and an order that comes late ends with the mysqld that it was meant for.
        with self._alone(), closing(Session(self._mysql.login, 2 * self._statement_s)) as this_mysqld:
            self._leave_source(this_mysqld.rows)
            self._wait_for_replicas(this_mysqld.rows, semi_sync)
            with self._marking:
                self._openings += 1
                mark(self._system)
            if not may_open():
                return False
            this_mysqld.rows("SET GLOBAL read_only = OFF")  # and with it super_read_only
            return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The lock, or Failed in time: an opening that waits keeps its holder from everything else."""
        if not self.lock.acquire(timeout=self._statement_s):
            raise Failed("database: another source, or a copy, is just being set up; opened after that")
        try:
            yield
        finally:
            self.lock.release()

    def close(self, patience_s: float) -> None:
        """Read-only. Without patience every client is gone then; with it, those that held this up after `patience_s` and those in
        the middle of a transaction: who has waited meanwhile is refused by MySQL, and knows that his write was not done.

        Returns when that is certain; raises Failed otherwise.
        """
        if not is_marked(self._system) and self._is_as_it_started():
            return  # a replica's readers are left alone
        openings = self._openings
        try:
            self._close(patience_s)
        except MysqlFailed:
            if not self._mysqld.is_closed_by_itself():
                raise
        with self._marking:
            if self._openings == openings:  # or this closing took so long that the next opening's mark is there
                unmark(self._system)

    def wait_for_replicas(self, on: bool) -> None:
        self._wait_for_replicas(self._mysql.rows, on)

    def _wait_for_replicas(self, rows: Rows, on: bool) -> None:
        self.synchronous_from = None
        rows(f"SET GLOBAL rpl_semi_sync_source_enabled = {'ON' if on else 'OFF'}")
        if on:
            self.synchronous_from = plain(rows("SELECT @@global.gtid_executed AS executed")[0]["executed"])

    def _is_as_it_started(self) -> bool:
        """Read-only, then. One that does not say so at once is taken by the mark: only somebody who is root on the server
        can have opened it without."""
        try:
            return bool(self._mysql.value("SELECT @@global.super_read_only", timeout_s=UNMARKED_S))
        except MysqlFailed:
            return True

    def _leave_source(self, rows: Rows) -> None:
        status = status_of(rows)
        if status is None:
            return
        rows("STOP REPLICA IO_THREAD")
        received = plain((status_of(rows) or status)["Retrieved_Gtid_Set"])
        if received and status["Replica_SQL_Running"] == "Yes":
            waited = rows("SELECT WAIT_FOR_EXECUTED_GTID_SET(%s, %s) AS late", received, self._statement_s)
            if waited[0]["late"]:
                raise Failed("database: what was received is not applied yet")
        elif received and rows("SELECT NOT GTID_SUBSET(%s, @@global.gtid_executed) AS lacks", received)[0]["lacks"]:
            raise Failed("database: the applier is stopped before the end of what was received")
        rows("STOP REPLICA")
        rows("RESET REPLICA ALL")

    def _close(self, patience_s: float) -> None:
        """SET waits for statements and commits under way and for LOCK TABLES, not for a transaction that is idle."""
        done = threading.Event()
        whom = WAITED_FOR if patience_s else CLIENTS
        killer = threading.Thread(target=self._kill_until, args=(done, whom, boottime() + patience_s), daemon=True)
        killer.start()
        try:
            self._mysql.rows("SET GLOBAL super_read_only = ON", timeout_s=self._statement_s)
        finally:
            done.set()
        if not patience_s:
            self._kill(CLIENTS)
            return
        try:
            self._kill(UNFINISHED)
        except MysqlFailed as failed:  # read-only is confirmed all the same
            self._system.log(f"database: transactions are not ended: {failed}")

    def _kill_until(self, done: threading.Event, whom: str, begin: float) -> None:
        wait = begin - boottime()
        while not done.wait(max(wait, KILL_EVERY_S)):
            try:
                self._kill(whom)
            except Failed as failed:
                self._system.log(f"database: clients are not killed: {failed}")
            wait = 0.0

    def _kill(self, whom: str) -> None:
        for row in self._mysql.rows(whom, timeout_s=self._statement_s):
            try:
                self._mysql.rows(f"KILL {int(row['id'])}", timeout_s=self._statement_s)
            except MysqlFailed as failed:
                if failed.code != NO_SUCH_THREAD:
                    raise
