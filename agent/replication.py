"""A replica: filled by CLONE, follows by auto-position over verified TLS, never writable. The last-copy rule is `decide`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .mysql import (
    RESTART_FAILED,
    SERVER_GONE,
    SERVER_LOST,
    SERVER_SHUTDOWN,
    Data,
    Login,
    Mysql,
    MysqlFailed,
    look,
)
from .system import Failed, System

MYSQL_CA = "/etc/mysql/tls/ca.pem"  # the same certificate, where mysqld may read it (AppArmor)
PRIMARY_DEADLINE_S = 900  # at first boot the primary's server is still installing its packages
CLONE_DEADLINE_S = 3600
RESTART_DEADLINE_S = 180
FOLLOW_DEADLINE_S = 60
CLONED = (SERVER_LOST, SERVER_GONE, SERVER_SHUTDOWN, RESTART_FAILED)  # how a CLONE that was successful can end
Step = Literal["follow", "clone"]


def decide(local: Data, primary: Data, *, extra: str, lost: str) -> Step:
    """How a server that is not the primary gets to the primary's data. Raises Failed rather than destroy data.

    `extra`: transactions that only the local data has; `lost`: those it lacks and the primary can no longer send.
    """
    if local.empty:
        return "clone"
    if not local.executed:
        raise Failed(
            f"replica: the local data (schemas {', '.join(local.schemas)}) has no transaction history that could "
            "be compared with the primary's; save it and give this server an empty volume"
        )
    if extra:
        raise Failed(
            f"replica: the local data holds transactions that the primary lacks ({extra}); it is not overwritten: "
            "save them and give this server an empty volume"
        )
    if local.cluster_id and local.cluster_id != primary.cluster_id:
        raise Failed(f"replica: the local data is of database {local.cluster_id}, the primary's is {primary.cluster_id}")
    return "clone" if lost else "follow"  # everything local is on the primary too, so a clone destroys no last copy


@dataclass(frozen=True, kw_only=True)
class Replica:
    system: System
    mysql: Mysql  # root on the socket
    source: Login  # the primary, as the replication user

    def converge(self) -> None:
        """Follow the primary; does nothing to a replica that already does with these credentials."""
        if self._configured() and threads(self.mysql) == ("Yes", "Yes"):
            return
        primary = self.system.until(
            self._primary, deadline_s=PRIMARY_DEADLINE_S, every_s=1, what=f"replica: writable primary at {self.source.host}"
        )
        local = look(self.mysql)
        extra = self.mysql.value("SELECT GTID_SUBTRACT(%s, %s)", local.executed, primary.executed)
        lost = self.mysql.value("SELECT GTID_SUBTRACT(%s, %s)", primary.purged, local.executed)
        if decide(local, primary, extra=extra, lost=lost) == "clone":
            self._clone(primary)
        self._follow()

    def _primary(self) -> Data | None:
        data = look(self.mysql.as_user(self.source))
        return data if data.cluster_id and not data.read_only else None

    def _configured(self) -> bool:
        """Compared with what mysqld has stored: the password is to be found nowhere else."""
        rows = self.mysql.rows(
            "SELECT host, port, user_name, user_password, ssl_ca, ssl_verify_server_cert,"
            " enabled_auto_position FROM mysql.slave_master_info WHERE channel_name = ''"
        )
        wanted = [self.source.host, self.source.port, self.source.user, self.source.password, MYSQL_CA, 1, 1]
        return bool(rows) and [_plain(value) for value in rows[0].values()] == wanted

    def _clone(self, primary: Data) -> None:
        """MySQL manual, "Cloning Remote Data": drops the local data, copies the primary's, restarts mysqld."""
        system, source = self.system, self.source
        system.log(f"replica: clone from {source.host}")
        self.mysql.rows("STOP REPLICA")
        self.mysql.rows("SET GLOBAL clone_valid_donor_list = %s", f"{source.host}:{source.port}")
        self.mysql.rows("SET GLOBAL clone_ssl_ca = %s", MYSQL_CA)  # without it the donor is not verified
        self.mysql.rows("SET GLOBAL read_only = OFF")
        try:
            self.mysql.rows(
                "CLONE INSTANCE FROM %s@%s:%s IDENTIFIED BY %s REQUIRE SSL",
                source.user,
                source.host,
                source.port,
                source.password,
                timeout_s=CLONE_DEADLINE_S,
            )
        except MysqlFailed as failed:
            if failed.code not in CLONED:
                self.mysql.rows("SET GLOBAL super_read_only = ON")
                raise Failed(f"replica: clone from {source.host}: {failed}") from None
            if failed.code == RESTART_FAILED:
                system.run("systemctl", "restart", "mysql", timeout_s=RESTART_DEADLINE_S)
        system.until(self._cloned, deadline_s=RESTART_DEADLINE_S, what="replica: mysqld with the cloned data")
        found = look(self.mysql).cluster_id
        if found != primary.cluster_id:
            raise Failed(f"replica: cloned database {found} instead of {primary.cluster_id}")
        self.mysql.rows("RESET REPLICA ALL")  # relay logs of the data that was here

    def _cloned(self) -> bool:
        # The mysqld of before the restart was made writable above; the one after it starts read-only.
        if not self.mysql.value("SELECT @@global.super_read_only"):
            return False
        status = self.mysql.rows(
            "SELECT state AS state, error_no AS error_no, error_message AS error_message FROM performance_schema.clone_status"
        )
        if status and status[0]["state"] == "Failed":
            raise Failed(f"{status[0]['error_message']} ({status[0]['error_no']})")
        return bool(status) and status[0]["state"] == "Completed"

    def _follow(self) -> None:
        source = self.source
        self.system.log(f"replica: follow {source.host}")
        self.mysql.rows("STOP REPLICA")
        self.mysql.rows(
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST = %s, SOURCE_PORT = %s, SOURCE_USER = %s, SOURCE_PASSWORD = %s,"
            " SOURCE_SSL = 1, SOURCE_SSL_CA = %s, SOURCE_SSL_VERIFY_SERVER_CERT = 1, SOURCE_AUTO_POSITION = 1,"
            " SOURCE_CONNECT_RETRY = 2, SOURCE_RETRY_COUNT = 0, SOURCE_HEARTBEAT_PERIOD = 1",  # 0: never give up
            source.host,
            source.port,
            source.user,
            source.password,
            MYSQL_CA,
        )
        self.mysql.rows("START REPLICA")
        self.mysql.rows("SET GLOBAL super_read_only = ON")
        self.system.until(self._running, deadline_s=FOLLOW_DEADLINE_S, what=f"replica: replication from {source.host}")

    def _running(self) -> bool:
        if threads(self.mysql) == ("Yes", "Yes"):
            return True
        status = replica_status(self.mysql) or {}
        raise Failed(status.get("Last_IO_Error") or status.get("Last_SQL_Error") or "its threads are not running yet")


def replica_status(mysql: Mysql, timeout_s: float = 5) -> dict[str, Any] | None:
    """SHOW REPLICA STATUS of the one channel, None on a server that follows nobody."""
    return next(iter(mysql.rows("SHOW REPLICA STATUS", timeout_s=timeout_s)), None)


def threads(mysql: Mysql) -> tuple[str, str] | None:
    """(receiver, applier): Yes, No or Connecting each."""
    status = replica_status(mysql)
    return (status["Replica_IO_Running"], status["Replica_SQL_Running"]) if status else None


def _plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
