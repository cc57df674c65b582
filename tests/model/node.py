"""One node of the model: an agent driven by the real decisions, its clock, its watchdog, and what its actions do in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from agent import failover
from agent.lease import state, timing
from agent.lease.view import Local, Peer, Settings

from .mysqld import Mysqld, text
from .serving_data import ServingData

if TYPE_CHECKING:
    from .world import World


class Node(ServingData):
    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        profile, draw = world.profile, world.random
        self.rate, self.offset = draw.choice(profile.rates), draw.uniform(0, 1000)
        self.settings = Settings(
            ttl_s=draw.choice(profile.ttls),
            semi_sync=profile.semi_sync,
            max_lag=profile.max_lag,
            pause_s=profile.pause_s,
            restart_budget_s=world.ttl,
            sync_patience_s=0.4 * world.ttl,
        )
        self.mysqld = Mysqld(name, {"seed": 1})
        self.powered = True
        self.agent: state.State | None = None
        self.agents = 0
        self.paused_until = 0.0
        self.inbox: list[Callable[[], None]] = []
        self.fed = 0.0
        self.killing = False
        self.closes_at: float | None = None  # when a read-only that was ordered can be confirmed
        self.busy = False  # salvaging or cloning
        self.turning = False  # an order to wait for the replicas, or not, is under way
        self.seen_at_restore = (-1, -1)  # what this start of the agent had seen when the store was restored

    # Time.

    def now(self) -> float:
        return self.offset + self.rate * self.world.t

    def after(self, own_s: float, what: Callable[[], None]) -> None:
        self.world.at(own_s / self.rate, what)

    @property
    def ttl(self) -> float:
        return self.settings.ttl_s

    def has_seen(self) -> tuple[int, int]:
        """The newest record it knows of; nothing after a restart."""
        if self.agent is None:
            return (-1, -1)
        return max(self.agent.seen, self.agent.hold.record.version if self.agent.hold else (-1, -1))

    # The agent as a process.

    def boot(self) -> None:
        if self.agent is None and self.powered:
            self.agents += 1
            self.seen_at_restore = (-1, -1)
            self.agent = failover.started(self.name, f"{self.name}{self.agents}", self.settings, self.now())
            self.paused_until, self.inbox, self.fed, self.turning = 0.0, [], self.now(), False
            self._tick(self.agents)
            self.world.at(0, lambda agent=self.agents: self._rejoin(agent))

    def crash(self, again_s: float) -> None:
        """kill -9: ExecStopPost= fences a mysqld that is or may become writable; systemd starts the agent again."""
        if self.agent is None:
            return
        self.world.note(f"{self.name} agent dies")
        dangerous = self.mysqld.writable or (self.agent.hold is not None and self.agent.hold.opening)
        self.agent, self.agents = None, self.agents + 1
        if dangerous or self.killing:
            self.killing = False
            self._kill()
        self.world.at(max(again_s, timing.FENCE_PART * self.ttl * 1.3), self.boot)

    def power_off(self) -> None:
        self.powered, self.agent, self.agents, self.killing, self.busy = False, None, self.agents + 1, False, False
        self.mysqld.die()

    def power_on(self) -> None:
        self.powered = True
        self.mysqld.start()
        self.boot()

    def pause(self, seconds: float) -> None:
        if self.agent is None:
            return
        self.paused_until = max(self.paused_until, self.world.t + seconds)
        self.world.at(seconds, self._resume)
        self._arm_watchdog()

    def _resume(self) -> None:
        if self.agent is not None and self.world.t >= self.paused_until:
            inbox, self.inbox = self.inbox, []
            for what in inbox:
                what()

    def _arm_watchdog(self) -> None:
        agent, fed = self.agents, self.fed

        def bark() -> None:
            if self.agent is not None and self.agents == agent and self.fed == fed:
                self.crash(0.05 * self.ttl)

        self.after(max(0.0, fed + timing.WATCHDOG_PART * self.ttl - self.now()), bark)

    def deliver(self, event: Callable[[], state.Event], agent: int) -> None:
        """An event reaches the agent that it was for, when that runs."""
        if self.agent is None or self.agents != agent:
            return
        if self.world.t < self.paused_until:
            self.inbox.append(lambda: self.deliver(event, agent))
            return
        was_closing = self.agent.closing is not None
        self.agent, actions = failover.step(self.agent, event(), self.now())
        if self.agent.closing is not None and not was_closing:
            self._arm_watchdog()
            if self.world.random.random() < self.world.profile.ambush:
                seconds = self.world.random.uniform(0.05, 0.6) * self.ttl
                self.world.at(self.world.random.uniform(0, 0.12) * self.ttl, lambda: self.pause(seconds))
        for action in actions:
            getattr(self, f"_do_{type(action).__name__.lower()}")(action, agent)

    def tell(self, event: state.Event, agent: int | None = None) -> None:
        self.deliver(lambda: event, self.agents if agent is None else agent)

    def _tick(self, agent: int) -> None:
        if self.agent is None or self.agents != agent:
            return
        if self.world.t < self.paused_until:
            self.inbox.append(lambda: self._tick(agent))
            return
        self.deliver(lambda: state.Tick(local=self.local(), peers=self.peers()), agent)
        if failover.feeds_watchdog(self.agent, self.now()):
            self.fed = self.now()
        wait = min(0.05 * self.ttl * self.world.random.uniform(0.6, 1), failover.due(self.agent, self.now()) - self.now())
        self.after(max(wait, 1e-6), lambda: self._tick(agent))

    # What it sees.

    def local(self) -> Local:
        others = [node for node in self.world.nodes.values() if node is not self]
        mysqld = self.mysqld
        connected = all(self._receives(other) for other in others)
        return Local(
            alive=mysqld.answers,
            executed=text(mysqld.data),
            applied=not mysqld.relay,
            cluster_id=mysqld.cluster_id if mysqld.data else None,
            empty=mysqld.empty,
            complete=mysqld.complete,
            semi_sync=mysqld.semi_sync,
            replicas_connected=connected,
            replicas_near=connected,  # whatever is missed is shipped at once here
            replicas_caught_up=connected and all(o.mysqld.has_received(*last) for o in others for last in mysqld.data.items()),
        )

    def _receives(self, other: Node) -> bool:
        mysqld = other.mysqld
        return mysqld.source == self.name and mysqld.answers and self.world.connected(self.name, other.name)

    def peers(self) -> dict[str, Peer]:
        return (
            {
                other.name: Peer(
                    name=other.name, boot_nonce=other.agent.boot_nonce, ttl_s=other.settings.ttl_s, local=other.local()
                )
                for other in self.world.nodes.values()
                if other is not self
                and other.agent
                and self.world.connected(self.name, other.name)
                and self.world.t >= other.paused_until
            }
            if self.agent.hold
            else {}
        )

    # What it does: the store and the other agents.

    def _do_read(self, action: state.Read, agent: int) -> None:
        self.world.to_store(
            self, self.world.store.read, lambda record: self.tell(state.WasRead(sent=action.sent, record=record), agent)
        )

    def _do_send(self, action: state.Send, agent: int) -> None:
        write = action.write
        answered: list[bool] = []

        def act() -> bool:
            before = self.world.store.read()
            done = self.world.store.write(write)
            if done and (before is None or write.record.epoch != before.epoch):
                self.world.note(f"store: epoch {write.record.epoch} of {write.record.holder}")
                self.world.taken(before, write.record, self)
            return done

        def answer(done: bool) -> None:
            answered.append(True)
            outcome = state.Outcome.DONE if done else state.Outcome.REFUSED
            self.tell(state.WasWritten(write=write, sent=action.sent, outcome=outcome), agent)

        def time_out() -> None:
            if not answered:
                self.tell(state.WasWritten(write=write, sent=action.sent, outcome=state.Outcome.UNKNOWN), agent)

        self.world.to_store(self, act, answer)
        self.after(self.world.profile.answer_timeout * self.ttl, time_out)

    def _do_ask(self, action: state.Ask, agent: int) -> None:
        other = self.world.nodes[action.to]
        asked = state.Asked(by=self.name, epoch=action.epoch, ttl_s=action.ttl_s, ask=action.ask)
        self.world.send(self.name, action.to, lambda: other.tell(asked))

    def _do_reply(self, action: state.Reply, agent: int) -> None:
        other = self.world.nodes[action.to]
        promised = state.Promised(by=self.name, epoch=action.epoch, ask=action.ask, yes=action.yes)
        self.world.send(self.name, action.to, lambda: other.tell(promised))

    # … and its own mysqld.

    def _do_open(self, action: state.Open, agent: int) -> None:
        life, slow = self.mysqld.life, self.world.random.random() < self.world.profile.slow_open
        spans = [self.world.random.uniform(0.1, 1.2) if slow else 0.01 for _ in range(2)]
        self.after(spans[0] * self.ttl, lambda: self._opening(action, agent, life, spans[1] * self.ttl))

    def _opening(self, action: state.Open, agent: int, life: int, statement_s: float) -> None:
        if self.agent is None or self.agents != agent:
            return
        if self.world.t < self.paused_until:
            self.inbox.append(lambda: self._opening(action, agent, life, statement_s))
            return
        if not failover.may_open(self.agent, self.now()) or not self.mysqld.answers or self.mysqld.life != life:
            self.tell(state.WasOpened(False), agent)
            return
        self.mysqld.source, self.mysqld.relay = None, {}  # RESET REPLICA ALL drops the relay log
        self.after(statement_s, lambda: self._opened(action, agent, life))

    def _opened(self, action: state.Open, agent: int, life: int) -> None:
        done = self.mysqld.life == life and self.mysqld.up
        if done and not self.mysqld.writable:
            self.mysqld.writable, self.mysqld.semi_sync = True, action.semi_sync
            self.world.opened(self)
        self.tell(state.WasOpened(done), agent)

    def _do_close(self, action: state.Close, agent: int) -> None:
        life = self.mysqld.life
        if self.closes_at is None:
            hangs = self.world.random.random() < self.world.profile.slow_close
            self.closes_at = self.world.t + (self.world.random.uniform(0, 1.5) * self.ttl if hangs else 0)
        if self.world.t < self.closes_at or self.mysqld.hung:
            return
        self.after(0.01 * self.ttl, lambda: self._closed(agent, life))

    def _closed(self, agent: int, life: int) -> None:
        if self.mysqld.life == life and not self.mysqld.hung and self.agents == agent:
            if self.mysqld.writable:
                self.world.note(f"{self.name} read-only")
            self.mysqld.writable, self.mysqld.waiting, self.closes_at = False, [], None
            self.tell(state.WasClosed(), agent)

    def _do_kill(self, action: state.Kill, agent: int) -> None:
        self._kill(lambda: self.tell(state.WasClosed(), agent))

    def _kill(self, then: Callable[[], None] = lambda: None) -> None:
        if self.killing:
            return
        self.killing = True
        agent = self.agents

        def gone() -> None:
            self.closes_at = None
            if self.powered and self.agents == agent:
                self.killing = False
                self.world.note(f"{self.name} mysqld killed")
                self.mysqld.die()
                self.world.at(0.2 * self.ttl, lambda: self.powered and self.mysqld.start())
                then()

        self.after(self.world.random.uniform(0.2, 1) * timing.FENCE_PART * self.ttl, gone)

    def _do_restart(self, action: state.Restart, agent: int) -> None:
        if self.mysqld.hung:
            self._kill()

    def _do_semisync(self, action: state.SemiSync, agent: int) -> None:
        """One at a time, as agent/member/hands.py has it."""
        if not self.turning:
            self.turning = True
            slow = self.world.random.random() < self.world.profile.slow_turn
            life, span = self.mysqld.life, self.world.random.uniform(0.1, 0.6) if slow else 0.0
            self.after(span * self.ttl, lambda: self._semi_synced(action, agent, life))

    def _semi_synced(self, action: state.SemiSync, agent: int, life: int) -> None:
        if self.agents != agent:
            return
        self.turning = False
        if self.mysqld.life != life or not self.mysqld.answers:
            return
        if self.mysqld.semi_sync and not action.on:
            for write in self.mysqld.waiting:
                self.world.acknowledge(*write)
            self.mysqld.waiting = []
        self.mysqld.semi_sync = action.on
        self.tell(state.WasSemiSync(action), agent)

    def _do_alarm(self, action: state.Alarm, agent: int) -> None:
        if f"{self.name} alarm: {action.reason}" not in self.world.log[-6:]:
            self.world.log.append(f"{self.name} alarm: {action.reason}")
