"""Planned changes of the primary, on a loop and peers that a test plays: what is waited for, and how each ends."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from agent.lease.state import Hold, State, Switchover, Watch
from agent.lease.view import Settings
from agent.member.look import Look
from agent.member.peers import Said, Status
from agent.member.switchover import Switchovers
from agent.system import Failed
from tests.unit.agent.fakes import FakeSystem
from tests.unit.agent.member.scene import DATA, RECORD, Clock, status

HELD = Hold(record=RECORD, since=990, confirmed=1000, counter=7, opened=True, touched=True)
HOLDER = State(server="web-a", boot_nonce="nonce-a", settings=Settings(), hold=HELD, closing=None)
HANDED = replace(
    HOLDER,
    hold=None,
    given_up=3,
    watch=Watch(record=replace(RECORD, holder="web-b", epoch=4), since=1000, asked=1000),
)


class Stage:
    """web-a holds the lease; `script` is what its state becomes, one a sleep, after a switchover was posted."""

    def __init__(self, system: FakeSystem, config, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        self.system, self.clock, self.posted, self.told = system, clock, [], []
        self.script: list[State] = []
        self.answer: Status | Failed = status()
        self.said: dict[str, Said] = {}
        self.loop = SimpleNamespace(state=HOLDER, post=self.posted.append)
        peers = SimpleNamespace(status=self._status, said=self.said, tell_all=lambda *told: self.told.append(told))
        observer = SimpleNamespace(latest=Look(at=1000, local=DATA, read_only=False))
        self.switchovers = Switchovers(system, config("web-a"), self.loop, observer, peers)
        monkeypatch.setattr(system, "sleep", self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.clock.now += seconds
        if hold := self.loop.state.hold:
            self.loop.state = replace(self.loop.state, hold=replace(hold, confirmed=self.clock.now))
        if self.posted and self.script:
            self.loop.state = self.script.pop(0)
            if self.loop.state.hold is None:
                self.answer = replace(self.answer, leads=True)

    def _status(self, name: str) -> Status:
        if isinstance(self.answer, Failed):
            raise self.answer
        return self.answer


@pytest.fixture
def stage(system: FakeSystem, config, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(system, config, clock, monkeypatch)


HANDING = replace(HOLDER, hold=replace(HELD, handing="web-b", handing_since=1000))


@pytest.mark.parametrize("name", ["web-b", None])
def test_the_lease_is_handed_to_the_one_named_or_to_the_first_that_is_fit(stage: Stage, name: str | None) -> None:
    stage.script = [HANDING, HANDING, HANDED]
    done = stage.switchovers.to(name)
    assert (done.to, done.epoch, round(done.seconds, 3)) == ("web-b", 4, 0.03)
    assert stage.posted == [Switchover("web-b")]


def test_the_epoch_is_known_before_the_new_record_was_read(stage: Stage) -> None:
    stage.script = [HANDING, replace(HANDED, watch=None)]
    assert stage.switchovers.to("web-b").epoch == 4


def test_only_the_holder_can_hand_over_and_names_who_that_is(stage: Stage) -> None:
    stage.loop.state = HANDED
    with pytest.raises(Failed, match="web-a does not hold the lease; web-b does"):
        stage.switchovers.to("web-b")
    stage.loop.state = replace(HANDED, watch=None)
    with pytest.raises(Failed, match="web-a does not hold the lease; nobody does"):
        stage.switchovers.to("web-b")
    assert stage.posted == []


@pytest.mark.parametrize("name", ["lb", "web-a"])
def test_a_server_that_cannot_be_the_primary_is_refused_with_those_that_can(stage: Stage, name: str) -> None:
    with pytest.raises(Failed, match=f"switchover to {name}: allowed is web-b"):
        stage.switchovers.to(name)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Failed("web-b:9202: timed out"), "web-b:9202: timed out"),
        (status(local=replace(DATA, alive=False)), "web-b: mysqld does not answer"),
        (status(local=replace(DATA, cluster_id=None)), "web-b has not got the data of database cluster-1"),
        (status(source=None), "web-b does not follow web-a"),
        (status(local=DATA), "web-b has not caught up since its mysqld started"),
        (status(lag_s=28.0), "web-b is 28 s behind: writes would have to wait for it"),
    ],
)
def test_who_could_not_take_over_is_refused_before_a_write_is_held_up(stage: Stage, answer: Any, reason: str) -> None:
    stage.answer = answer
    with pytest.raises(Failed, match=reason):
        stage.switchovers.to(None)
    assert stage.posted == []


def test_nothing_is_handed_over_while_the_table_does_not_answer(stage: Stage) -> None:
    stage.clock.now = HELD.confirmed + 1.5
    with pytest.raises(Failed, match="the lease's table does not answer: nobody could take over; writes go on here"):
        stage.switchovers.to("web-b")
    assert stage.posted == []


def test_a_handover_that_is_given_up_says_what_the_other_lacked(stage: Stage) -> None:
    stage.script = [HANDING, HOLDER]
    stage.said["web-b"] = Said(asked=1000, status=status(local=replace(DATA, executed="a:1-8")))
    with pytest.raises(Failed, match="given up, web-a is the primary as before: web-b still lacks a:9-10"):
        stage.switchovers.to("web-b")


def test_a_handover_given_up_though_the_other_had_everything_says_that_it_was_late(stage: Stage) -> None:
    stage.script = [HANDING, HOLDER]
    with pytest.raises(Failed, match="as before: web-b does not answer"):
        stage.switchovers.to("web-b")
    stage.script, stage.said["web-b"] = [HANDING, HOLDER], Said(asked=1000, status=status())
    with pytest.raises(Failed, match="as before: web-b was not ready in time"):
        stage.switchovers.to("web-b")


def test_every_wait_has_an_end(stage: Stage) -> None:
    with pytest.raises(Failed, match="waited 1 s for the switchover to begin; see: agent lease"):
        stage.switchovers.to("web-b")
    stage.script = [HANDING]
    with pytest.raises(Failed, match="waited 8 s for web-b to take over"):
        stage.switchovers.to("web-b")


# A stop.


def test_a_server_that_stops_says_goodbye_and_hands_over(stage: Stage) -> None:
    stage.script = [HANDING, HANDED]
    assert stage.switchovers.resign() == "web-b is the primary, epoch 4, 0.02 s without writes"
    assert stage.told == [("/goodbye", {}, 0.5)]


def test_a_server_that_does_not_hold_the_lease_may_go_at_once(stage: Stage) -> None:
    stage.loop.state = HANDED
    assert stage.switchovers.resign() == "this server does not hold the lease"
    assert stage.clock.now == 1000


def test_a_stop_is_held_until_somebody_serves_and_no_longer_than_systemd_allows(stage: Stage) -> None:
    stage.answer = status(source=None)
    assert stage.switchovers.resign() == "web-b does not follow web-a"
    assert 36 <= stage.clock.now - 1000 < 37  # and one attempt may last for another 8.5


@pytest.mark.parametrize(("ago", "waits"), [(4.9, False), (5.1, True)])
def test_servers_that_stop_together_do_not_wait_for_each_other(stage: Stage, ago: float, waits: bool) -> None:
    stage.switchovers.said_goodbye("web-b")
    stage.clock.now += ago
    stage.script = [HANDING, HANDED]
    said = stage.switchovers.resign()
    assert (said != "the other servers stop as well") is waits
    assert bool(stage.posted) is waits
