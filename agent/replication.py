"""A replica follows by auto-position over verified TLS, never writable. Whom, and whether it may, is decided elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .mysql import Login, Mysql, Row

MYSQL_CA = "/etc/mysql/tls/ca.pem"  # the certificate's own copy where mysqld may read it (AppArmor)
STATUS_DEADLINE_S = 5
CLONE_DEADLINE_S = 3600
RESTART_DEADLINE_S = 180


def follow(mysql: Mysql, source: Login) -> None:
    """Point this server to `source` and begin to receive, anew if it is set up just so already. Only of another source, or by
    other credentials, what was received and not applied yet is dropped, to be fetched again."""
    if is_set_up(mysql, source) and (threads(mysql) or ("", ""))[1] == "Yes":
        mysql.rows("STOP REPLICA IO_THREAD")  # the relay log stays while one of the two threads runs
    else:
        mysql.rows("STOP REPLICA")
        mysql.rows(
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST = %s, SOURCE_PORT = %s, SOURCE_USER = %s, SOURCE_PASSWORD = %s,"
            " SOURCE_SSL = 1, SOURCE_SSL_CA = %s, SOURCE_SSL_VERIFY_SERVER_CERT = 1, SOURCE_AUTO_POSITION = 1,"
            " SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 0, SOURCE_HEARTBEAT_PERIOD = 1",  # 0: never give up
            source.host,
            source.port,
            source.user,
            source.password,
            MYSQL_CA,
        )
    mysql.rows("START REPLICA")
    mysql.rows("SET GLOBAL super_read_only = ON")


def follows(mysql: Mysql, source: Login) -> bool:
    """Whether both threads run, with just these credentials."""
    return is_set_up(mysql, source) and threads(mysql) == ("Yes", "Yes")


def is_set_up(mysql: Mysql, source: Login) -> bool:
    """Compared with what mysqld has stored: the password is to be found nowhere else."""
    rows = mysql.rows(
        "SELECT host, port, user_name, user_password, ssl_ca, ssl_verify_server_cert,"
        " enabled_auto_position FROM mysql.slave_master_info WHERE channel_name = ''"
    )
    wanted = [source.host, source.port, source.user, source.password, MYSQL_CA, 1, 1]
    return bool(rows) and [_plain(value) for value in rows[0].values()] == wanted


def replica_status(mysql: Mysql) -> dict[str, Any] | None:
    """As `status_of`, on a connection of its own."""
    return status_of(partial(mysql.rows, timeout_s=STATUS_DEADLINE_S))


def status_of(rows: Callable[[str], list[Row]]) -> dict[str, Any] | None:
    """SHOW REPLICA STATUS of the one channel, None on a server that follows nobody. `rows` runs a statement."""
    return next(iter(rows("SHOW REPLICA STATUS")), None)


def threads(mysql: Mysql) -> tuple[str, str] | None:
    """(receiver, applier): Yes, No or Connecting each."""
    status = replica_status(mysql)
    return (status["Replica_IO_Running"], status["Replica_SQL_Running"]) if status else None


def _plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
