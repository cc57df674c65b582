"""Connections to MySQL: verified TLS, one per thread and port, renewed before they grow old. No SQL of the application."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pymysql

from .settings import Settings

# A connection stays with the server it was made to, while HAProxy may know a better one by now (the replica came back).
MAX_AGE_S = 10.0
READ_ONLY = 1290  # ER_OPTION_PREVENTS_STATEMENT
CONNECTION_LOST = (pymysql.err.OperationalError, pymysql.err.InterfaceError, OSError)


class Unavailable(Exception):
    """No database with the wanted role could be reached; trying again later may help."""


class Moved(Unavailable):
    """The server is not the primary any more and has certainly not done the write: it may be tried again elsewhere."""


@dataclass(frozen=True)
class Host:
    """Which database server answered, and as what."""

    host: str
    role: str  # "primary" | "replica"


class Connections:
    """Connections to one port of HAProxy; every network step is bounded by `timeout_s` seconds."""

    def __init__(self, settings: Settings, port: int, *, timeout_s: float):
        self._settings = settings
        self._port = port
        self._timeout_s = timeout_s
        self._tls = ssl.create_default_context(cafile=settings.ca)
        self._mine = threading.local()

    @contextmanager
    def cursor(self) -> Iterator[pymysql.cursors.Cursor]:
        """A cursor on this thread's connection, each statement its own transaction. Raises `Unavailable`, of which `Moved`
        says that a write was refused and not half done."""
        try:
            with self._connection().cursor() as cursor:
                yield cursor
        except CONNECTION_LOST as error:
            self._discard()
            kind = Moved if error.args[:1] == (READ_ONLY,) else Unavailable
            raise kind(str(error)) from error
        except BaseException:
            self._discard()  # a half-read answer must not meet the next request
            raise

    def _connection(self) -> pymysql.Connection:
        connection = getattr(self._mine, "connection", None)
        if connection is not None and time.monotonic() < self._mine.best_before:
            try:
                connection.ping(reconnect=False)
                return connection
            except CONNECTION_LOST:
                pass  # ended by HAProxy or MySQL while it was idle
        self._discard()
        self._mine.connection = self._connect()
        self._mine.best_before = time.monotonic() + MAX_AGE_S
        return self._mine.connection

    def _discard(self) -> None:
        connection = getattr(self._mine, "connection", None)
        self._mine.connection = None
        if connection is not None and connection.open:
            connection.close()

    def _connect(self) -> pymysql.Connection:
        return pymysql.connect(
            host=self._settings.hostname,
            port=self._port,
            user=self._settings.user,
            password=self._settings.password,
            database=self._settings.database,
            charset="utf8mb4",
            autocommit=True,
            ssl=self._tls,
            connect_timeout=self._timeout_s,
            read_timeout=self._timeout_s,
            write_timeout=self._timeout_s,
        )


def host(cursor: pymysql.cursors.Cursor) -> Host:
    cursor.execute("SELECT @@hostname, @@global.read_only")
    name, read_only = cursor.fetchone()
    return Host(host=name, role="replica" if read_only else "primary")
