"""The notes in the database: what is written, what is read, and which server it is read from. All SQL of the application."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from .database import HOST, Connections, Host, Moved, Unavailable, answering, host

SHOWN = 20
# How long a reader waits for the replica to receive his own note before he is sent to the primary instead.
CATCH_UP_S = 0.3
# A switchover lasts a few tenths of a second; HAProxy keeps new connections waiting meanwhile.
MOVE_S = 1.0
PROBE_S = 0.7  # Nginx waits 1 s for the health answer


@dataclass(frozen=True)
class Note:
    id: int
    text: str
    written_at: datetime  # UTC


@dataclass(frozen=True)
class Page:
    notes: tuple[Note, ...]  # newest first
    database: Host


@dataclass(frozen=True)
class Written:
    id: int
    database: Host
    position: str  # GTID set that holds the note; a reader who has seen it must not see less


class Store:
    """Reads from `readers`, from the primary by `primary_readers`; writes to `writers`; `probes` are connections to the primary
    that give up sooner."""

    def __init__(self, *, readers: Connections, primary_readers: Connections, writers: Connections, probes: Connections):
        self._readers = readers
        self._primary_readers = primary_readers
        self._writers = writers
        self._probes = probes

    def recent(self, seen: str | None = None) -> Page:
        """The newest notes, including everything up to the position `seen`; from the primary when no replica answers in time.
        Raises `Unavailable`."""
        try:
            with self._readers.cursor() as cursor:
                if seen is None or _has_caught_up(cursor, seen):
                    return _page(cursor)
        except Unavailable:
            pass  # it hangs, or has just died: HAProxy does not know yet
        with self._primary_readers.cursor() as cursor:
            return _page(cursor)

    def add(self, text: str) -> Written:
        """Stores a note on the primary, wherever that moves. Raises `Unavailable`; whether it was stored is then unknown."""
        end = time.monotonic() + MOVE_S
        while True:
            try:
                return self._add(text)
            except Moved:
                if time.monotonic() > end:
                    raise

    def _add(self, text: str) -> Written:
        with self._writers.cursor() as cursor:
            cursor.execute("INSERT INTO notes (text, written_at) VALUES (%s, UTC_TIMESTAMP(3))", (text,))
            note_id = cursor.lastrowid
            cursor.execute(f"SELECT @@global.gtid_executed, {HOST}")
            position, *answered = cursor.fetchone()
            return Written(id=note_id, database=host(*answered), position=position.replace("\n", ""))

    def primary(self) -> Host:
        """The primary that a write would reach. Raises `Unavailable`, not in a switchover before PROBE_S: a server that says
        "no primary" is passed over by HAProxy, and no other is better in a switchover."""
        end = time.monotonic() + PROBE_S
        while True:
            try:
                with self._probes.cursor() as cursor:
                    return _primary(cursor)
            except Moved:
                if time.monotonic() > end:
                    raise


def _primary(cursor) -> Host:
    found = answering(cursor)
    if found.role != "primary":
        raise Moved(f"{found.host} answers for the primary but is read-only")
    return found


def _has_caught_up(cursor, position: str) -> bool:
    cursor.execute("SELECT WAIT_FOR_EXECUTED_GTID_SET(%s, %s)", (position, CATCH_UP_S))
    return cursor.fetchone() == (0,)


def _page(cursor) -> Page:
    # Joined from the left, so that a database without a note says who it is too.
    cursor.execute(
        f"SELECT {HOST}, id, text, written_at FROM (SELECT 1) one"
        " LEFT JOIN (SELECT id, text, written_at FROM notes ORDER BY id DESC LIMIT %s) recent ON TRUE ORDER BY id DESC",
        (SHOWN,),
    )
    rows = cursor.fetchall()
    return Page(notes=tuple(Note(*note) for _, _, *note in rows if note[0] is not None), database=host(*rows[0][:2]))
