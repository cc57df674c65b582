"""Looks at the local MySQL again and again, so that a question about it is answered at once, also when MySQL hangs."""

from __future__ import annotations

import threading

from .mysql import Mysql, cluster_id
from .replication import replica_status
from .roles import Look
from .system import Failed, System

PERIOD_S = 0.1
FRESH_S = 0.25  # an older look is no answer
PATIENCE_S = 0.5  # how long a question waits for a fresh one; HAProxy's checks give up after 1 s


class Observer:
    def __init__(self, system: System, mysql: Mysql) -> None:
        self._system, self._mysql = system, mysql
        self._look = Look(at=system.monotonic() - 2 * FRESH_S, error="not looked yet")
        self._changed = threading.Condition()

    def run(self) -> None:
        """For ever; in a thread of its own."""
        while True:
            self.observe()
            self._system.sleep(PERIOD_S)

    def observe(self) -> Look:
        look = self._observe(self._system.monotonic())
        with self._changed:
            self._look = look
            self._changed.notify_all()
        return look

    def look(self) -> Look:
        """A look no older than FRESH_S, or after PATIENCE_S one that says so."""
        asked = self._system.monotonic()
        with self._changed:
            if self._changed.wait_for(lambda: self._look.at >= asked - FRESH_S, PATIENCE_S):
                return self._look
            return Look(at=asked, error=f"MySQL has not answered for {asked + PATIENCE_S - self._look.at:.1f} s")

    def _observe(self, at: float) -> Look:
        try:
            read_only = bool(self._mysql.value("SELECT @@global.read_only", timeout_s=PATIENCE_S))
            status = replica_status(self._mysql, timeout_s=PATIENCE_S)
            # Needed only to decide about opening, and it costs more than the rest.
            cluster = cluster_id(self._mysql, timeout_s=PATIENCE_S) if read_only and not status else None
        except Failed as failed:
            return Look(at=at, error=str(failed))
        if status is None:
            return Look(at=at, read_only=read_only, cluster_id=cluster)
        return Look(
            at=at,
            read_only=read_only,
            source=status["Source_Host"],
            receiving=status["Replica_IO_Running"] == "Yes",
            applying=status["Replica_SQL_Running"] == "Yes",
            lag_s=status["Seconds_Behind_Source"],
        )
