"""A database server of the model: transactions, replication with relay log, semi-synchronous acknowledgement, CLONE."""

from __future__ import annotations

from agent.lease import gtid

Position = dict[str, int]  # of each source, its transactions 1 … n


def text(position: Position) -> str:
    return gtid.union(*(f"{source}:1-{last}" for source, last in position.items() if last))


def merged(one: Position, other: Position) -> Position:
    return {source: max(one.get(source, 0), other.get(source, 0)) for source in one | other}


def lacks(have: Position, wanted: Position) -> bool:
    return any(have.get(source, 0) < last for source, last in wanted.items())


class Mysqld:
    def __init__(self, name: str, data: Position) -> None:
        self.uuid = name
        self.cluster_id: str | None = "db"
        self.data = data  # on the volume: executed
        self.relay: Position = {}  # received and acknowledged, in memory of the receiver until applied
        self.up = True
        self.hung = False  # SIGSTOP, D state: answers nothing, but would write again
        self.writable = False
        self.life = 0  # grows with every start; what was ordered from an older one is void
        self.source: str | None = None
        self.complete = False
        self.semi_sync = False
        self.waiting: list[tuple[str, int]] = []  # committed, not acknowledged to the client yet
        self.slow_apply = False

    @property
    def empty(self) -> bool:
        return not self.data

    @property
    def answers(self) -> bool:
        return self.up and not self.hung

    def die(self) -> None:
        self.up, self.writable, self.hung, self.complete = False, False, False, False
        self.life += 1
        self.relay, self.waiting = {}, []

    def start(self) -> None:
        if not self.up:
            self.up = True
            self.source = None  # set again by the agent

    def commit(self) -> tuple[str, int]:
        number = self.data.get(self.uuid, 0) + 1
        self.data = {**self.data, self.uuid: number}
        return self.uuid, number

    def receive(self, source: Mysqld) -> None:
        if lacks(merged(self.data, self.relay), source.data):
            self.relay = merged(self.relay, source.data)
        self.complete = True

    def apply(self) -> None:
        if self.relay:
            self.data, self.relay = merged(self.data, self.relay), {}

    def has_received(self, source: str, number: int) -> bool:
        return max(self.data.get(source, 0), self.relay.get(source, 0)) >= number
