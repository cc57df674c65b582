"""A server that is not the holder comes back by itself: it follows the holder, or saves what only it has and is cloned anew.

What to do is decided by `lease/returning.py`; whether there is time for it, by the loop's state.
"""

from __future__ import annotations

from collections.abc import Callable

from ..lease import gtid, handing, returning
from ..lease.last_copy import Copy
from ..lease.record import Record
from ..lease.view import Local, Peer
from ..mysql import Login, Mysql
from ..replication import follow, follows, replica_status
from ..store import Store
from ..system import Failed, System
from . import clone, salvage
from .config import Config
from .database import Database
from .look import Observer
from .loop import Loop
from .mysqld import Mysqld, boottime
from .peers import Peers

PASSWORD = "/etc/distributed-web/database/replication.password"
USER = "replication"
PERIOD_S = 0.5
REVIVE_S = 10  # from one look at a dead mysqld to the next
FAILED_S = 10  # from a salvage or clone that failed to the next: both are work for the disk, a clone for the donor too
SETTLED_S = 1  # more than the holder's look is older than ours at most: what it lacks for so long it does not have
CONNECTING_S = 10  # a receiver that has tried for so long begins again: its password may have changed


class Rejoin:
    def __init__(
        self,
        *,
        system: System,
        config: Config,
        loop: Loop,
        peers: Peers,
        observer: Observer,
        mysqld: Mysqld,
        database: Database,
        mysql: Mysql,
        store: Store,
    ) -> None:
        self._system, self._config, self._loop, self._peers = system, config, loop, peers
        self._observer, self._mysqld, self._database, self._mysql, self._store = observer, mysqld, database, mysql, store
        self._salvaged: Copy | None = None
        self._followed: Login | None = None  # whom this unit has set up replication from
        self._set_up_at = self._seen_dead_at = self._failed_at = float("-inf")
        self._extra: tuple[str, float] | None = None  # what the holder lacks, and since when
        self.reason: str | None = None  # why this server does not follow

    def run(self) -> None:
        """For ever; in a thread of its own."""
        while True:
            try:
                self._tell(self.once())
            except Failed as failed:
                self._tell(str(failed))
            except Exception as error:  # a fault of ours must be seen, and must not end what comes next
                self._tell(f"rejoin: {error!r}")
            self._system.sleep(PERIOD_S)

    def once(self) -> str | None:
        """One step back; None when there is nothing to do, else what stands in the way."""
        record = self.record()
        look = self._observer.latest
        if record is None or record.holder == self._config.server:
            return None
        if clone.is_unfinished(self._system):
            self._swap(record, lambda: clone.finish(self._system, self._mysql))
            return None
        if not look.local.alive:
            self._revive()
            return None
        if look.local.cluster_id and self._follows(record.holder):
            return None
        if look.starved and look.local.disk_free < handing.FULL:
            return "its data volume is full: nothing is received"
        holder = self._holder(record.holder)
        local = self._observer.latest.local  # as it is now: the answer may have taken seconds
        course = returning.course(local, record, holder, self._salvaged)
        match course:
            case returning.Follow():
                self._follow(course.source)
            case returning.Refuse():
                return course.reason
            case _ if boottime() - self._failed_at < FAILED_S:
                return self.reason
            case returning.Salvage():
                if self._is_settled(course.gtids):
                    self._seldom(lambda: self._save(course.gtids, local))
            case returning.Clone():
                self._seldom(lambda: self._clone(course.donor, record))
        return None

    def record(self) -> Record | None:
        """The record, while this server has nothing else to do with it."""
        state = self._loop.state
        idle = state.hold is None and state.closing is None and state.take is None
        return state.watch.record if idle and state.watch else None

    def _revive(self) -> None:
        """systemd gives up on a mysqld that dies five times in ten seconds. One that somebody stopped is left alone."""
        if boottime() - self._seen_dead_at >= REVIVE_S:
            self._seen_dead_at = boottime()
            self._mysqld.start(if_in=("failed",))

    def _follows(self, holder: str) -> bool:
        look = self._observer.latest
        if look.source != self._config.members.get(holder) or not (look.receiving and look.applying) or not look.read_only:
            return False
        source = self._login(holder)
        if self._followed != source and follows(self._mysql, source):
            self._followed = source
        return self._followed == source

    def _holder(self, name: str) -> Peer | None:
        try:
            return self._peers.status(name).peer
        except Failed:
            return None

    def _login(self, name: str) -> Login:
        try:
            password = self._system.path(PASSWORD).read_text()
        except OSError as error:
            raise Failed(f"{PASSWORD}: {error}; the manifest's secrets must bring it") from None
        return Login(host=self._config.members[name], user=USER, password=password)

    def _follow(self, name: str) -> None:
        source = self._login(name)
        status = replica_status(self._mysql)
        connecting = status and status["Replica_IO_Running"] != "No" and status["Replica_SQL_Running"] == "Yes"
        if connecting and status["Source_Host"] == source.host and boottime() - self._set_up_at < CONNECTING_S:
            return
        with self._database.lock:
            record = self.record()
            if record is None or record.holder != name:
                return  # while the lock was somebody else's, the lease became this server's to look after, or another's
            self._system.log(f"rejoin: follow {name}")
            # Whoever follows waits for nobody. Not when it was closed: it takes MySQL a second to stop listening for replicas.
            self._database.wait_for_replicas(False)
            follow(self._mysql, source)
            self._followed, self._set_up_at = source, boottime()

    def _is_settled(self, extra: str) -> bool:
        """A replica that receives seems to have more than a holder that was asked a moment before; only for that moment."""
        if self._extra is None or gtid.missing(self._extra[0], extra):
            self._extra = (extra, boottime())
        return boottime() - self._extra[1] >= SETTLED_S

    def _seldom(self, do: Callable[[], None]) -> None:
        try:
            do()
        except Failed:
            self._failed_at = boottime()
            raise

    def _save(self, gtids: str, local: Local) -> None:
        self._salvaged = salvage.salvage(
            self._system, self._store, self._mysql, cluster_id=str(local.cluster_id), server=self._config.server, gtids=gtids
        )

    def _clone(self, name: str, record: Record) -> None:
        clone.copy(self._system, self._mysql, self._login(name))
        self._swap(record, lambda: clone.swap(self._system, self._mysql, record.cluster_id))

    def _swap(self, record: Record, do: Callable[[], None]) -> None:
        with self._database.lock:
            now = self.record()
            if now is None:
                raise Failed("clone: not used: this server has the lease to look after by now")
            # Two epochs later this server may have been the primary in between, and have writes of its own.
            if now.holder != record.holder or now.epoch > record.epoch + 1:
                raise Failed(f"clone: not used: the lease is {now.holder}'s by now, in epoch {now.epoch}, not {record.epoch}")
            do()
        self._salvaged = self._followed = self._extra = None
        self._system.log(f"clone: this server has the data of {record.holder}")

    def _tell(self, reason: str | None) -> None:
        if reason != self.reason and reason:
            self._system.log(f"rejoin: {reason}")
        self.reason = reason
