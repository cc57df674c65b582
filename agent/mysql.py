"""The narrow way to MySQL: one statement, one connection, one deadline. And what the data on a server is. Decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pymysql

from .system import Failed

SOCKET = "/var/run/mysqld/mysqld.sock"
PORT = 3306
CA = "/etc/distributed-web/tls/ca.pem"
SCHEMA = "distributed_web"  # ours, beside the application's: what must live and travel with the data
SYSTEM_SCHEMAS = ("information_schema", "mysql", "performance_schema", "sys")

# Error codes (MySQL error message reference).
ACCESS_DENIED = 1045
UNKNOWN_DATABASE = 1049
NO_SUCH_THREAD = 1094
NO_SUCH_TABLE = 1146
SERVER_SHUTDOWN = 1053
SERVER_GONE = 2006
SERVER_LOST = 2013
RESTART_FAILED = 3707

Row = dict[str, Any]


class MysqlFailed(Failed):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Login:
    """`host` None: root on the local socket, known by the process's own user (auth_socket)."""

    host: str | None = None
    port: int = PORT
    user: str = "root"
    password: str = ""

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}" if self.host else "the local socket"


Query = Callable[[Login, str, tuple, float], list[Row]]


def query(login: Login, sql: str, args: tuple, timeout_s: float) -> list[Row]:
    """Run one statement and return its rows; every step waits at most `timeout_s`. Raises MysqlFailed."""
    with _told(login), _connect(login, timeout_s) as connection, connection.cursor() as cursor:
        cursor.execute(sql, args or None)
        return list(cursor.fetchall())


def _connect(login: Login, timeout_s: float) -> pymysql.Connection:
    where = (
        {"host": login.host, "port": login.port, "ssl": {"ca": CA, "check_hostname": True}}
        if login.host
        else {"unix_socket": SOCKET}
    )
    return pymysql.connect(
        **where,
        user=login.user,
        password=login.password,
        autocommit=True,
        connect_timeout=min(timeout_s, 5),
        read_timeout=timeout_s,
        write_timeout=timeout_s,
        cursorclass=pymysql.cursors.DictCursor,
    )


@contextmanager
def _told(login: Login) -> Iterator[None]:
    """Whatever the driver raises, as MysqlFailed. The statement is left out: it may hold a password."""
    try:
        yield
    except pymysql.MySQLError as error:
        code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        raise MysqlFailed(code, f"mysql on {login}: {error.args[-1] if error.args else error!r} ({code})") from None
    except OSError as error:  # certificate not trusted, name not in it
        raise MysqlFailed(0, f"mysql on {login}: {error}") from None


class Session:
    """A connection that is kept for what is asked again and again; after a failure the next question opens another one."""

    def __init__(self, login: Login, timeout_s: float) -> None:
        self._login, self._timeout_s = login, timeout_s
        self._connection: pymysql.Connection | None = None

    def rows(self, sql: str, *args: Any) -> list[Row]:
        """Raises MysqlFailed, after `timeout_s` at the latest."""
        with _told(self._login):
            try:
                self._connection = self._connection or _connect(self._login, self._timeout_s)
                with self._connection.cursor() as cursor:
                    cursor.execute(sql, args or None)
                    return list(cursor.fetchall())
            except (pymysql.err.ProgrammingError, pymysql.err.InternalError):
                raise  # the statement's own fault: the connection is as good as before
            except (pymysql.MySQLError, OSError):
                self.close()
                raise

    def close(self) -> None:
        if self._connection is not None:
            with suppress(pymysql.MySQLError, OSError):
                self._connection.close()
            self._connection = None


class Mysql:
    """One server as one user."""

    def __init__(self, login: Login, query: Query = query) -> None:
        self.login = login
        self._query = query

    def rows(self, sql: str, *args: Any, timeout_s: float = 10) -> list[Row]:
        return self._query(self.login, sql, args, timeout_s)

    def value(self, sql: str, *args: Any, timeout_s: float = 10) -> Any:
        """The first column of the first row, None when there is none."""
        return next((next(iter(row.values())) for row in self.rows(sql, *args, timeout_s=timeout_s)), None)

    def as_user(self, login: Login) -> Mysql:
        return Mysql(login, self._query)


@dataclass(frozen=True, kw_only=True)
class Data:
    """What lies on a server. The GTID set as MySQL writes it, "" when empty."""

    executed: str
    schemas: tuple[str, ...]  # without MySQL's own
    cluster_id: str | None  # made once, when the database was first created
    follows: str | None  # address of its source

    @property
    def empty(self) -> bool:
        return not self.executed and not self.schemas


def look(mysql: Mysql) -> Data:
    """What an account that may read SCHEMA sees; `follows` only as root."""
    names = mysql.rows("SELECT schema_name AS name FROM information_schema.schemata ORDER BY schema_name")
    return Data(
        executed=mysql.value("SELECT @@global.gtid_executed").replace("\n", ""),
        schemas=tuple(row["name"] for row in names if row["name"] not in SYSTEM_SCHEMAS),
        cluster_id=cluster_id(mysql),
        follows=_source(mysql) if mysql.login.host is None else None,
    )


def cluster_id(mysql: Mysql, timeout_s: float = 10) -> str | None:
    """Which database this is, None when it is not one of ours."""
    found = mysql.value(
        "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = %s AND table_name = 'cluster'",
        SCHEMA,
        timeout_s=timeout_s,
    )
    return mysql.value(f"SELECT cluster_id FROM {SCHEMA}.cluster", timeout_s=timeout_s) if found else None


def _source(mysql: Mysql) -> str | None:
    return mysql.value(
        "SELECT host FROM performance_schema.replication_connection_configuration WHERE channel_name = '' AND host <> ''"
    )
