"""Two MySQL servers of a few sentences each: just enough of their behaviour that the agent's whole sequences can be run on them.

A transaction's source is the letter of the server that made it: "a:1-2,b:1".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from agent.lease import gtid
from agent.mysql import Login, MysqlFailed, Row

READS = ("SELECT", "SHOW")


@dataclass
class Server:
    name: str
    executed: str = ""
    schemas: set[str] = field(default_factory=set)
    cluster_id: str | None = None
    read_only: int = 1
    super_read_only: int = 1
    users: dict[str, list[str]] = field(default_factory=dict)  # name: passwords, the retained one last
    grants: set[tuple[str, str]] = field(default_factory=set)
    setups: set[str] = field(default_factory=set)
    source: dict[str, Any] | None = None
    threads: tuple[str, str] = ("No", "No")
    root_plugin: str = "auth_socket"
    up: bool = True
    lag: int | None = 0
    semisync: int = 0


class World:
    def __init__(self, peers: dict[str, str]) -> None:
        self.addresses = {address: name for name, address in peers.items()}
        self.servers = {name: Server(name) for name in ("web-a", "web-b")}
        self.here = "web-a"
        self.writes: list[str] = []  # every statement that is no question, as it would be sent
        self.clones: dict[str, Server] = {}  # whose data a folder has
        self.clone_error: MysqlFailed | None = None

    @property
    def local(self) -> Server:
        return self.servers[self.here]

    def created(self, name: str = "web-a") -> Server:
        """A primary as the agent leaves it."""
        server = self.servers[name]
        server.executed, server.cluster_id, server.schemas = "a:1-2", "cluster-1", {"distributed_web", "notes"}
        server.users = {"app": ["app-pw"], "replication": ["replication-pw"]}
        server.grants = {("app", "notes"), ("replication", "distributed_web"), ("replication", "CLONE_ADMIN")}
        server.read_only = server.super_read_only = 0
        return server

    def query(self, login: Login, sql: str, args: tuple, timeout_s: float) -> list[Row]:
        server = self._reach(login)
        text = _text(sql, args)
        if not text.startswith(READS):
            self.writes.append(text)
        for pattern, answer in ANSWERS:
            if match := re.match(pattern, text):
                found = answer(self, server, *match.groups())
                return found if isinstance(found, list) else [] if found is None else [{"value": found}]
        raise AssertionError(f"the world does not know: {text}")

    def _reach(self, login: Login) -> Server:
        name = self.here if login.host in (None, "127.0.0.1") else self.addresses[login.host]
        if login.port == 3307:
            name = next((other for other, server in self.servers.items() if not server.read_only), "none")
        server = self.servers.get(name)
        if server is None or not server.up:
            raise MysqlFailed(2003, f"mysql on {login}: Connection refused (2003)")
        if login.host and login.password not in server.users.get(login.user, []):
            raise MysqlFailed(1045, f"mysql on {login}: Access denied for user '{login.user}' (1045)")
        return server


def _text(sql: str, args: tuple) -> str:
    quoted = tuple(str(arg) if isinstance(arg, int) else f"'{arg}'" for arg in args)
    return re.sub(r"\s+", " ", sql % quoted if args else sql)


def _write(server: Server) -> None:
    if server.super_read_only:
        raise MysqlFailed(1290, "mysql: running with the --super-read-only option (1290)")
    server.executed = gtid.union(server.executed, f"{server.name[-1]}:{gtid.count(server.executed) + 1}")


def _user(_: World, server: Server, name: str, password: str) -> None:
    _write(server)
    server.users[name] = [password]


def _password(_: World, server: Server, name: str, password: str) -> None:
    _write(server)
    server.users[name] = [password, server.users[name][0]]


def _grant(_: World, server: Server, what: str, on: str, name: str) -> None:
    _write(server)
    server.grants.add((name, "CLONE_ADMIN" if "CLONE_ADMIN" in what else on.split(".")[0].strip("`")))


def _schema(_: World, server: Server, name: str) -> None:
    _write(server)
    server.schemas.add(name)


def _cluster(_: World, server: Server, cluster_id: str) -> None:
    _write(server)
    server.cluster_id = server.cluster_id or cluster_id


def _setup(_: World, server: Server, release: str) -> None:
    _write(server)
    server.setups.add(release)


def _set(_: World, server: Server, name: str, value: str) -> None:
    on = int(value == "ON")
    if name == "super_read_only":
        server.super_read_only = on
        server.read_only = 1 if on else server.read_only
    elif name == "read_only":
        server.read_only = on
        server.super_read_only = server.super_read_only if on else 0
    elif name == "rpl_semi_sync_source_enabled":
        server.semisync = on


def _clone(world: World, _: Server, user: str, host: str, directory: str) -> None:
    """The donor's data beside the server's own; who serves it is not known here."""
    if world.clone_error:
        raise world.clone_error
    world.clones[directory] = world.servers[world.addresses[host]]


def _change_source(_: World, server: Server, *values: str) -> None:
    names = ("host", "port", "user_name", "user_password", "ssl_ca")
    server.source = dict(zip(names, values, strict=True)) | {"ssl_verify_server_cert": 1, "enabled_auto_position": 1}
    server.source["port"] = int(server.source["port"])


def _start(world: World, server: Server) -> None:
    source = world.servers[world.addresses[server.source["host"]]]
    accepted = server.source["user_password"] in source.users.get(server.source["user_name"], [])
    server.threads = ("Yes" if source.up and accepted else "Connecting", "Yes")
    if accepted and source.up:
        server.executed, server.setups = source.executed, source.setups


def _stop(_: World, server: Server) -> None:
    server.threads = ("No", "No")


def _status(_: World, server: Server) -> list[Row]:
    if not server.source:
        return []
    error = "" if server.threads[0] == "Yes" else "error connecting to source"
    receiving, applying = server.threads
    return [
        {
            "Source_Host": server.source["host"],
            "Retrieved_Gtid_Set": "",
            "Replica_IO_Running": receiving,
            "Replica_SQL_Running": applying,
            "Seconds_Behind_Source": server.lag,
            "Last_IO_Error": error,
            "Last_SQL_Error": "",
        }
    ]


ANSWERS = [
    (r"SELECT 1$", lambda w, s: 1),
    (r"SELECT @@global.gtid_executed$", lambda w, s: s.executed.replace(",", ",\n")),
    (r"SELECT @@global.super_read_only", lambda w, s: s.super_read_only),
    (r"SELECT @@global.read_only", lambda w, s: s.read_only),
    (r"SELECT @@global.rpl_semi_sync_source_enabled", lambda w, s: s.semisync),
    (r"SELECT schema_name AS name", lambda w, s: [{"name": name} for name in sorted(s.schemas | {"mysql", "sys"})]),
    (r"SELECT 1 FROM information_schema.schemata WHERE schema_name = '(\w+)'", lambda w, s, n: 1 if n in s.schemas else None),
    (r"SELECT COUNT\(\*\) FROM information_schema.tables", lambda w, s: int(s.cluster_id is not None)),
    (r"SELECT cluster_id FROM", lambda w, s: s.cluster_id),
    (r"SELECT host FROM performance_schema", lambda w, s: s.source["host"] if s.source else None),
    (r"SELECT plugin FROM mysql.user", lambda w, s: s.root_plugin),
    (r"SELECT 1 FROM information_schema.plugins", lambda w, s: None),
    (r"SELECT 1 FROM mysql.user WHERE user = '(\w+)'", lambda w, s, n: 1 if n in s.users else None),
    (r"SELECT 1 FROM mysql.db WHERE user = '(\w+)' AND db = '(\w+)'", lambda w, s, n, d: 1 if (n, d) in s.grants else None),
    (r"SELECT 1 FROM mysql.global_grants WHERE user = '(\w+)'", lambda w, s, n: 1 if (n, "CLONE_ADMIN") in s.grants else None),
    (r"SELECT 1 FROM distributed_web.setup WHERE release_id = '(\w+)'", lambda w, s, r: 1 if r in s.setups else None),
    (r"SELECT host, port, user_name", lambda w, s: [s.source] if s.source else []),
    (r"SHOW REPLICA STATUS", _status),
    (r"CREATE DATABASE (?:IF NOT EXISTS )?`?(\w+)`?", _schema),
    (r"CREATE TABLE", lambda w, s: _write(s)),
    (r"INSERT IGNORE INTO distributed_web.cluster .* VALUES \('(.*)'\)", _cluster),
    (r"INSERT INTO distributed_web.setup .* VALUES \('(\w+)'\)", _setup),
    (r"CREATE USER '(\w+)'@'%' IDENTIFIED WITH caching_sha2_password BY '(.*)' REQUIRE SSL", _user),
    (r"ALTER USER '(\w+)'@'%' IDENTIFIED BY '(.*)' RETAIN CURRENT PASSWORD", _password),
    (r"ALTER USER root@localhost", lambda w, s: setattr(s, "root_plugin", "auth_socket")),
    (r"INSTALL PLUGIN", lambda w, s: _write(s)),
    (r"GRANT (.*) ON (\S+) TO '(\w+)'@'%'", _grant),
    (r"SET GLOBAL (\w+) = (\S+)", _set),
    (r"CLONE INSTANCE FROM '(\w+)'@'(\S+)':3306 IDENTIFIED BY '\S+' DATA DIRECTORY = '(\S+)' REQUIRE SSL", _clone),
    (
        r"CHANGE REPLICATION SOURCE TO SOURCE_HOST = '(\S+)', SOURCE_PORT = (\d+), SOURCE_USER = '(\S+)',"
        r" SOURCE_PASSWORD = '(\S+)', SOURCE_SSL = 1, SOURCE_SSL_CA = '(\S+)'",
        _change_source,
    ),
    (r"START REPLICA", _start),
    (r"STOP REPLICA", _stop),
    (r"RESET REPLICA ALL", lambda w, s: setattr(s, "source", None)),
]
