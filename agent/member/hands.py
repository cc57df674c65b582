"""What each action of the decisions means here. None is waited for: every answer comes back to the loop as an event."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from .. import failover
from ..lease import timing
from ..lease.state import (
    Action,
    Alarm,
    Ask,
    Close,
    Kill,
    Open,
    Outcome,
    Promised,
    Read,
    Reply,
    Restart,
    SemiSync,
    Send,
    State,
    WasClosed,
    WasOpened,
    WasRead,
    WasSemiSync,
    WasWritten,
)
from ..system import Failed, System
from .balancer import LocalBalancer
from .config import Config
from .database import Database
from .loop import Loop
from .mark import unmark
from .mysqld import Mysqld, boottime
from .peers import Peers
from .table import LeaseTable

FENCE_S = 0.2  # for the former holder to hear that it is not the holder any more
GRACE_PART = 0.04  # of ttl: how long a planned closing waits for writes under way before it kills them
ALARM_S = 2.0
HANGS_PART = 0.4  # of ttl: a mysqld that has not answered for so long is killed
RESTART_S = 0.5  # between two looks whether it starts: asking systemd takes processor time that mysqld needs then


class Hands:
    def __init__(
        self,
        *,
        system: System,
        config: Config,
        loop: Loop,
        table: LeaseTable,
        peers: Peers,
        database: Database,
        mysqld: Mysqld,
        balancer: LocalBalancer,
        silent_s: Callable[[], float],
    ) -> None:
        self._system, self._config, self._loop = system, config, loop
        self._table, self._peers, self._database, self._mysqld, self._balancer = table, peers, database, mysqld, balancer
        self._silent_s = silent_s  # how long mysqld has not answered
        self._store = ThreadPoolExecutor(16, "store")
        self._members = ThreadPoolExecutor(16, "members")  # asked just when the store leaves its own waiting
        self._busy: set[tuple[str, int]] = set()
        self._lock = threading.Lock()
        self.handing_at = float("-inf")  # when this server was last seen to hand over
        self._raised: tuple[str | None, float] = (None, float("-inf"))
        self._last: dict[str, str] = {}
        self._replies: dict[tuple[str, int, float], Future[Reply]] = {}

    def do(self, action: Action, state: State, generation: int) -> None:
        getattr(self, f"_{type(action).__name__.lower()}")(action, state, generation)

    # The store.

    def _read(self, action: Read, *_) -> None:
        self._submit(self._store, self.read, action.sent)

    def read(self, sent: float | None = None) -> None:
        """Look at the record now; no answer is no event."""
        sent = boottime() if sent is None else sent
        try:
            record = self._table.read()
        except Failed as failed:
            self._news("store", f"lease: {failed}")
            return
        self._news("store", "")
        self._loop.post(WasRead(sent=sent, record=record))

    def _send(self, action: Send, state: State, _) -> None:
        self._submit(self._store, self._write, action, state.hold is not None and state.hold.handing)

    def _write(self, action: Send, handing: str | None) -> None:
        outcome = self._table.write(action.write)
        self._loop.post(WasWritten(write=action.write, sent=action.sent, outcome=outcome))
        if handing and outcome is Outcome.DONE:
            self.handing_at = boottime()
            # The new holder would find out by itself, half a second later.
            self._try(lambda: self._peers.post(handing, "/look", {}))

    # The other members.

    def _ask(self, action: Ask, *_) -> None:
        self._submit(self._members, self._asked, action)

    def _asked(self, action: Ask) -> None:
        body = {"epoch": action.epoch, "ttl_s": action.ttl_s, "ask": action.ask}
        try:
            answer = self._peers.post(action.to, "/ask", body)
        except Failed as failed:
            self._news(action.to, f"lease: no promise: {failed}")
            return
        self._news(action.to, "" if answer["yes"] else f"lease: no promise: {answer['reason']}")
        self._loop.post(Promised(by=action.to, epoch=action.epoch, ask=action.ask, yes=answer["yes"]))

    def expect(self, by: str, epoch: int, ask: float) -> Future[Reply]:
        """What the loop will reply to a question that is about to be posted."""
        return self._replies.setdefault((by, epoch, ask), Future())

    def _reply(self, action: Reply, *_) -> None:
        if waiting := self._replies.pop((action.to, action.epoch, action.ask), None):
            waiting.set_result(action)

    # The local MySQL.

    def _open(self, action: Open, state: State, generation: int) -> None:
        self._alone("open", generation, lambda: self._opened(action, state, generation))

    def _opened(self, action: Open, state: State, generation: int) -> None:
        done = False
        try:
            record = state.hold.record
            if record.failover or (state.forced_epoch is not None and state.forced_epoch < record.epoch):
                self._peers.tell_all("/look", {}, FENCE_S)  # whoever was the holder reads that it is not
            done = self._database.open(lambda: failover.may_open(self._loop.state, boottime()), semi_sync=action.semi_sync)
        except Failed as failed:
            self._system.log(f"lease: not opened: {failed}")
        finally:
            self._loop.post(WasOpened(done), generation)
        if done:
            self._lead(state.hold.record.epoch)

    def _lead(self, epoch: int) -> None:
        """Tell every HAProxy where writers go now, and let those go on that were kept waiting."""
        threading.Thread(target=self._peers.tell_all, args=("/lead", {"epoch": epoch}, 1.0), daemon=True).start()
        self.follow(self._config.server)

    def follow(self, leader: str) -> None:
        self._balancer.lead(leader, self._config.members)
        self._balancer.resume()

    def pause(self) -> None:
        self._balancer.pause()

    def _close(self, action: Close, state: State, generation: int) -> None:
        self._alone("close", generation, lambda: self._closed(state, generation))

    def _closed(self, state: State, generation: int) -> None:
        planned = state.hold is not None and state.hold.handing is not None
        if planned:
            self._peers.hurry()
            self._balancer.pause()
            self._peers.tell_all("/pause", {"epoch": state.hold.record.epoch}, 0.05)
        elif state.given_up >= 0:
            self._balancer.lead(None, (self._config.server,))
        try:
            self._database.close(GRACE_PART * state.settings.ttl_s if planned else 0.0)
        except Failed as failed:
            self._system.log(f"lease: not closed yet: {failed}")
            return
        if planned:
            self.handing_at = boottime()
        self._loop.post(WasClosed(), generation)

    def _kill(self, action: Kill, state: State, generation: int) -> None:
        self._alone("kill", generation, lambda: self._killed(state, generation))

    def _killed(self, state: State, generation: int) -> None:
        self._system.log("lease: mysqld is killed: it did not become read-only in time")
        try:
            self._mysqld.kill(timing.FENCE_PART * state.settings.ttl_s)
        except Failed as failed:
            self._system.log(f"lease: {failed}")
            return
        unmark(self._system)
        self._loop.post(WasClosed(), generation)

    def _restart(self, action: Restart, state: State, generation: int) -> None:
        self._alone("restart", -1, lambda: self._restarted(state))

    def _restarted(self, state: State) -> None:
        pid = self._mysqld.pid()
        if self._mysqld.is_stopped() or (self._silent_s() > HANGS_PART * state.settings.ttl_s and pid):
            if self._mysqld.is_closed_by_itself():
                return  # starting: InnoDB recovers, which takes its time
            self._system.log("lease: mysqld hangs: killed, to be started again")
            self._try(lambda: self._mysqld.kill(timing.FENCE_PART * state.settings.ttl_s))
        elif pid:
            return  # silent for a moment only
        self._mysqld.start()
        self._system.sleep(RESTART_S)

    def _semisync(self, action: SemiSync, _, generation: int) -> None:
        # One at a time, whatever became of this server meanwhile: an order that comes late must not undo the next.
        self._alone("semi-sync", -1, lambda: self._try(lambda: self._turned(action, generation)))

    def _turned(self, action: SemiSync, generation: int) -> None:
        self._database.wait_for_replicas(action.on)
        self._loop.post(WasSemiSync(action), generation)
        self._news("semi-sync", f"lease: commits {'wait' if action.on else 'do not wait'} for the replicas from now on")

    def _alarm(self, action: Alarm, *_) -> None:
        if self.alarm != action.reason:
            self._system.log(f"lease: {action.reason}")
        self._raised = (action.reason, boottime())

    @property
    def alarm(self) -> str | None:
        """Why this server does not take or open, if it still says so: an alarm is raised again with every tick."""
        reason, at = self._raised
        return reason if boottime() - at < ALARM_S else None

    def _news(self, about: str, text: str) -> None:
        """Log what is not as it was; an outage lasts for many questions."""
        if text != self._last.get(about, ""):
            self._system.log(text or f"lease: {about} answers again")
        self._last[about] = text

    def _submit(self, pool: ThreadPoolExecutor, what: Callable[..., None], *arguments: object) -> None:
        def run() -> None:
            try:
                what(*arguments)
            except Exception as error:  # as in _alone; the same question comes again and again
                self._news(what.__name__, f"failover: {what.__name__}: {error!r}")

        pool.submit(run)

    def _alone(self, name: str, generation: int, what: Callable[[], None]) -> None:
        """In a thread of its own, unless the same is under way already."""
        with self._lock:
            if (name, generation) in self._busy:
                return
            self._busy.add((name, generation))

        def run() -> None:
            try:
                what()
            except Exception as error:  # a fault of ours must be seen, and must not end what comes next
                self._system.log(f"failover: {name}: {error!r}")
            finally:
                with self._lock:
                    self._busy.discard((name, generation))

        threading.Thread(target=run, name=name, daemon=True).start()

    def _try(self, what: Callable[[], object]) -> None:
        try:
            what()
        except Failed as failed:
            self._system.log(f"failover: {failed}")
