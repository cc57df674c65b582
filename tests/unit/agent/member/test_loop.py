"""The thread of decisions: which look it believes, what it does not wait for, which answers come too late."""

from __future__ import annotations

import queue
from dataclasses import replace

import pytest

from agent import failover
from agent.lease.state import Action, Close, Event, Hold, Open, State, Switchover, Tick, WasClosed, WasOpened
from agent.lease.view import Local, Peer, Settings
from agent.member.look import Look
from agent.member.loop import Loop
from tests.unit.agent.member.scene import DATA, RECORD, Clock, status

OPEN = Hold(record=RECORD, since=990, confirmed=999.5, renewed=999.9, counter=7, opened=True, touched=True)
HOLDER = State(server="web-a", boot_nonce="nonce-a", settings=Settings(), hold=OPEN, closing=None)


class Sight:
    """Gives the look it has been told to give, and remembers what it was asked."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.look: Look | None = None  # None: one that begins when it is asked for
        self.asked: list[tuple[float, float]] = []

    def since(self, at: float, timeout_s: float) -> Look:
        self.asked.append((at, timeout_s))
        return self.look or Look(at=self.clock.now, local=DATA, read_only=False)

    def local(self, look: Look, now: float) -> Local:
        return look.local

    def peers(self, now: float) -> dict[str, Peer]:
        return {"web-b": status().peer}


class Hands:
    def __init__(self) -> None:
        self.done: list[tuple[Action, int]] = []

    def do(self, action: Action, state: State, generation: int) -> None:
        self.done.append((action, generation))


class Bench:
    """A loop in the middle of a test: the ticks that reached the decisions are in `ticks`."""

    def __init__(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock, self.sight, self.hands = clock, Sight(clock), Hands()
        self.fed, self.said, self.ticks = 0, [], []
        original = failover.step

        def step(state: State, event: Event, now: float):
            if isinstance(event, Tick):
                self.ticks.append(event)
            return original(state, event, now)

        monkeypatch.setattr(failover, "step", step)

    def loop(self, state: State) -> Loop:
        loop = Loop(state, self.sight, self.feed, self.said.append)
        loop.hands = self.hands
        self.clock.now += 0.01
        return loop

    def feed(self) -> None:
        self.fed += 1

    def actions(self) -> list[str]:
        return [type(action).__name__ for action, _ in self.hands.done]


@pytest.fixture
def bench(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(clock, monkeypatch)


def test_a_tick_tells_the_decisions_what_is_seen_and_feeds_the_watchdog(bench: Bench) -> None:
    loop = bench.loop(HOLDER)
    loop.turn()
    assert bench.ticks == [Tick(local=DATA, peers={"web-b": status().peer})]
    assert bench.fed == 1
    assert bench.actions() == []


def test_a_mysqld_that_is_closed_is_not_fed_for(bench: Bench) -> None:
    loop = bench.loop(replace(HOLDER, hold=None, closing=bench.clock.now + 0.3))
    loop.turn()
    assert (bench.fed, bench.actions()[0]) == (0, "Close")
    loop.post(WasClosed())
    loop.turn()
    bench.clock.now += 1
    loop.turn()
    assert bench.fed == 1


@pytest.mark.parametrize("event", [WasOpened(True), WasClosed()])
def test_a_look_older_than_an_opening_or_a_closing_is_not_believed(bench: Bench, event: Event) -> None:
    """It may say what mysqld was before. The look is asked for from that instant on, and waited for a little."""
    before = bench.clock.now
    loop = bench.loop(replace(HOLDER, hold=replace(OPEN, opened=False, opening=isinstance(event, WasOpened))))
    loop.post(event)
    loop.turn()
    changed = bench.clock.now
    bench.sight.look = Look(at=before, local=DATA, read_only=False)
    loop.turn()
    assert bench.sight.asked == [(changed, 0.25)]
    assert [tick.local.alive for tick in bench.ticks] == [False]
    bench.sight.look = None
    bench.clock.now += 0.1
    loop.turn()
    assert [tick.local.alive for tick in bench.ticks] == [False, True]


def test_a_mysqld_that_has_not_answered_for_a_fifth_of_the_ttl_does_not_answer(bench: Bench) -> None:
    loop = bench.loop(HOLDER)
    for age, alive in ((0.99, True), (1.01, False)):
        bench.sight.look = Look(at=bench.clock.now - age + 2, local=DATA, read_only=False)
        bench.clock.now += 2
        loop.turn()
        assert bench.ticks[-1].local == replace(DATA, alive=alive)


def test_nothing_is_waited_for_when_an_instant_is_due(bench: Bench) -> None:
    """The deadline has come: how mysqld is may be asked, not waited for."""
    loop = bench.loop(HOLDER)
    loop.turn()
    bench.clock.now = OPEN.until + 0.001
    loop.turn()
    assert [patience for _, patience in bench.sight.asked] == [0.25, 0.0]
    assert loop.state.hold is None
    assert "Close" in bench.actions()
    assert bench.said == ["lease: epoch 3 is not this server's any more", "lease: closing"]


def test_an_old_look_at_a_due_instant_does_not_make_mysqld_dead(bench: Bench) -> None:
    loop = bench.loop(HOLDER)
    loop.turn()
    bench.sight.look = Look(at=OPEN.until - 0.5, local=DATA, read_only=False)
    bench.clock.now = OPEN.until
    loop.turn()
    assert bench.ticks[-1].local.alive


def test_the_next_event_or_instant_is_waited_for_and_no_longer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    waited = []

    class Queue:
        def get(self, timeout: float):
            waited.append(round(timeout, 3))
            return WasClosed(), None

    loop = bench.loop(HOLDER)
    loop.turn()
    monkeypatch.setattr(loop, "_events", Queue())
    loop.turn()  # a tick every ttl/50
    bench.clock.now += 0.06
    loop.turn()
    loop.state = replace(HOLDER, hold=replace(OPEN, confirmed=bench.clock.now - 3.49))  # until is 0.01 s away
    loop.turn()
    assert waited == [0.1, 0.04, 0.01]


def test_a_candidate_is_looked_at_again_after_a_hundredth_of_a_second_because_writers_wait(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = []

    class Queue:
        def get(self, timeout: float):
            waited.append(round(timeout, 3))
            raise queue.Empty

    loop = bench.loop(replace(HOLDER, hold=replace(OPEN, opened=False, handing="web-b", handing_since=bench.clock.now)))
    monkeypatch.setattr(loop, "_events", Queue())
    loop._ticked = bench.clock.now
    loop.turn()
    assert waited == [0.01]


@pytest.mark.parametrize(("event", "hurries"), [(Switchover("web-b"), True), (Switchover("web-c"), False)])
def test_what_follows_from_a_change_of_the_lease_waits_for_no_beat(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, event: Event, hurries: bool
) -> None:
    loop = bench.loop(HOLDER)
    loop.turn()
    loop.post(event)
    loop.turn()
    waits = []

    class Queue:
        def get(self, timeout: float) -> None:
            waits.append(True)
            raise queue.Empty

        def get_nowait(self) -> None:
            waits.append(False)
            raise queue.Empty

    monkeypatch.setattr(loop, "_events", Queue())
    loop.turn(), loop.turn()
    assert waits == [not hurries, True]


def test_the_end_of_an_earlier_closing_says_nothing_about_a_later_one(bench: Bench) -> None:
    loop = bench.loop(replace(HOLDER, hold=None, closing=bench.clock.now + 0.3))
    loop.turn()
    (close, generation), *_ = bench.hands.done
    assert (close, generation) == (Close(), 0)
    loop.post(WasClosed(), 0)
    loop.turn()
    assert loop.state.closing is None and loop.generation == 1
    loop.state = replace(loop.state, closing=bench.clock.now + 0.3)  # closing again
    loop.post(WasClosed(), generation)
    loop.turn()
    assert loop.state.closing is not None
    loop.post(WasClosed(), 1)
    loop.turn()
    assert loop.state.closing is None


def test_an_opened_mysqld_that_somebody_made_read_only_is_opened_again(bench: Bench) -> None:
    loop = bench.loop(HOLDER)
    bench.sight.look = Look(at=bench.clock.now, local=DATA, read_only=True)
    loop.turn()
    assert bench.ticks[-1].local == replace(DATA, alive=False)
    assert not loop.state.hold.opened and bench.actions() == ["Restart"]
    bench.sight.look = None
    bench.clock.now += 0.2
    loop.turn()
    assert bench.hands.done[-1] == (Open(False), 0)


def test_a_read_only_mysqld_is_as_it_should_be_before_it_is_opened(bench: Bench) -> None:
    loop = bench.loop(replace(HOLDER, hold=replace(OPEN, opened=False)))
    bench.sight.look = Look(at=bench.clock.now, local=DATA, read_only=True)
    loop.turn()
    assert bench.ticks[-1].local.alive and bench.actions() == ["Open"]


def test_the_journal_has_every_change_of_who_may_write(bench: Bench) -> None:
    loop = bench.loop(replace(HOLDER, hold=replace(OPEN, opened=False, opening=True)))
    loop.post(WasOpened(True))
    loop.turn()
    loop.post(WasOpened(True))
    loop.turn()
    assert bench.said == ["lease: open for writes"]
