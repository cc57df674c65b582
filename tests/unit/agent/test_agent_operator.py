"""What an operator asks: which member is asked for it, and what he is told, above all before he gives something up."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import pytest

from agent import operator
from agent.member.config import PATH
from agent.system import Failed
from tests.unit.agent.fakes import FakeSystem

RECORD = {"holder": "web-a", "epoch": 3, "gtid_executed": "a:1-10", "ttl_s": 5}
SEEN = {
    "server": "web-b",
    "record": RECORD,
    "holds": False,
    "role": "replica",
    "executed": "a:1-7",
    "stood_still_s": 42.4,
    "alarm": None,
}
LEASE = operator.lease


class Cluster:
    """This server's unit says `seen`, the last of them again and again; members answer `answers` to what is `asked`."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = [SEEN]
        self.asked: list[tuple] = []
        self.answer: dict[str, Any] | Failed = {}
        self.clock = 0.0
        self.follows: str | None = None

    def lease(self) -> dict[str, Any]:
        return self.seen.pop(0) if len(self.seen) > 1 else self.seen[0]

    def post(self, name: str, path: str, body: dict, timeout_s: float | None = None) -> dict[str, Any]:
        self.asked.append((name, path, body, timeout_s))
        if isinstance(self.answer, Failed):
            raise self.answer
        return self.answer

    def status(self, name: str) -> SimpleNamespace:
        if self.follows is None:
            raise Failed(f"{name} is silent")
        return SimpleNamespace(source=self.follows)

    def monotonic(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        self.clock += seconds


@pytest.fixture
def cluster(system: FakeSystem, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    cluster = Cluster()
    monkeypatch.setattr(operator, "lease", cluster.lease)
    monkeypatch.setattr(operator, "time", cluster)
    monkeypatch.setattr(operator, "Peers", lambda system, config, timeout_s: cluster)
    members = {"web-a": "10.20.1.10", "web-b": "10.20.2.10"}
    raw = {"server": "web-b", "domain": "test.internal", "members": members, "settings": {"ttl_s": 3}, "read_lag_s": 10}
    system.path(PATH).write_text(json.dumps(raw))
    return cluster


@pytest.mark.parametrize("to", ["web-b", None])
def test_a_switchover_is_asked_of_the_holder(system: FakeSystem, cluster: Cluster, to: str | None) -> None:
    cluster.answer = {"to": "web-b", "epoch": 4, "seconds": 0.123}
    assert operator.switchover(system, to) == "web-b is the primary, epoch 4, 0.12 s without writes"
    assert cluster.asked == [("web-a", "/switchover", {"to": to}, 30)]


def test_a_switchover_to_the_primary_is_over_before_it_begins(system: FakeSystem, cluster: Cluster) -> None:
    assert operator.switchover(system, "web-a") == "web-a is the primary already, epoch 3"
    assert cluster.asked == []


def test_a_switchover_that_is_refused_says_the_holders_reason(system: FakeSystem, cluster: Cluster) -> None:
    cluster.answer = Failed("web-a: web-b does not follow web-a")
    with pytest.raises(Failed, match=r"^web-a: web-b does not follow web-a$"):
        operator.switchover(system, "web-b")


def test_nothing_is_switched_or_promoted_while_the_record_is_not_known(system: FakeSystem, cluster: Cluster) -> None:
    cluster.seen = [SEEN | {"record": None}]
    for ask in (operator.switchover, operator.promote):
        with pytest.raises(Failed, match="the lease's item is missing or not read yet"):
            ask(system, None)
    assert cluster.asked == []


# Before MySQL restarts, and before the server stops.


def test_a_holder_hands_over_before_its_mysql_restarts(system: FakeSystem, cluster: Cluster) -> None:
    cluster.seen = [SEEN | {"holds": True, "record": RECORD | {"holder": "web-b"}}]
    cluster.answer = {"to": "web-a", "epoch": 4, "seconds": 0.2}
    operator.hand_over(system)
    assert system.lines == ["failover: web-a is the primary, epoch 4, 0.20 s without writes"]
    assert cluster.asked == [("web-b", "/switchover", {"to": None}, 30)]


def test_a_server_that_does_not_hold_the_lease_has_nothing_to_hand_over(system: FakeSystem, cluster: Cluster) -> None:
    operator.hand_over(system)
    assert (system.lines, cluster.asked) == ([], [])


def test_a_restart_of_mysql_goes_on_when_nobody_can_take_over(system: FakeSystem, cluster: Cluster) -> None:
    cluster.seen = [SEEN | {"holds": True}]
    cluster.answer = Failed("web-a: mysqld does not answer")
    operator.hand_over(system)
    why = "somebody to hand over to: not within 30 s: web-a: mysqld does not answer"
    assert system.lines == [f"failover: not handed over: {why}"]


@pytest.mark.parametrize("follows", [None, "web-a"])
def test_a_failover_unit_restarts_when_nobody_follows_who_could_take_over_meanwhile(
    system: FakeSystem, cluster: Cluster, follows: str | None
) -> None:
    alone(cluster, follows)
    operator.leave_or_refuse(system)
    why = "somebody to hand over to: not within 30 s: web-b: web-a is 3 s behind: writes would have to wait for it"
    assert system.lines == [f"failover: not handed over: {why}"]


def test_a_failover_unit_does_not_restart_while_a_replica_that_lags_could_take_over(system: FakeSystem, cluster: Cluster) -> None:
    alone(cluster, "web-b")
    with pytest.raises(Failed, match=r"not restarted, because web-a could then take over without the last writes: .* 3 s behind"):
        operator.leave_or_refuse(system)


def test_a_handover_that_was_slower_than_its_answer_is_not_handed_back(system: FakeSystem, cluster: Cluster) -> None:
    holding = SEEN | {"holds": True, "record": RECORD | {"holder": "web-b"}}
    cluster.seen = [holding, holding, holding, SEEN]
    cluster.answer = Failed("web-b: switchover: waited 8 s for web-a to take over; see: agent lease")
    operator.leave_or_refuse(system)
    assert [name for name, *_ in cluster.asked] == ["web-b"]
    assert system.lines == ["failover: another server is the primary"]


def alone(cluster: Cluster, follows: str | None) -> None:
    """web-b is the primary and cannot hand over; web-a follows that server, None: does not answer."""
    cluster.seen = [SEEN | {"holds": True, "record": RECORD | {"holder": "web-b"}}]
    cluster.answer = Failed("web-b: web-a is 3 s behind: writes would have to wait for it")
    cluster.follows = follows


def test_a_server_resigns_through_its_own_unit(system: FakeSystem, cluster: Cluster) -> None:
    cluster.answer = {"said": "web-a is the primary, epoch 4, 0.20 s without writes"}
    assert operator.resign(system) == "web-a is the primary, epoch 4, 0.20 s without writes"
    assert cluster.asked == [("web-b", "/resign", {}, 46)]


# Promotion by force.

LOST = (
    "web-a holds epoch 3, last renewed 42 s ago. Promoting web-b loses 3 transactions that web-a had published (a:8-10) "
    "and what web-a wrote since it published last, which is salvaged when that server comes back. To do it: force=3"
)


@pytest.mark.parametrize("force", [None, 2, 4])
def test_without_the_epoch_an_operator_is_told_what_he_would_give_up(system: FakeSystem, cluster: Cluster, force) -> None:
    with pytest.raises(Failed) as told:
        operator.promote(system, force)
    assert str(told.value) == LOST
    assert cluster.asked == []


def test_a_promotion_that_loses_nothing_known_says_so(system: FakeSystem, cluster: Cluster) -> None:
    cluster.seen = [SEEN | {"executed": "a:1-12"}]
    with pytest.raises(Failed, match="Promoting web-b loses what web-a wrote since it published last, which is salvaged"):
        operator.promote(system, None)


def test_a_former_holder_gives_up_nothing_of_its_own(system: FakeSystem, cluster: Cluster) -> None:
    cluster.seen = [SEEN | {"executed": "a:1-12", "record": SEEN["record"] | {"holder": "web-b"}}]
    with pytest.raises(Failed, match=r"Promoting web-b loses nothing\. To do it: force=3$"):
        operator.promote(system, None)


def test_who_would_promote_past_a_primary_that_is_alive_is_told_so(system: FakeSystem, cluster: Cluster) -> None:
    cluster.seen = [SEEN | {"stood_still_s": 0.4}]
    with pytest.raises(
        Failed, match=r"last renewed 0 s ago: a switchover, if one is possible, loses nothing\. Promoting web-b loses"
    ):
        operator.promote(system, None)


def test_a_promotion_with_the_epoch_is_ordered_here_and_waited_for(system: FakeSystem, cluster: Cluster) -> None:
    taken = SEEN | {"role": "primary", "record": RECORD | {"holder": "web-b", "epoch": 4}}
    cluster.seen = [SEEN, SEEN, taken]
    assert operator.promote(system, 3) == "web-b is the primary, epoch 4"
    assert cluster.asked == [("web-b", "/promote", {"epoch": 3}, None)]


def test_the_holder_is_not_promoted(system: FakeSystem, cluster: Cluster) -> None:
    cluster.seen = [SEEN | {"holds": True}]
    assert operator.promote(system, 3) == "web-b is the primary already, epoch 3"
    assert cluster.asked == []


@pytest.mark.parametrize(
    ("alarm", "why"),
    [
        ("web-b holds no data", "web-b holds no data"),
        (None, "web-a still renews the lease; if its database is of no use: systemctl stop failover there"),
    ],
)
def test_a_promotion_that_does_not_come_says_why(system: FakeSystem, cluster: Cluster, alarm: str | None, why: str) -> None:
    cluster.seen = [SEEN | {"alarm": alarm}]
    with pytest.raises(Failed, match=f"web-b is not the primary after 30 s, but will be when it can in this epoch: {why}"):
        operator.promote(system, 3)
    assert 30 <= cluster.clock < 31


# The unit's own answer.


def test_the_lease_is_what_the_unit_answers_on_its_port(system: FakeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(operator, "lease", LEASE)
    monkeypatch.setattr(operator, "urlopen", lambda url, timeout: asked.append(url) or io.BytesIO(json.dumps(SEEN).encode()))
    assert json.loads(operator.show(system)) == SEEN
    assert asked == ["http://127.0.0.1:9201/lease"]


def test_a_unit_that_does_not_answer_is_named_with_where_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(url: str, timeout: float) -> None:
        raise URLError("Connection refused")

    monkeypatch.setattr(operator, "urlopen", refused)
    with pytest.raises(Failed, match=r"the failover unit does not answer .*Connection refused.*; see: journalctl -u failover"):
        LEASE()


def test_an_apply_talks_to_this_servers_unit_and_to_the_holders(system: FakeSystem, cluster: Cluster) -> None:
    found = operator.cluster(system)
    found.accounts("web-a", {"name": "notes"})
    assert (found.members, found.ttl_s, found.lease) == (("web-a", "web-b"), 3, cluster.lease)
    assert cluster.asked == [("web-a", "/accounts", {"name": "notes"}, 20)]


@pytest.mark.parametrize("text", ["", "{}", '{"server": "web-b"}', "no json"])
def test_a_configuration_that_is_not_whole_names_its_remedy(system: FakeSystem, text: str) -> None:
    system.path(PATH).write_text(text)
    with pytest.raises(Failed, match=r"failover\.json: cannot be read .*; a release writes it: run `agent apply`"):
        operator.resign(system)
