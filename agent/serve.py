"""`agent serve`, the unit agent.service: answers on port 9200, and keeps the database open where it belongs."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable

from . import roles
from .endpoints import Server
from .health import Health, installed
from .mysql import Login, Mysql
from .observer import Observer
from .primary import open_for_writes
from .roles import Answer, Look
from .state import State
from .system import Failed, System

ADDRESS = ("0.0.0.0", 9200)  # the firewall decides who gets here
PERIOD_S = 0.5


def serve(system: System) -> None:
    """Never returns. Raises Failed when the port is taken."""
    mysql = Mysql(Login())
    observer = Observer(system, mysql)
    health = Health(system, observer.look)
    database = DatabaseRole(system, mysql, observer)
    routes = {"/health": health.answer, "/primary": database.primary, "/replica": database.replica}
    try:
        server = Server(ADDRESS, routes)
    except OSError as error:
        raise Failed(f"port {ADDRESS[1]}: {error}") from None
    if installed(system).database:
        for run in (observer.run, database.run):
            threading.Thread(target=run, daemon=True).start()
    notify_ready()
    server.serve_forever()


class DatabaseRole:
    """This server's database as the balancers see it; opened again after a restart of mysqld or of the server."""

    def __init__(self, system: System, mysql: Mysql, observer: Observer) -> None:
        self._system, self._mysql, self._observer = system, mysql, observer

    def primary(self) -> Answer:
        return self._answer(roles.primary)

    def replica(self) -> Answer:
        return self._answer(roles.replica)

    def _answer(self, role: Callable[..., Answer]) -> Answer:
        try:
            manifest = installed(self._system)
        except Failed as failed:
            return Answer(ok=False, body={"error": str(failed)})
        if not manifest.database:
            return Answer(ok=False, body={"server": manifest.server, "error": "this server has no database"})
        return role(self._observer.look(), server=manifest.server, database=manifest.database)

    def run(self) -> None:
        """For ever; in a thread of its own."""
        while True:
            try:
                self.keep()
            except Failed as failed:
                self._system.log(f"database: {failed}")
            self._system.sleep(PERIOD_S)

    def keep(self) -> None:
        """One look, and what follows from it."""
        manifest, look = installed(self._system), self._observer.look()
        found = State.load(self._system).cluster_id
        if roles.may_open(look, server=manifest.server, database=manifest.database, cluster_id=found):
            self._system.log("database: open for writes")
            open_for_writes(self._mysql)
        elif manifest.database.replication == "semi-sync" and _is_writable(look):
            self._wait_for_replica_from_now_on()

    def _wait_for_replica_from_now_on(self) -> None:
        """Semi-synchronous as soon as there is somebody to wait for: before, the first write would wait for nobody."""
        if self._mysql.value("SELECT @@global.rpl_semi_sync_source_enabled"):
            return
        clients = self._mysql.rows("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_source_clients'")
        if clients and int(clients[0]["Value"]) > 0:
            self._system.log("database: semi-synchronous from now on")
            self._mysql.rows("SET GLOBAL rpl_semi_sync_source_enabled = ON")


def _is_writable(look: Look) -> bool:
    return look.error is None and not look.read_only


def notify_ready() -> None:
    """Tell systemd that the port is open (sd_notify(3)); nothing when systemd does not ask."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.connect(address.replace("@", "\0", 1) if address.startswith("@") else address)
            client.send(b"READY=1")
