"""Looks at the local MySQL again and again on a connection of its own, so that nobody else waits for one that hangs."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..lease import gtid
from ..lease.view import Local
from ..mysql import NO_SUCH_TABLE, SCHEMA, SYSTEM_SCHEMAS, UNKNOWN_DATABASE, Login, MysqlFailed, Session
from ..replication import status_of
from ..system import System
from .mysqld import Mysqld, boottime

VOLUME = "/var/lib/mysql"
DEAD = Local(alive=False)
# Of a receiver that looks again once a minute, while MySQL says that it runs and that the lag is 0:
# https://dev.mysql.com/blog-archive/look-io-thread-is-waiting-for-disk-space/
NO_ROOM = "Waiting for disk space"
STATE = (
    "SELECT @@global.read_only AS read_only, @@global.gtid_executed AS executed, @@global.gtid_purged AS purged,"
    " @@global.rpl_semi_sync_source_enabled AS semi_sync"
)


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look. `at`: when it began, CLOCK_BOOTTIME; `local` without what only the other members know."""

    at: float
    local: Local
    mysqld: int | None = None  # process id
    read_only: bool = True
    source: str | None = None  # address of whom it follows
    receiving: bool = False
    starved: bool = False  # its receiver found no room for what it received
    applying: bool = False
    lag_s: float | None = None
    received: str = ""  # executed or waiting to be applied
    error: str | None = None


class Observer:
    """`latest` is the newest finished look; it is old when MySQL hangs."""

    def __init__(self, system: System, mysqld: Mysqld, *, period_s: float, timeout_s: float) -> None:
        self._system, self._mysqld, self._period_s = system, mysqld, period_s
        self._session = Session(Login(), timeout_s)
        self._known: tuple[int | None, str | None, bool] | None = None
        self._finished, self._wanted = threading.Condition(), threading.Event()
        self.latest = Look(at=float("-inf"), local=DEAD, error="not looked yet")

    def run(self) -> None:
        """For ever; in a thread of its own."""
        while True:
            look = self.look()
            with self._finished:
                self.latest = look
                self._finished.notify_all()
            self._wanted.wait(self._period_s)
            self._wanted.clear()

    def since(self, at: float, timeout_s: float) -> Look:
        """A look that began at or after `at`; after `timeout_s` the latest, whenever that was."""
        if self.latest.at < at:
            self._wanted.set()
        with self._finished:
            self._finished.wait_for(lambda: self.latest.at >= at, timeout_s)
            return self.latest

    def look(self) -> Look:
        at, pid = boottime(), self._mysqld.pid()
        try:
            return self._look(at, pid, self._session.rows)
        except Exception as error:  # of MySQL, of its volume or a fault of ours: it must be seen, and must not end the next look
            # What it last said is kept: a published position does not become unknown because mysqld died.
            reason = str(error) if isinstance(error, MysqlFailed) else f"look: {error!r}"
            return Look(at=at, local=replace(self.latest.local, alive=False), mysqld=pid, error=reason)

    def _look(self, at: float, pid: int | None, rows: Callable[..., list[dict[str, Any]]]) -> Look:
        state = rows(STATE)[0]
        status = status_of(rows)
        executed = plain(state["executed"])
        retrieved = plain(status["Retrieved_Gtid_Set"]) if status else ""
        cluster_id, empty = self._identity(pid, executed, rows)
        local = Local(
            alive=True,
            executed=executed,
            purged=plain(state["purged"]),
            applied=gtid.contains(executed, retrieved),
            cluster_id=cluster_id,
            empty=empty,
            semi_sync=bool(state["semi_sync"]),
            disk_free=self._disk_free(),
        )
        look = Look(at=at, local=local, mysqld=pid, read_only=bool(state["read_only"]), received=gtid.union(executed, retrieved))
        if status is None:
            return look
        starved = status["Replica_IO_State"] == NO_ROOM
        return replace(
            look,
            source=status["Source_Host"],
            receiving=status["Replica_IO_Running"] == "Yes" and not starved,
            starved=starved,
            applying=status["Replica_SQL_Running"] == "Yes",
            lag_s=status["Seconds_Behind_Source"],
        )

    def _identity(self, pid: int | None, executed: str, rows: Callable[..., list[dict[str, Any]]]) -> tuple[str | None, bool]:
        """(cluster id, whether there is no data). A database keeps its identity while the same mysqld serves it."""
        if self._known and self._known[0] == pid and self._known[1]:
            return self._known[1:]
        try:
            found = rows(f"SELECT cluster_id FROM {SCHEMA}.cluster")
            cluster_id, empty = (found[0]["cluster_id"] if found else None), False
        except MysqlFailed as failed:
            if failed.code not in (UNKNOWN_DATABASE, NO_SUCH_TABLE):
                raise
            schemas = {row["name"] for row in rows("SELECT schema_name AS name FROM information_schema.schemata")}
            cluster_id, empty = None, not executed and schemas <= set(SYSTEM_SCHEMAS)
        self._known = (pid, cluster_id, empty)
        return cluster_id, empty

    def _disk_free(self) -> float:
        volume = os.statvfs(self._system.path(VOLUME))
        return volume.f_bavail / volume.f_blocks


def plain(gtids: str) -> str:
    return gtids.replace("\n", "")
