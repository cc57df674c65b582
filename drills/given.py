"""What is already so when a fault begins: a replica that lags, writes that were not shipped, a transaction, a clone under way."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import pymysql

from drills import network
from drills.faults import FaultFailed, wait
from drills.faults.power import PowerCutAndEmptyVolume
from drills.figures import CAUGHT_UP_S
from drills.server import Server
from drills.site import PRIMARY, REPLICA, Site

PASSWORD = "etc/distributed-web/database/app.password"
CA = "etc/distributed-web/tls/ca.pem"
WRITES = 3307  # of the server's own HAProxy, to the primary
LAGS_S = 3  # until a replica that applies nothing says that it is behind
CLONE_S = 120  # until a clone is under way on a server that boots with an empty volume
SLOWLY = "1 mbytes/second burst 64 kbytes"  # of a clone, so that it lasts


class Given:
    def holds(self, site: Site) -> AbstractContextManager[None]:
        """Entered before the fault begins, left once it has begun. Raises FaultFailed."""
        return contextlib.nullcontext()


@dataclass(frozen=True, kw_only=True)
class Lagging(Given):
    """The replica has received everything and applied nothing of the last seconds: a reader locks the table that is written.

    It lets go a second after the fault, so that the one who shall take over is behind when it is needed.
    """

    seconds: float

    @contextlib.contextmanager
    def holds(self, site: Site) -> Iterator[None]:
        replica = site.named(REPLICA)
        with replica.mysql(timeout_s=30) as connection, connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLES `{site.schema(replica)}`.notes READ")
            time.sleep(self.seconds)
            wait(
                lambda: (replica.role().get("lag_s") or 0) > CAUGHT_UP_S, LAGS_S, f"{replica.name}, whose table is locked, to lag"
            )
            yield
            time.sleep(1)


@dataclass(frozen=True, kw_only=True)
class Unshipped(Given):
    """The primary acknowledges writes for some seconds that do not reach its replica: its replication connection loses all.

    Shorter than the replica needs to notice and to connect again (replica_net_timeout, 10 s).
    """

    seconds: float

    @contextlib.contextmanager
    def holds(self, site: Site) -> Iterator[None]:
        primary, replica = site.named(PRIMARY), site.named(REPLICA)
        dumps = "SELECT host FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'"
        ports = [int(host.rpartition(":")[2]) for (host,) in primary.query(dumps) if ":" in host]
        if not ports:
            raise FaultFailed(f"nobody replicates from {primary.name}")
        rules = [rule for port in ports for rule in network.unshipped(primary.address, replica.address, port)]
        network.impose(primary.router, rules)
        try:
            time.sleep(self.seconds)
            yield
        finally:
            network.relieve(primary.router)


@dataclass(frozen=True, kw_only=True)
class LongTransaction(Given):
    """A visitor's transaction on the primary has written, and neither commits nor ends; the fault is to end it."""

    @contextlib.contextmanager
    def holds(self, site: Site) -> Iterator[None]:
        primary = site.named(PRIMARY)
        with as_application(site, primary) as connection, connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("INSERT INTO notes (text, written_at) VALUES ('a transaction without an end', UTC_TIMESTAMP(3))")
            time.sleep(2)
            yield
            with contextlib.suppress(pymysql.MySQLError, OSError):
                connection.commit()
                raise FaultFailed("the transaction was not ended: it could still be committed")


@dataclass(frozen=True, kw_only=True)
class Cloning(Given):
    """The replica's power was cut, its volume is empty, and it is being filled from the primary, slowly, most of it to come."""

    @contextlib.contextmanager
    def holds(self, site: Site) -> Iterator[None]:
        primary, replica = site.named(PRIMARY), site.named(REPLICA)
        network.impose(primary.router, network.unshipped(primary.address, replica.address, 0, SLOWLY))
        try:
            fault = PowerCutAndEmptyVolume(server=replica.name)
            fault.begin(site, replica)
            fault.end(site, replica)
            wait(lambda: cloned_bytes(replica) > 0, CLONE_S, f"{replica.name} to clone from {primary.name}")
            yield
        finally:
            network.relieve(primary.router)


def cloned_bytes(server: Server) -> int:
    """How much of the files a clone that is under way has copied; 0: there is none."""
    sql = "SELECT data FROM performance_schema.clone_progress WHERE stage = 'FILE COPY' AND state = 'In Progress'"
    try:
        return sum(count for (count,) in server.query(sql))
    except (pymysql.MySQLError, OSError):
        return 0


@contextlib.contextmanager
def as_application(site: Site, server: Server) -> Iterator[pymysql.Connection]:
    """The database as the application of this server reaches it to write: through HAProxy, over verified TLS."""
    connection = pymysql.connect(
        user="app",
        password=(server.root / PASSWORD).read_text().strip(),
        database=site.schema(server),
        ssl={"ca": str(server.root / CA), "check_hostname": False},
        defer_connect=True,
    )
    connection.connect(server.connected(WRITES))
    try:
        yield connection
    finally:
        with contextlib.suppress(pymysql.MySQLError, OSError):  # the fault may have ended it
            connection.close()
