"""MySQL's part of an apply: the first start, the accounts, and what the application may rely on before it is set up.

Which server is the primary is the lease's affair: the failover unit opens, follows and clones by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import primary
from .manifest import Manifest
from .mysql import SCHEMA, Login, Mysql
from .system import Failed, System

if TYPE_CHECKING:  # boto3 is half a second that other verbs have no use for
    from .store import Store

PASSWORDS = "/etc/distributed-web/database"
START_DEADLINE_S = 120
ROLE_DEADLINE_S = 900  # at first boot the primary's server is still installing its packages
WRITE_PORT = 3307  # this server's HAProxy, to whichever MySQL is the primary
ROUTE_DEADLINE_S = 60
SETUP_DEADLINE_S = 900


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The failover units, as an apply talks to them. `lease`: this server's, see `operator.lease`."""

    members: tuple[str, ...]
    ttl_s: int
    lease: Callable[[], dict[str, Any]]
    accounts: Callable[[str, dict[str, Any]], object]  # asked of the server named first; raises Failed


@dataclass(frozen=True, kw_only=True)
class LocalDatabase:
    system: System
    store: Store
    mysql: Mysql  # root on the socket
    manifest: Manifest
    cluster: Callable[[], Cluster]  # known once the release's files are there

    def converge(self) -> None:
        """Wait for mysqld and for its role; the server named primary creates the database when there is none anywhere."""
        self.system.until(lambda: self.mysql.value("SELECT 1"), deadline_s=START_DEADLINE_S, what="mysqld")
        cluster = self.cluster()
        self.system.until(cluster.lease, deadline_s=START_DEADLINE_S, what="failover unit")
        if self.manifest.server == self.manifest.database.primary and self.store.item(primary.LEASE) is None:
            self._create(cluster)
        self.system.until(lambda: self._role(cluster), deadline_s=ROLE_DEADLINE_S, what="database: primary or replica")
        self.system.until(lambda: self._accounts(cluster), deadline_s=ROUTE_DEADLINE_S, what="database: accounts")

    def _create(self, cluster: Cluster) -> None:
        primary.Creation(
            system=self.system,
            store=self.store,
            mysql=self.mysql,
            server=self.manifest.server,
            members=cluster.members,
            ttl_s=cluster.ttl_s,
            boot_nonce=cluster.lease()["boot_nonce"],
            adopted=self.manifest.database.adopted,
        ).run()

    def _role(self, cluster: Cluster) -> bool:
        seen = cluster.lease()
        if seen["role"] in ("primary", "replica"):
            return True
        raise Failed(seen["alarm"] or seen["error"] or "no role yet")

    def _accounts(self, cluster: Cluster) -> bool:
        record = cluster.lease()["record"]
        if record is None:
            raise Failed("the lease was not read yet")
        passwords = {user: self._password(user) for user in (primary.APP, primary.REPLICATION)}
        cluster.accounts(record["holder"], {"name": self.manifest.database.name, "passwords": passwords})
        return True

    def wait_for_route(self) -> None:
        """Until the application's own way to the primary works: account, certificate, balancer and role at once."""
        app = self._through_the_balancer(primary.APP)
        self.system.until(
            lambda: app.value("SELECT @@global.read_only") == 0,
            deadline_s=ROUTE_DEADLINE_S,
            what=f"writable database at 127.0.0.1:{WRITE_PORT}",
        )

    @property
    def is_first(self) -> bool:
        """Whether this server is the first to take a release: it runs the set-up, whoever is the primary."""
        return not self.manifest.predecessors

    def is_set_up(self) -> bool:
        """Whether the release's set-up has run. Kept with the data, so that it is true on every copy and after a restore."""
        found = self._through_the_balancer(primary.REPLICATION)
        return bool(found.value(f"SELECT 1 FROM {SCHEMA}.setup WHERE release_id = %s", self.manifest.release))

    def record_set_up(self) -> None:
        writer = self._through_the_balancer(primary.REPLICATION)
        writer.rows(f"INSERT INTO {SCHEMA}.setup (release_id) VALUES (%s)", self.manifest.release)

    def wait_until_set_up(self) -> None:
        self.system.until(
            self.is_set_up,
            deadline_s=SETUP_DEADLINE_S,
            every_s=1,
            what=f"set-up of release {self.manifest.release} by {self.manifest.order[0]}",
        )

    def _through_the_balancer(self, user: str) -> Mysql:
        return self.mysql.as_user(Login(host="127.0.0.1", port=WRITE_PORT, user=user, password=self._password(user)))

    def _password(self, user: str) -> str:
        path = f"{PASSWORDS}/{user}.password"
        try:
            return self.system.path(path).read_text()
        except OSError as error:
            raise Failed(f"{path}: {error}; the manifest's secrets must bring it") from None
