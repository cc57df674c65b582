"""A server that comes back: it follows, salvages and is cloned, or says why not; never while there is a lease to look after."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from agent.lease.last_copy import Copy
from agent.lease.state import Hold, State, Take, Watch
from agent.lease.view import Local, Settings
from agent.member import rejoin as module
from agent.member.look import Look
from agent.member.peers import Status
from agent.member.rejoin import PASSWORD, Rejoin
from agent.mysql import Login, Mysql
from agent.system import Failed
from tests.unit.agent.fakes import FakeSystem
from tests.unit.agent.member.scene import DATA, RECORD, Clock, status
from tests.unit.agent.mysql_world import World
from tests.unit.agent.test_agent_replication import FOLLOW, FOLLOW_AGAIN

IDLE = State(
    server="web-b", boot_nonce="nonce-b", settings=Settings(), closing=None, watch=Watch(record=RECORD, since=0, asked=0)
)
HOLDING = replace(IDLE, hold=Hold(record=RECORD, since=0, counter=7), watch=None)
ANOTHERS = replace(IDLE, watch=Watch(record=replace(RECORD, holder="web-c", epoch=4), since=0, asked=0))
REGAINED = replace(IDLE, watch=Watch(record=replace(RECORD, epoch=5), since=0, asked=0))  # web-a has it again
PRIMARY = status("web-a", source=None, receiving=False, leads=True)
FOLLOWING = Look(at=1000, local=DATA, source="10.20.1.10", receiving=True, applying=True)


class Returning:
    """web-b, back with `local` data, while web-a is the primary. Salvage and clone are written down in `done`."""

    def __init__(self, system: FakeSystem, config, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self.system, self.done, self.unfinished = world, system, [], False
        world.created("web-a")
        world.here = "web-b"
        self.primary: Status | Failed = PRIMARY
        self.loop = SimpleNamespace(state=IDLE)
        self.observer = SimpleNamespace(latest=Look(at=1000, local=DATA))
        path = system.path(PASSWORD)
        path.parent.mkdir(parents=True)
        path.write_text("replication-pw")
        self.lock, self.waits = Lock(), []
        self.rejoin = Rejoin(
            system=system,
            config=config("web-b"),
            loop=self.loop,
            peers=SimpleNamespace(status=self._status),
            observer=self.observer,
            mysqld=SimpleNamespace(start=lambda if_in: self.done.append(f"start mysqld if it is {if_in}")),
            database=SimpleNamespace(lock=self.lock, wait_for_replicas=self.waits.append),
            mysql=Mysql(Login(), world.query),
            store=None,
        )
        monkeypatch.setattr(module.salvage, "salvage", self._salvage)
        monkeypatch.setattr(module.clone, "copy", lambda _, __, donor: self.done.append(f"copy from {donor.host}"))
        monkeypatch.setattr(module.clone, "is_unfinished", lambda _: self.unfinished)
        monkeypatch.setattr(module.clone, "finish", lambda *_: self.done.append("finish the swap"))
        monkeypatch.setattr(module.clone, "swap", lambda _, __, wanted: self.done.append(f"swap to {wanted}"))

    def _status(self, name: str) -> Status:
        if isinstance(self.primary, Failed):
            raise self.primary
        return self.primary

    def _salvage(self, *_: Any, cluster_id: str, server: str, gtids: str) -> Copy:
        self.done.append(f"salvage {gtids} of {cluster_id} on {server}")
        return Copy(where="s3", cluster_id=cluster_id, executed=gtids, verified=True)

    def back(self, **local: Any) -> list[str]:
        """One step with this data; what was done."""
        self.observer.latest = Look(at=1000, local=replace(DATA, **local))
        self.done.clear()
        self.reason = self.rejoin.once()
        return self.done


class Lock:
    """`then` happens when it is taken, as if somebody had held it until now."""

    def __init__(self) -> None:
        self.then = lambda: None

    def __enter__(self) -> None:
        self.then()

    def __exit__(self, *_: Any) -> None:
        pass


@pytest.fixture
def web_b(system: FakeSystem, config, world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Returning:
    return Returning(system, config, world, monkeypatch)


def test_data_that_the_holder_has_follows_it(web_b: Returning) -> None:
    assert web_b.back(executed="a:1-5") == []
    assert (web_b.reason, web_b.world.writes, web_b.waits) == (None, FOLLOW, [False])


def test_a_replica_that_follows_is_left_alone(web_b: Returning) -> None:
    web_b.back()
    web_b.world.writes.clear()
    web_b.observer.latest = FOLLOWING
    web_b.primary = Failed("is not even asked")
    assert web_b.rejoin.once() is None
    assert web_b.world.writes == []


def test_a_receiver_without_room_is_left_alone_until_there_is_some_and_then_asked_anew(web_b: Returning, clock: Clock) -> None:
    web_b.back()
    clock.now += 11
    web_b.world.writes.clear()
    for free, writes, reason in ((0.0199, [], "its data volume is full: nothing is received"), (0.02, FOLLOW_AGAIN, None)):
        web_b.observer.latest = replace(FOLLOWING, receiving=False, starved=True, local=replace(DATA, disk_free=free))
        assert (web_b.rejoin.once(), web_b.world.writes) == (reason, writes)


@pytest.mark.parametrize("changed", [{"receiving": False}, {"applying": False}, {"source": "10.20.2.10"}, {"read_only": False}])
def test_a_replica_that_does_not_follow_as_it_should_begins_again(web_b: Returning, clock: Clock, changed: dict) -> None:
    web_b.back()
    clock.now += 11
    web_b.world.writes.clear()
    web_b.observer.latest = replace(FOLLOWING, **changed)
    web_b.rejoin.once()
    assert web_b.world.writes == FOLLOW_AGAIN


def test_a_receiver_is_given_time_to_connect_before_it_begins_again(web_b: Returning, clock: Clock) -> None:
    web_b.back()
    web_b.world.writes.clear()
    web_b.world.local.threads = ("Connecting", "Yes")
    for now, writes in ((1009.9, []), (1010.1, FOLLOW_AGAIN)):
        clock.now = now
        web_b.back()
        assert web_b.world.writes == writes


def test_a_new_replication_password_is_taken_up(web_b: Returning, clock: Clock) -> None:
    web_b.back()
    clock.now += 11
    web_b.world.servers["web-a"].users["replication"] = ["new-pw", "replication-pw"]
    web_b.system.path(PASSWORD).write_text("new-pw")
    web_b.world.writes.clear()
    web_b.observer.latest = FOLLOWING
    web_b.rejoin.once()
    assert web_b.world.writes == [line.replace("replication-pw", "new-pw") for line in FOLLOW]


def test_transactions_that_only_this_server_has_are_salvaged_and_then_it_is_cloned(web_b: Returning, clock: Clock) -> None:
    assert web_b.back(executed="a:1-10,b:1-2") == []
    clock.now += 1
    assert web_b.back(executed="a:1-10,b:1-2") == ["salvage b:1-2 of cluster-1 on web-b"]
    assert web_b.back(executed="a:1-10,b:1-2") == ["copy from 10.20.1.10", "swap to cluster-1"]
    assert web_b.world.writes == []
    assert web_b.system.lines == ["clone: this server has the data of web-a"]


def test_what_a_replica_received_before_the_holder_was_asked_is_no_divergence(web_b: Returning, clock: Clock) -> None:
    for last in range(11, 20):
        assert web_b.back(executed=f"a:1-{last}") == []  # the holder's answer, a moment old, ends before
        web_b.primary = replace(PRIMARY, local=replace(DATA, executed=f"a:1-{last}"))
        clock.now += 0.5


def test_a_salvage_or_clone_that_fails_is_none_and_is_repeated_after_ten_seconds(
    web_b: Returning, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Copy:
        web_b.done.append("tried")
        raise Failed("s3://salvage/x: SHA-256 is other")

    monkeypatch.setattr(module.salvage, "salvage", fails)
    web_b.back(executed="a:1-10,b:1-2")
    for passes, done in ((1, ["tried"]), (9.9, []), (0.2, ["tried"])):
        clock.now += passes
        with pytest.raises(Failed, match="SHA-256 is other") if done else nullcontext():
            web_b.back(executed="a:1-10,b:1-2")
        assert web_b.done == done


def test_what_was_written_after_the_salvage_is_salvaged_as_well(web_b: Returning, clock: Clock) -> None:
    web_b.back(executed="a:1-10,b:1-2")
    clock.now += 1
    web_b.back(executed="a:1-10,b:1-2")
    assert web_b.back(executed="a:1-10,b:1-3") == ["salvage b:1-3 of cluster-1 on web-b"]


@pytest.mark.parametrize("local", [{"executed": "", "cluster_id": None, "empty": True}, {"executed": "a:1-2"}])
def test_an_empty_server_and_one_that_was_away_too_long_are_cloned(web_b: Returning, local: dict) -> None:
    web_b.primary = replace(PRIMARY, local=replace(DATA, purged="a:1-5"))
    assert web_b.back(**local) == ["copy from 10.20.1.10", "swap to cluster-1"]


@pytest.mark.parametrize(
    ("local", "primary", "reason"),
    [
        ({}, Failed("timed out"), "web-a does not serve database cluster-1 now"),
        ({}, replace(PRIMARY, local=Local(alive=False)), "web-a does not serve database cluster-1 now"),
        ({"cluster_id": "other"}, PRIMARY, "the volume holds other, not cluster-1: an operator decides"),
    ],
)
def test_what_stands_in_the_way_is_said_and_nothing_is_done(web_b: Returning, local: dict, primary: Any, reason: str) -> None:
    web_b.primary = primary
    assert (web_b.back(**local), web_b.reason, web_b.world.writes) == ([], reason, [])


TAKE = Take(write=None, observed=RECORD, sent=0)


@pytest.mark.parametrize(
    "state",
    [
        HOLDING,
        replace(IDLE, closing=1.0),
        replace(IDLE, take=TAKE),
        replace(IDLE, watch=None),
        replace(IDLE, watch=Watch(record=replace(RECORD, holder="web-b"), since=0, asked=0)),
    ],
)
def test_a_server_with_a_lease_to_look_after_changes_nothing(web_b: Returning, state: State) -> None:
    web_b.loop.state = state
    assert (web_b.back(executed="b:1"), web_b.reason, web_b.world.writes) == ([], None, [])


def test_a_dead_mysqld_is_waited_for_and_started_when_systemd_has_given_up_on_it(web_b: Returning, clock: Clock) -> None:
    started = ["start mysqld if it is ('failed',)"]
    assert (web_b.back(alive=False), web_b.reason, web_b.world.writes) == (started, None, [])
    clock.now += 9
    assert web_b.back(alive=False) == []
    clock.now += 1
    assert web_b.back(alive=False) == started


@pytest.mark.parametrize("state", [HOLDING, ANOTHERS])
def test_a_lease_taken_in_the_meantime_leaves_replication_as_it_is(web_b: Returning, state: State) -> None:
    web_b.lock.then = lambda: setattr(web_b.loop, "state", state)
    web_b.back(executed="a:1-5")
    assert web_b.world.writes == []


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (HOLDING, "this server has the lease to look after by now"),
        (ANOTHERS, "the lease is web-c's by now"),
        (REGAINED, "the lease is web-a's by now, in epoch 5, not 3"),
    ],
)
def test_a_lease_taken_during_a_clone_leaves_the_copy_unused(web_b: Returning, state: State, reason: str) -> None:
    web_b.lock.then = lambda: setattr(web_b.loop, "state", state)
    with pytest.raises(Failed, match=f"clone: not used: {reason}"):
        web_b.back(executed="", cluster_id=None, empty=True)
    assert web_b.done == ["copy from 10.20.1.10"]


def test_a_copy_is_used_when_the_donor_only_had_its_own_lease_back(web_b: Returning) -> None:
    again = replace(IDLE, watch=Watch(record=replace(RECORD, epoch=4), since=0, asked=0))
    web_b.lock.then = lambda: setattr(web_b.loop, "state", again)
    assert web_b.back(executed="", cluster_id=None, empty=True) == ["copy from 10.20.1.10", "swap to cluster-1"]


def test_a_missing_password_names_the_file(web_b: Returning) -> None:
    web_b.system.path(PASSWORD).unlink()
    with pytest.raises(Failed, match=r"replication\.password: .*; the manifest's secrets must bring it"):
        web_b.back()


def test_a_reason_is_told_once_until_it_changes(web_b: Returning, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Any] = ["web-a is away", "web-a is away", Failed("no password"), ZeroDivisionError("ours"), None]

    def once() -> str | None:
        answer = said.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def sleep(_: float) -> None:
        if not said:
            raise KeyboardInterrupt

    monkeypatch.setattr(web_b.rejoin, "once", once)
    monkeypatch.setattr(web_b.system, "sleep", sleep)
    with pytest.raises(KeyboardInterrupt):
        web_b.rejoin.run()
    reasons = ["web-a is away", "no password", "rejoin: ZeroDivisionError('ours')"]
    assert web_b.system.lines == [f"rejoin: {reason}" for reason in reasons]
    assert web_b.rejoin.reason is None


def test_a_swap_that_was_cut_off_is_finished_though_mysqld_is_down_but_never_by_a_holder(web_b: Returning) -> None:
    web_b.unfinished = True
    assert web_b.back(alive=False) == ["finish the swap"]
    web_b.loop.state = HOLDING
    assert web_b.back(alive=False) == []
