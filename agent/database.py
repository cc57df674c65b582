"""MySQL's part of an apply: which role this server has, and what the application may rely on before it is set up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import primary, replication
from .manifest import Manifest
from .mysql import SCHEMA, Login, Mysql, cluster_id
from .system import Failed, System

if TYPE_CHECKING:  # boto3 is half a second that `serve` has no use for
    from .store import Store

PASSWORDS = "/etc/distributed-web/database"
START_DEADLINE_S = 120
WRITE_PORT = 3307  # this server's HAProxy, to whichever MySQL is the primary
ROUTE_DEADLINE_S = 60
SETUP_DEADLINE_S = 900


@dataclass(frozen=True, kw_only=True)
class LocalDatabase:
    system: System
    store: Store
    mysql: Mysql  # root on the socket
    manifest: Manifest

    @property
    def is_primary(self) -> bool:
        return self.manifest.server == self.manifest.database.primary

    def converge(self) -> str:
        """Wait for mysqld, give it its role, return which database it holds. Changes nothing when it has its role."""
        self.system.until(lambda: self.mysql.value("SELECT 1"), deadline_s=START_DEADLINE_S, what="mysqld")
        if self.is_primary:
            self._primary().converge()
        else:
            self._replica().converge()
        return cluster_id(self.mysql)

    def _primary(self) -> primary.Primary:
        passwords = {user: self._password(user) for user in (primary.APP, primary.REPLICATION)}
        return primary.Primary(
            system=self.system,
            store=self.store,
            mysql=self.mysql,
            server=self.manifest.server,
            address=self.manifest.peers[self.manifest.server],
            database=self.manifest.database,
            passwords=passwords,
        )

    def _replica(self) -> replication.Replica:
        source = Login(
            host=self.manifest.peers[self.manifest.database.primary],
            user=primary.REPLICATION,
            password=self._password(primary.REPLICATION),
        )
        return replication.Replica(system=self.system, mysql=self.mysql, source=source)

    def wait_for_route(self) -> None:
        """Until the application's own way to the primary works: account, certificate, balancer and role at once."""
        app = self.mysql.as_user(Login(host="127.0.0.1", port=WRITE_PORT, user=primary.APP, password=self._password(primary.APP)))
        self.system.until(
            lambda: app.value("SELECT @@global.read_only") == 0,
            deadline_s=ROUTE_DEADLINE_S,
            what=f"writable database at 127.0.0.1:{WRITE_PORT}",
        )

    def is_set_up(self) -> bool:
        """Whether the release's set-up has run. Kept with the data, so that it is true on every copy and after a restore."""
        return bool(self.mysql.value(f"SELECT 1 FROM {SCHEMA}.setup WHERE release_id = %s", self.manifest.release))

    def record_set_up(self) -> None:
        self.mysql.rows(f"INSERT INTO {SCHEMA}.setup (release_id) VALUES (%s)", self.manifest.release)

    def wait_until_set_up(self) -> None:
        self.system.until(
            self.is_set_up,
            deadline_s=SETUP_DEADLINE_S,
            every_s=1,
            what=f"set-up of release {self.manifest.release} by {self.manifest.database.primary}",
        )

    def _password(self, user: str) -> str:
        path = f"{PASSWORDS}/{user}.password"
        try:
            return self.system.path(path).read_text()
        except OSError as error:
            raise Failed(f"{path}: {error}; the manifest's secrets must bring it") from None
