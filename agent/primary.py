"""The primary's database: created once for the cluster, its accounts, opened for writes.

Every statement here is replicated: accounts and data reach the others by CLONE and replication only, so no server
ever has a transaction of its own.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .manifest import Database
from .mysql import ACCESS_DENIED, SCHEMA, Data, Login, Mysql, MysqlFailed, look
from .system import Failed, System

if TYPE_CHECKING:  # boto3 is half a second that `serve` has no use for
    from .store import Item, Store

RECORD = "database"  # of the cluster's table: which database is ours, whatever volumes come and go
FIRST = "attribute_not_exists(id) OR cluster_id = :cluster"
APP = "app"
REPLICATION = "replication"
Step = Literal["create", "adopt", "open"]


def decide(data: Data, record: Item | None, server: str) -> Step:
    """What the server named primary does with the data it finds. Raises Failed when opening it could lose or split data."""
    if data.follows:
        raise Failed(
            f"database: {server} is named primary but follows {data.follows}, which may still take writes; "
            f"set database.primary back"
        )
    if record is None:
        if data.cluster_id:
            return "adopt"
        if data.empty:
            return "create"
        raise Failed(
            f"database: the data of {server} was not made by this stack (schemas {', '.join(data.schemas)}); "
            "give it an empty volume or one of its own"
        )
    if data.cluster_id == record["cluster_id"]:
        return "open" if record["state"] == "created" else "create"
    if data.cluster_id is None and record["state"] == "creating" and record["server"] == server:
        return "create"
    have = f"holds database {data.cluster_id}" if data.cluster_id else "holds no database of this stack"
    raise Failed(
        f"database: {server} is named primary but {have}, while {record['cluster_id']} was created on "
        f"{record['server']}; an empty or foreign volume is never opened: set database.primary to the server "
        "that has the data, or give it its volume back"
    )


@dataclass(frozen=True, kw_only=True)
class Primary:
    system: System
    store: Store
    mysql: Mysql  # root on the socket
    server: str
    address: str
    database: Database
    passwords: Mapping[str, str]  # of APP and REPLICATION

    def converge(self) -> None:
        """Create what is missing, set changed passwords, open. Does nothing to a database that is as it should be."""
        data = look(self.mysql)
        record = self.store.item(RECORD)
        step = decide(data, record, self.server)
        if step == "create":
            self._create(str(record["cluster_id"]) if record else str(uuid.uuid4()))
        elif step == "adopt":
            self.system.log(f"database: adopt {data.cluster_id}")
            if not self._register(str(data.cluster_id), "created", "attribute_not_exists(id)"):
                raise Failed("database: another server registered one meanwhile; see the cluster's table")
        self._root()
        self._accounts()
        if look(self.mysql).read_only:
            self.system.log("database: open for writes")
            open_for_writes(self.mysql)

    def _create(self, cluster_id: str) -> None:
        self.system.log(f"database: create {self.database.name}, cluster {cluster_id}")
        # Registered before anything exists: a second server named primary meanwhile cannot make another one.
        if not self._register(cluster_id, "creating", FIRST, cluster=cluster_id):
            raise Failed("database: another server is creating it; see the cluster's table")
        self._write(f"CREATE DATABASE IF NOT EXISTS {SCHEMA}")
        self._write(
            f"CREATE TABLE IF NOT EXISTS {SCHEMA}.cluster (only_row TINYINT PRIMARY KEY DEFAULT 1,"
            " cluster_id CHAR(36) NOT NULL, CHECK (only_row = 1))"
        )
        self._write(
            f"CREATE TABLE IF NOT EXISTS {SCHEMA}.setup (release_id CHAR(16) PRIMARY KEY, at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)"
        )
        self._write(f"INSERT IGNORE INTO {SCHEMA}.cluster (cluster_id) VALUES (%s)", cluster_id)
        self._register(cluster_id, "created", "cluster_id = :cluster", cluster=cluster_id)

    def _register(self, cluster_id: str, state: str, condition: str, **compared: str) -> bool:
        return self.store.put(RECORD, {"cluster_id": cluster_id, "server": self.server, "state": state}, condition, **compared)

    def _root(self) -> None:
        """root is whoever is root on the server, never somebody who knows an (empty) password."""
        plugin = self.mysql.value("SELECT plugin FROM mysql.user WHERE user = 'root' AND host = 'localhost'")
        if plugin != "auth_socket":
            if not self.mysql.value("SELECT 1 FROM information_schema.plugins WHERE plugin_name = 'auth_socket'"):
                self._write("INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'")
            self._write("ALTER USER root@localhost IDENTIFIED WITH auth_socket")

    def _accounts(self) -> None:
        name = self.database.name
        if not self.mysql.value("SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", name):
            self._write(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
        self._account(APP)
        if not self._granted(APP, name):
            self._write(f"GRANT ALL ON `{name}`.* TO %s@'%%'", APP)
        self._account(REPLICATION)
        if not self.mysql.value("SELECT 1 FROM mysql.global_grants WHERE user = %s AND priv = 'CLONE_ADMIN'", REPLICATION):
            self._write("GRANT REPLICATION SLAVE, BACKUP_ADMIN, CLONE_ADMIN ON *.* TO %s@'%%'", REPLICATION)
        if not self._granted(REPLICATION, SCHEMA):
            self._write(f"GRANT SELECT ON {SCHEMA}.* TO %s@'%%'", REPLICATION)

    def _granted(self, user: str, schema: str) -> bool:
        return bool(self.mysql.value("SELECT 1 FROM mysql.db WHERE user = %s AND db = %s", user, schema))

    def _account(self, user: str) -> None:
        """One with another password keeps the old one beside the new: servers that have not taken this release yet
        still log in with it (MySQL manual, "Dual Password Support")."""
        password = self.passwords[user]
        if not self.mysql.value("SELECT 1 FROM mysql.user WHERE user = %s AND host = '%%'", user):
            self._write("CREATE USER %s@'%%' IDENTIFIED WITH caching_sha2_password BY %s REQUIRE SSL", user, password)
            return
        try:
            self.mysql.as_user(Login(host=self.address, user=user, password=password)).value("SELECT 1")
        except MysqlFailed as failed:
            if failed.code != ACCESS_DENIED:
                raise
            self.system.log(f"database: new password for {user}")
            self._write("ALTER USER %s@'%%' IDENTIFIED BY %s RETAIN CURRENT PASSWORD", user, password)

    def _write(self, sql: str, *args: str) -> None:
        # Root may write through read_only, not through super_read_only; nobody else can until the end.
        if self.mysql.value("SELECT @@global.super_read_only"):
            self.mysql.rows("SET GLOBAL super_read_only = OFF")
        self.mysql.rows(sql, *args)


def open_for_writes(mysql: Mysql) -> None:
    """MySQL starts read-only whatever happened before; opening it is the one act that makes it the primary."""
    mysql.rows("SET GLOBAL super_read_only = OFF")
    mysql.rows("SET GLOBAL read_only = OFF")
