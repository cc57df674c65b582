"""Connections to MySQL: verified TLS, as many as are used at once, renewed before they grow old. No SQL of the application."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import BoundedSemaphore

import pymysql

from .settings import Settings

# A connection stays with the server it was made to, while HAProxy may know a better one by now (the replica came back).
MAX_AGE_S = 10.0
# MySQL speaks first; HAProxy tries to reach it for a second. HAProxy 3.0.11 forgets whom it was connecting to a server that it
# then found dead (on-marked-down shutdown-sessions): it neither goes on nor says so, and another attempt meets the new primary.
GREETING_S = 1.2
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
    """At most so many connections to one port of HAProxy at once; waiting for one, and every network step, is bounded by
    `timeout_s` seconds. Those that are idle are taken from, and left to, whoever it is `beside`."""

    def __init__(self, settings: Settings, port: int, *, timeout_s: float, at_most: int, beside: Connections | None = None):
        self._settings = settings
        self._port = port
        self._timeout_s = timeout_s
        self._places = BoundedSemaphore(at_most)
        self._tls = ssl.create_default_context(cafile=settings.ca)
        # Idle ones with their best-before, the last used first: threads are many, so that some may wait for a dead server, and
        # connections as few as the work needs. A deque's ends may be used from any thread.
        self._idle: deque[tuple[pymysql.Connection, float]] = beside._idle if beside else deque()

    @contextmanager
    def cursor(self) -> Iterator[pymysql.cursors.Cursor]:
        """A cursor on a connection of this thread alone, each statement its own transaction. Raises `Unavailable`, of which
        `Moved` says that a write was refused and not half done."""
        if not self._places.acquire(timeout=self._timeout_s):
            raise Unavailable(f"every connection has been in use for {self._timeout_s:g} s")
        try:
            with self._cursor() as cursor:
                yield cursor
        finally:
            self._places.release()

    @contextmanager
    def _cursor(self) -> Iterator[pymysql.cursors.Cursor]:
        connection = None
        try:
            connection, best_before = self._take()
            with connection.cursor() as cursor:
                yield cursor
        except BaseException as error:
            self._close(connection)  # a half-read answer must not meet the next request
            if not isinstance(error, CONNECTION_LOST):
                raise
            if error.args[:1] != (READ_ONLY,):
                raise Unavailable(str(error)) from error
            self._close_idle()  # they lead to the same server
            raise Moved(str(error)) from error
        self._idle.append((connection, best_before))
        self._drop_the_oldest()

    def _take(self) -> tuple[pymysql.Connection, float]:
        """The one that was used last if it still serves, else a new one."""
        while True:
            try:
                connection, best_before = self._idle.pop()
            except IndexError:
                return self._connect(), time.monotonic() + MAX_AGE_S
            if time.monotonic() < best_before and not _ended(connection):
                return connection, best_before
            self._close(connection)

    def _drop_the_oldest(self) -> None:
        """A burst leaves more than are needed afterwards; MySQL is not to keep a session for each of them."""
        try:
            while self._idle[0][1] < time.monotonic():
                self._close(self._idle.popleft()[0])
        except IndexError:
            pass  # none left, or another thread has just taken the last one

    def _close_idle(self) -> None:
        with suppress(IndexError):
            while True:
                self._close(self._idle.pop()[0])

    def _close(self, connection: pymysql.Connection | None) -> None:
        if connection is not None and connection.open:
            connection.close()
        _forget_errors(self._tls)

    def _connect(self) -> pymysql.Connection:
        connection = pymysql.connect(
            host=self._settings.hostname,
            port=self._port,
            user=self._settings.user,
            password=self._settings.password,
            database=self._settings.database,
            charset="utf8mb4",
            autocommit=True,
            ssl=self._tls,
            read_timeout=self._timeout_s,
            write_timeout=self._timeout_s,
            defer_connect=True,
        )
        connection.connect(self._greeted())
        return connection

    def _greeted(self) -> socket.socket:
        """Made anew until MySQL has begun to speak on it, or HAProxy has closed it. Raises TimeoutError, an OSError."""
        end = time.monotonic() + self._timeout_s
        while (left := end - time.monotonic()) > 0:
            made = socket.create_connection((self._settings.hostname, self._port), left)
            if _says_something(made, min(left, GREETING_S)):
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return made
            made.close()
        raise TimeoutError(f"no database has answered for {self._timeout_s:g} s")


def _ended(connection: pymysql.Connection) -> bool:
    """Whether HAProxy or MySQL ended it while it was idle: unasked they send nothing but that. A ping would cost each request a
    round trip and know no more, for what ends afterwards, or falls silent, is met by the statement itself."""
    return not connection.open or _says_something(connection._sock, 0)  # PyMySQL has no public name for it


def _says_something(connection: socket.socket, within_s: float) -> bool:
    """poll(2) adds POLLHUP and POLLERR."""
    heard = select.poll()
    heard.register(connection, select.POLLIN)
    return bool(heard.poll(within_s * 1000))


def _forget_errors(tls: ssl.SSLContext) -> None:
    """Python leaves the error of a connection in its thread, where OpenSSL takes it for one of the next connection that waits
    there: https://github.com/python/cpython/issues/148594. A handshake begins by forgetting it."""
    with suppress(ssl.SSLWantReadError):
        tls.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="nobody").do_handshake()


# To be selected beside what is wanted: a round trip of its own, through HAProxy and TLS, would cost as much as the rest.
HOST = "@@hostname, @@global.read_only"


def host(name: str, read_only: int) -> Host:
    """From the columns HOST of a row."""
    return Host(host=name, role="replica" if read_only else "primary")


def answering(cursor: pymysql.cursors.Cursor) -> Host:
    cursor.execute(f"SELECT {HOST}")
    return host(*cursor.fetchone())
