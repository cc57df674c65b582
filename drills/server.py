"""One server as drills see it: its processes, files, roles and MySQL.

Asked from outside the machine: an agent through a socket made in its machine's network namespace, MySQL through its local
socket below /proc/<pid>/root. So a question starts nothing inside, and a machine that hangs holds nobody.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from dataclasses import dataclass
from pathlib import Path

import pymysql

from local.host import namespaces
from local.host.machine import Machine

AGENT_PORT, ROLES_PORT = 9200, 9201
LOCAL_S = 0.5  # for an answer from inside a machine


@dataclass(frozen=True, kw_only=True)
class Server:
    name: str
    address: str
    machine: Machine
    netns: str
    router: str  # the VPC's namespace
    port: str  # where the machine is plugged in, there

    @property
    def instance_id(self) -> str:
        return self.machine.spec.instance_id

    @property
    def root(self) -> Path:
        """Of its file system, as this computer sees it. OSError: it does not run."""
        if leader := self.machine.leader_pid():
            return Path(f"/proc/{leader}/root")
        raise OSError(f"{self.name} does not run")

    def pids(self, unit: str) -> list[int]:
        """The processes of a systemd service in it, as this computer numbers them."""
        return list(self.machine.cgroup.pids(service=unit))

    def health(self) -> dict:
        """Its checks, as its agent has them; empty when that does not answer, as in all three."""
        return self.get(AGENT_PORT, "/health")

    def role(self) -> dict:
        """What it says of its database: role, lag_s and more."""
        return self.get(ROLES_PORT, "/replica")

    def lease(self) -> dict:
        """The lease as it sees it: record, holds and more."""
        return self.get(ROLES_PORT, "/lease")

    def get(self, port: int, path: str) -> dict:
        try:
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=LOCAL_S)) as connection:
                connection.sock = self.connected(port)
                connection.request("GET", path)
                return json.loads(connection.getresponse().read())
        except (OSError, namespaces.NetworkError, http.client.HTTPException, ValueError):
            return {}

    def connected(self, port: int) -> socket.socket:
        """To a port on the machine's own loopback."""
        return namespaces.inside(self.netns, lambda: socket.create_connection(("127.0.0.1", port), LOCAL_S))

    def mysql(self, timeout_s: float = LOCAL_S) -> pymysql.Connection:
        """As root on the local socket. OSError or pymysql.MySQLError: it does not let us in."""
        return pymysql.connect(
            unix_socket=str(self.root / "run/mysqld/mysqld.sock"),
            user="root",
            # PyMySQL loads the system's certificates for every connection, also for one that is refused: 40 ms of a processor,
            # 20 times a second, in the very seconds in which a mysqld wants to start.
            ssl_disabled=True,
            autocommit=True,
            connect_timeout=timeout_s,
            read_timeout=timeout_s,
            write_timeout=timeout_s,
        )

    def query(self, sql: str, timeout_s: float = 30) -> list[tuple]:
        with self.mysql(timeout_s) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())
