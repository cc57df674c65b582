"""What a server sees in the lease's words: its own look, and what only the other members know."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from agent.lease.view import Local
from agent.member.look import Look
from agent.member.mysqld import boottime
from agent.member.peers import Peers, Said, Status
from agent.member.sight import MemberSight
from tests.unit.agent.fakes import FakeSystem
from tests.unit.agent.member.scene import DATA, status

NOW = 1000.0


class Bench:
    def __init__(self, system: FakeSystem, config, server: str) -> None:
        chosen = config(server)
        self.peers, self.synchronous_from = Peers(system, chosen, timeout_s=1), ""
        self.sight = MemberSight(chosen, SimpleNamespace(), self.peers, lambda: self.synchronous_from)

    def said(self, said: Status, asked: float) -> None:
        self.peers.said[said.name] = Said(asked=asked, status=said)

    def local(self, look: Look, now: float = NOW) -> Local:
        return self.sight.local(look, now)


# A primary, web-a, whose replica is web-b.

PRIMARY = Look(at=NOW, local=DATA, mysqld=7, read_only=False, received=DATA.executed)


@pytest.fixture
def primary(system: FakeSystem, config) -> Bench:
    return Bench(system, config, "web-a")


@pytest.mark.parametrize(
    ("said", "connected"),
    [
        (status(), True),
        (status(receiving=False), False),
        (status(source=None), False),
        (status(source="web-c"), False),
    ],
)
def test_a_replica_is_connected_when_it_receives_from_this_server(primary: Bench, said: Status, connected: bool) -> None:
    primary.said(said, NOW - 0.5)
    assert primary.local(PRIMARY) == replace(
        DATA, replicas_connected=connected, replicas_near=connected, replicas_caught_up=connected
    )


@pytest.mark.parametrize(("age", "heard"), [(0.9, True), (1.1, False)])
def test_an_answer_older_than_a_fifth_of_the_ttl_is_none(primary: Bench, age: float, heard: bool) -> None:
    primary.said(status(), NOW - age)
    assert primary.local(PRIMARY).replicas_connected is heard
    assert primary.sight.peers(NOW) == ({"web-b": status().peer} if heard else {})


def test_what_a_member_answered_last_is_remembered_however_old(primary: Bench) -> None:
    primary.said(status("web-b"), asked=NOW - 100)
    assert primary.sight.heard() == {"web-b": NOW - 100}


def test_a_member_that_has_not_answered_yet_counts_as_heard_when_this_unit_began(primary: Bench) -> None:
    began, now = primary.sight.heard()["web-b"], boottime()
    assert now - 60 < began <= now


def test_a_replica_nobody_has_heard_of_is_not_connected(primary: Bench) -> None:
    assert primary.local(PRIMARY) == DATA


@pytest.mark.parametrize(("received", "caught_up"), [("a:1-10", True), ("a:1-11", True), ("a:1-9", False)])
def test_a_replica_has_caught_up_with_what_was_there_when_commits_began_to_wait(
    primary: Bench, received: str, caught_up: bool
) -> None:
    """What comes later it acknowledges before the client is told."""
    primary.synchronous_from = "a:1-10"
    primary.said(status(received=received), NOW)
    local = primary.local(replace(PRIMARY, local=replace(DATA, executed="a:1-12")))
    assert (local.replicas_connected, local.replicas_caught_up) == (True, caught_up)


@pytest.mark.parametrize(("received", "near"), [("a:1-30", True), ("a:1-29", False)])
def test_a_replica_is_near_that_has_all_but_the_last_two_seconds(primary: Bench, received: str, near: bool) -> None:
    for second in range(5):
        now = NOW + second
        primary.said(status(received=received), now)
        local = primary.local(replace(PRIMARY, at=now, local=replace(DATA, executed=f"a:1-{10 * second + 10}")), now)
    assert local.replicas_near is near


# A replica, web-b, of web-a.

REPLICA = Look(at=NOW, local=DATA, mysqld=7, source="10.20.1.10", receiving=True, received="a:1-10")
SOURCE = status("web-a", source=None, receiving=False, leads=True)


@pytest.fixture
def replica(system: FakeSystem, config) -> Bench:
    return Bench(system, config, "web-b")


def test_a_replica_is_complete_once_it_has_all_that_its_source_had_after_it_began_to_receive(replica: Bench) -> None:
    replica.said(SOURCE, NOW - 0.1)  # asked before this mysqld received: what it had lost may not be in that
    assert not replica.local(REPLICA).complete
    replica.said(SOURCE, NOW + 0.1)
    assert replica.local(replace(REPLICA, at=NOW + 0.2)).complete


def test_a_replica_that_lacks_something_of_its_source_is_not_complete(replica: Bench) -> None:
    assert not replica.local(replace(REPLICA, received="a:1-9")).complete
    replica.said(SOURCE, NOW + 0.1)
    assert not replica.local(replace(REPLICA, received="a:1-9")).complete
    assert replica.local(replace(REPLICA, received="a:1-10")).complete


def test_a_complete_replica_stays_it_when_its_source_is_gone(replica: Bench) -> None:
    replica.local(REPLICA)
    replica.said(SOURCE, NOW + 0.1)
    assert replica.local(REPLICA).complete
    assert replica.local(replace(REPLICA, receiving=False), NOW + 60).complete


def test_a_mysqld_that_started_anew_has_to_catch_up_again(replica: Bench) -> None:
    replica.local(REPLICA)
    replica.said(SOURCE, NOW + 0.1)
    assert replica.local(REPLICA).complete
    again = replace(REPLICA, mysqld=8, at=NOW + 1)
    assert not replica.local(again).complete
    replica.said(SOURCE, NOW + 1.1)
    assert replica.local(again).complete


def test_a_replica_whose_relay_log_was_dropped_has_to_catch_up_again(replica: Bench) -> None:
    replica.local(REPLICA)
    replica.said(SOURCE, NOW + 0.1)
    assert replica.local(REPLICA).complete
    silent = replace(REPLICA, at=NOW + 0.5, received="", local=replace(DATA, alive=False))
    late = replace(REPLICA, at=NOW - 0.1, received="a:1-9")  # of another thread, which took longer
    assert replica.local(silent).complete and replica.local(late).complete
    dropped = replace(REPLICA, received="a:1-9", at=NOW + 1)
    assert not replica.local(dropped).complete
    fetched = replace(REPLICA, at=NOW + 1.2)
    assert not replica.local(fetched).complete
    replica.said(SOURCE, NOW + 1.1)
    assert replica.local(fetched).complete


def test_a_dead_mysqld_is_not_complete(replica: Bench) -> None:
    replica.local(REPLICA)
    replica.said(SOURCE, NOW + 0.1)
    assert replica.local(REPLICA).complete
    assert not replica.local(replace(REPLICA, mysqld=None, receiving=False)).complete


def test_a_replica_that_does_not_receive_is_not_complete_whatever_it_has(replica: Bench) -> None:
    replica.said(SOURCE, NOW)
    assert not replica.local(replace(REPLICA, receiving=False)).complete


def test_a_replica_whose_receiver_is_stuck_is_as_far_behind_as_its_source_says_whatever_mysql_counts(replica: Bench) -> None:
    stuck = replace(REPLICA, lag_s=0)
    replica.said(replace(SOURCE, local=replace(DATA, executed="a:1-11")), NOW)
    replica.local(stuck)
    replica.said(replace(SOURCE, local=replace(DATA, executed="a:1-20")), NOW + 5)
    replica.local(stuck)
    assert replica.sight.lag(stuck, NOW + 6).lag_s == 6.0
    behind = replace(stuck, local=replace(DATA, executed="a:1-12"))
    replica.local(behind)
    assert replica.sight.lag(behind, NOW + 6).lag_s == 1.0
    assert replica.sight.lag(replace(stuck, local=replace(DATA, executed="a:1-20")), NOW + 6).lag_s == 0


def test_what_another_source_had_is_not_waited_for(replica: Bench) -> None:
    stuck = replace(REPLICA, lag_s=0)
    replica.said(replace(SOURCE, local=replace(DATA, executed="b:1")), NOW)
    replica.local(stuck)
    alone = replace(stuck, source=None)
    replica.local(alone)
    assert replica.sight.lag(alone, NOW + 6).lag_s == 0


def test_a_lag_that_mysql_does_not_know_stays_unknown(replica: Bench) -> None:
    replica.said(replace(SOURCE, local=replace(DATA, executed="a:1-11")), NOW)
    replica.local(REPLICA)
    assert replica.sight.lag(REPLICA, NOW + 6).lag_s is None
