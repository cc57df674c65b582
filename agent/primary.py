"""The primary's database: created once for the cluster, with the first lease; and its accounts.

Every statement here is replicated: accounts and data reach the others by CLONE and replication only, so no server
ever has a transaction of its own.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .lease import record as leases
from .mysql import ACCESS_DENIED, SCHEMA, Data, Login, Mysql, MysqlFailed, look
from .system import Failed, System

if TYPE_CHECKING:  # boto3 is half a second that other verbs have no use for
    from .store import Item, Store

RECORD = "database"  # of the cluster's table: which database is ours, whatever volumes come and go
LEASE = "lease"
FIRST = "attribute_not_exists(id) OR cluster_id = :cluster"
APP = "app"
REPLICATION = "replication"
Step = Literal["create", "adopt"]


def decide(data: Data, record: Item | None, server: str, *, adopted: bool) -> Step:
    """What the server named primary does with the data it finds while there is no lease yet; `adopted`: it is to have some.
    Raises Failed when going on could lose or split data."""
    if data.follows:
        raise Failed(f"database: {server} is named primary but follows {data.follows}; set database.primary to that server")
    if record is None:
        if data.cluster_id and adopted:
            return "adopt"
        if data.cluster_id:  # the table was lost, and whoever wrote last may be another server
            raise Failed(
                f"database: {server} holds database {data.cluster_id}, of which the cluster's table knows nothing; put its "
                "items back (README.md, When something is lost), or name the volumes in database.volumes to begin with this one"
            )
        if data.empty:
            return "create"
        raise Failed(
            f"database: the data of {server} was not made by this stack (schemas {', '.join(data.schemas)}); "
            "give it an empty volume or one of its own"
        )
    if record["state"] == "created":
        raise Failed(
            f"database: {record['cluster_id']} was created on {record['server']}, but the table's item {LEASE!r} is missing: "
            "who wrote last is not known; put it back (README.md, When something is lost)"
        )
    if data.cluster_id == record["cluster_id"] or (data.cluster_id is None and record["server"] == server):
        return "create"
    have = f"holds database {data.cluster_id}" if data.cluster_id else "holds no database of this stack"
    raise Failed(
        f"database: {server} is named primary but {have}, while {record['cluster_id']} is being created on "
        f"{record['server']}; an empty or foreign volume is never opened: set database.primary to the server "
        "that has the data, or give it its volume back"
    )


@dataclass(frozen=True, kw_only=True)
class Creation:
    """The very first start: the only one that makes a lease. `boot_nonce`: of this server's failover unit, which opens then."""

    system: System
    store: Store
    mysql: Mysql  # root on the socket
    server: str
    members: tuple[str, ...]
    ttl_s: int
    boot_nonce: str
    adopted: bool  # the volume comes from before this stack

    def run(self) -> None:
        """Safe to repeat after any interruption."""
        data, record = look(self.mysql), self.store.item(RECORD)
        if decide(data, record, self.server, adopted=self.adopted) == "adopt":
            self.system.log(f"database: adopt {data.cluster_id}")
            cluster_id = str(data.cluster_id)
        else:
            cluster_id = str(record["cluster_id"]) if record else str(uuid.uuid4())
            self._create(cluster_id)
        self._lease(cluster_id)
        if not self._register(cluster_id, "created", FIRST, cluster=cluster_id):
            raise Failed("database: another server registered one meanwhile; see the cluster's table")

    def _create(self, cluster_id: str) -> None:
        self.system.log(f"database: create, cluster {cluster_id}")
        # Registered before anything exists: a second server named primary meanwhile cannot make another one.
        if not self._register(cluster_id, "creating", FIRST, cluster=cluster_id):
            raise Failed("database: another server is creating it; see the cluster's table")
        # Root may write through read_only, not through super_read_only; nobody else can.
        self.mysql.rows("SET GLOBAL super_read_only = OFF")
        for sql in SCHEMA_STATEMENTS:
            self.mysql.rows(sql)
        self.mysql.rows(f"INSERT IGNORE INTO {SCHEMA}.cluster (cluster_id) VALUES (%s)", cluster_id)

    def _lease(self, cluster_id: str) -> None:
        first = leases.Record(
            cluster_id=cluster_id,
            members=self.members,
            holder=self.server,
            boot_nonce=self.boot_nonce,
            epoch=0,
            counter=0,
            ttl_s=self.ttl_s,
            failover=False,
            sync=False,
            gtid_executed=look(self.mysql).executed,
            published_at_counter=0,
        )
        if not self.store.put(LEASE, first.to_item(), "attribute_not_exists(id)"):
            self.system.log("database: the lease was made by an earlier attempt")

    def _register(self, cluster_id: str, state: str, condition: str, **compared: str) -> bool:
        return self.store.put(RECORD, {"cluster_id": cluster_id, "server": self.server, "state": state}, condition, **compared)


SCHEMA_STATEMENTS = (
    f"CREATE DATABASE IF NOT EXISTS {SCHEMA}",
    f"CREATE TABLE IF NOT EXISTS {SCHEMA}.cluster (only_row TINYINT PRIMARY KEY DEFAULT 1,"
    " cluster_id CHAR(36) NOT NULL, CHECK (only_row = 1))",
    f"CREATE TABLE IF NOT EXISTS {SCHEMA}.setup (release_id CHAR(16) PRIMARY KEY, at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)",
)


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """Who may log in, converged on the primary for whichever server takes a release. Does nothing when all is as it should be."""

    system: System
    mysql: Mysql  # root on the primary's socket
    address: str  # the primary's own, to try a password as its user would
    name: str  # of the application's schema
    passwords: Mapping[str, str]  # of APP and REPLICATION

    def converge(self) -> None:
        self._root()
        name = self.name
        if not self.mysql.value("SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", name):
            self.mysql.rows(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
        self._account(APP)
        if not self._granted(APP, name):
            self.mysql.rows(f"GRANT ALL ON `{name}`.* TO %s@'%%'", APP)
        self._account(REPLICATION)
        if not self.mysql.value("SELECT 1 FROM mysql.global_grants WHERE user = %s AND priv = 'CLONE_ADMIN'", REPLICATION):
            self.mysql.rows("GRANT REPLICATION SLAVE, BACKUP_ADMIN, CLONE_ADMIN ON *.* TO %s@'%%'", REPLICATION)
        if not self._granted(REPLICATION, SCHEMA):
            # Whichever server runs a release's set-up notes it, through the way that leads to the primary.
            self.mysql.rows(f"GRANT SELECT, INSERT ON {SCHEMA}.* TO %s@'%%'", REPLICATION)

    def _root(self) -> None:
        """root is whoever is root on the server, never somebody who knows an (empty) password."""
        plugin = self.mysql.value("SELECT plugin FROM mysql.user WHERE user = 'root' AND host = 'localhost'")
        if plugin != "auth_socket":
            if not self.mysql.value("SELECT 1 FROM information_schema.plugins WHERE plugin_name = 'auth_socket'"):
                self.mysql.rows("INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'")
            self.mysql.rows("ALTER USER root@localhost IDENTIFIED WITH auth_socket")

    def _granted(self, user: str, schema: str) -> bool:
        return bool(self.mysql.value("SELECT 1 FROM mysql.db WHERE user = %s AND db = %s", user, schema))

    def _account(self, user: str) -> None:
        """One with another password keeps the old one beside the new: servers that have not taken this release yet
        still log in with it (MySQL manual, "Dual Password Support")."""
        password = self.passwords[user]
        if not self.mysql.value("SELECT 1 FROM mysql.user WHERE user = %s AND host = '%%'", user):
            self.mysql.rows("CREATE USER %s@'%%' IDENTIFIED WITH caching_sha2_password BY %s REQUIRE SSL", user, password)
            return
        try:
            self.mysql.as_user(Login(host=self.address, user=user, password=password)).value("SELECT 1")
        except MysqlFailed as failed:
            if failed.code != ACCESS_DENIED:
                raise
            self.system.log(f"database: new password for {user}")
            self.mysql.rows("ALTER USER %s@'%%' IDENTIFIED BY %s RETAIN CURRENT PASSWORD", user, password)
