"""The world of the model: true time, the network, the store, the nodes' clients, and what must always be true of them."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.lease.record import Record

from .mysqld import Position, lacks, merged
from .node import Node
from .store import Store

CALM_TTLS = 3


class Violation(AssertionError):
    """What must always be true was not."""


@dataclass(kw_only=True)
class Profile:
    """What a run stresses. Times in seconds of true time."""

    nodes: int = 2
    semi_sync: bool = False
    ttls: tuple[int, ...] = (5,)
    rates: tuple[float, ...] = (0.9, 1.1)
    pause_s: float = 0
    max_lag: int = 2
    slow: float = 0.05  # of messages: late by up to 1.5 ttl
    loss: float = 0.02
    answer_timeout: float = 0.4  # of ttl, until what became of a write is unknown: connecting and answering have 0.4 each
    duplicates: float = 0.02
    slow_close: float = 0.3  # of demotions: super_read_only hangs
    slow_turn: float = 0.3  # of orders to wait for the replicas, or not: obeyed only after a while
    slow_open: float = 0.0  # of openings: each of their two steps lasts up to 1.2 ttl
    ambush: float = 0.1  # of demotions: the agent is paused in the middle
    faults: tuple[str, ...] = ()
    calm: float = 0.3  # of the spans between faults
    length_ttls: float = 14


@dataclass
class World:
    seed: int
    profile: Profile
    t: float = 0.0
    log: list[str] = field(default_factory=list)
    acknowledged: Position = field(default_factory=dict)
    unpromised: bool = False  # something happened after which an operator may be needed before anybody serves
    restored_from: tuple[int, int] = (-1, -1)  # the newest record that a restore forgot
    excused: bool = False  # a server that could not know of the restore went on without the forgotten epoch's writes

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self.ttl = max(self.profile.ttls)
        names = "abc"[: self.profile.nodes]
        self.cut: set[tuple[str, str]] = set()  # directed links that are down
        self.delays: dict[tuple[str, str], float] = {}
        self.salvage: Position = {}
        self.issued: set[tuple[str, int]] = set()
        self.troubles = 0
        self.endured = 0  # faults under way through which the others serve …
        self.unpromising = False  # … unless something else went wrong meanwhile
        self.calm_since = 0.0
        self.last_taking = float("-inf")
        self.nodes = {name: Node(self, name) for name in names}
        self.store = Store(
            Record(
                cluster_id="db",
                members=tuple(names),
                holder="a",
                boot_nonce="a1",
                epoch=0,
                counter=0,
                ttl_s=self.nodes["a"].settings.ttl_s,
                failover=False,
                sync=False,
                gtid_executed="seed:1",
                published_at_counter=0,
            )
        )
        for node in self.nodes.values():
            node.boot()

    # Time.

    def at(self, delay: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.t + max(0.0, delay), next(self._order), what))

    def run(self, until: float) -> None:
        while self._queue and self._queue[0][0] <= until:
            self.t, _, what = heapq.heappop(self._queue)
            what()
            self.check()
        self.t = until

    def note(self, text: str) -> None:
        self.log.append(f"{self.t / self.ttl:7.3f} {text}")

    # Network.

    def send(self, source: str, target: str, deliver: Callable[[], None]) -> None:
        """One message; lost, late, twice, or as it should be."""
        draw, profile = self.random.random(), self.profile
        if (source, target) in self.cut or draw < profile.loss:
            return
        for _ in range(2 if self.random.random() < profile.duplicates else 1):
            late = self.random.random() < profile.slow
            fixed = self.delays.get((source, target), 0.0)
            delay = self.random.uniform(0.02, 1.5) * self.ttl if late else self.random.uniform(0.001, 0.01) * self.ttl
            self.at(delay + fixed, lambda: None if (source, target) in self.cut else deliver())

    def to_store(self, node: Node, act: Callable[[], object], answer: Callable[[object], None]) -> None:
        generation = self.store.generation

        def arrive() -> None:
            if self.store.up and self.store.generation == generation:
                result = act()
                self.send("store", node.name, lambda: answer(result))

        self.send(node.name, "store", arrive)

    def connected(self, one: str, other: str) -> bool:
        return (one, other) not in self.cut and (other, one) not in self.cut

    # Troubles: the world is calm while there are none.

    def trouble(self) -> Callable[[], None]:
        self.troubles += 1
        self.unpromising |= self.endured > 0
        open_ = [True]

        def over() -> None:
            if open_:
                open_.clear()
                self.troubles -= 1
                self.calm_since = self.t

        return over

    def endure(self, seconds: float, undo: Callable[[], None], *, trouble_s: float = 0.0) -> None:
        """A fault that is a trouble only for its first seconds, if it strikes in calm: then everything goes on beside it."""
        self.unpromising |= self.endured > 0 or not self._must_serve()
        if trouble_s:
            self.at(trouble_s, self.trouble())
        self.endured += 1

        def over() -> None:
            undo()
            self.endured -= 1
            if self.unpromising and not self.endured:
                self.unpromising, self.calm_since = False, self.t

        self.at(seconds, over)

    # What must be true.

    def check(self) -> None:
        writable = [node.name for node in self.nodes.values() if node.mysqld.writable]
        if len(writable) > 1:
            self.violated(f"two writable: {writable}")
        if not writable and self._must_serve():
            self.violated("nobody writable though all are up and connected")

    def _must_serve(self) -> bool:
        if self.troubles or self.unpromised or self.unpromising or self.store.lost:
            return False
        if self.profile.slow > 0.05 or self.profile.slow_open:
            return False
        record = self.store.item
        pause = self.profile.pause_s / 0.9 if record["failover"] else 0
        return self.t - self.calm_since > CALM_TTLS * self.ttl + pause

    def opened(self, node: Node) -> None:
        self.note(f"{node.name} WRITABLE")
        self.excused = self.excused or node.seen_at_restore < self.restored_from
        if node.mysqld.empty:
            self.violated(f"{node.name} opened an empty volume")
        if self.profile.semi_sync and not self.excused and lacks(node.mysqld.data, self.acknowledged):
            self.violated(f"{node.name} opened without acknowledged writes {self.acknowledged}, has {node.mysqld.data}")

    def taken(self, before: Record | None, record: Record, node: Node) -> None:
        """A conditional write that changed the holder landed."""
        if not record.failover or (before and before.holder == record.holder):  # to have it back is no failover
            return
        if before is not None and before.failover and self.t - self.last_taking < self.profile.pause_s * 0.9:
            self.violated(f"a second failover after {self.t - self.last_taking:.1f} s")
        self.last_taking = self.t
        if before is None:
            return
        published = dict(part.split(":") for part in before.gtid_executed.split(","))
        lacking = sum(max(0, int(span.split("-")[-1]) - node.mysqld.data.get(source, 0)) for source, span in published.items())
        if lacking > self.profile.max_lag:
            self.violated(f"{node.name} took the lease lacking {lacking} published transactions")

    def restore(self, age: int) -> None:
        newest = max((item["epoch"], item["counter"]) for item in self.store.history if item)
        self.store.restore(age)
        if (self.store.item["epoch"], self.store.item["counter"]) < newest:
            self.unpromised, self.restored_from = True, newest
            for node in self.nodes.values():
                node.seen_at_restore = node.has_seen()

    def acknowledge(self, source: str, number: int) -> None:
        self.acknowledged[source] = max(self.acknowledged.get(source, 0), number)

    def destroyed(self, node: Node, data: Position) -> None:
        elsewhere = self.salvage
        for other in self.nodes.values():
            if other is not node:
                elsewhere = merged(elsewhere, other.mysqld.data)
        if lacks(elsewhere, data):
            self.violated(f"{node.name}: the last copy of {data} destroyed, elsewhere {elsewhere}")

    def committed(self, source: str, number: int) -> None:
        if (source, number) in self.issued:
            self.violated(f"{source}:{number} names two transactions")
        self.issued.add((source, number))

    def violated(self, what: str) -> None:
        raise Violation(f"seed {self.seed} at {self.t / self.ttl:.3f} ttl: {what}\n" + "\n".join(self.log[-40:]))
