"""What a member answers: to the others and to operators over mutual TLS, to the balancers over plain HTTP."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from agent import rotation
from agent.lease import record as records
from agent.lease.state import Hold, Take, Watch
from agent.member.look import Look
from agent.member.mysqld import boottime
from agent.member.peers import Peers
from agent.system import Failed
from tests.unit.agent.fakes import FakeSystem
from tests.unit.agent.member.partner import WATCHER, Member
from tests.unit.agent.member.scene import DATA, RECORD, Clock
from tests.unit.agent.mysql_world import World


def ask(peers: Peers, epoch: int = 3) -> dict[str, Any]:
    return peers.post("web-b", "/ask", {"epoch": epoch, "ttl_s": 5, "ask": 999.0})


def test_a_promise_is_asked_for_and_given(asking, member: Member) -> None:
    assert ask(asking()) == {"yes": True, "reason": ""}
    assert member.loop.state.promised_until > boottime() + 4


def test_a_refused_promise_carries_the_reason(asking, member: Member) -> None:
    member.loop.state = replace(WATCHER, seen=(4, 0))
    assert ask(asking()) == {"yes": False, "reason": "web-b has seen epoch 4, newer than 3"}


def test_a_member_with_a_taking_under_way_promises_nothing(asking, member: Member) -> None:
    write = records.taking(
        RECORD, epoch=RECORD.epoch + 1, holder="web-b", boot_nonce="nonce-b", ttl_s=5, gtid_executed="", failover=True
    )
    member.loop.state = replace(WATCHER, take=Take(write=write, observed=RECORD, sent=boottime()))
    assert ask(asking()) == {"yes": False, "reason": "web-b has a taking under way"}


def test_a_promise_that_is_not_decided_in_time_is_none(asking, member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.member.answers.REPLY_S", 0.01)
    member.replies = False
    with pytest.raises(Failed, match="web-b: the decision took too long"):
        ask(asking())


@pytest.mark.parametrize(
    ("path", "told"), [("/look", "read"), ("/pause", "pause"), ("/lead", "follow web-a"), ("/goodbye", "goodbye web-a")]
)
def test_a_message_is_done_in_the_name_of_whoever_sent_it(asking, member: Member, path: str, told: str) -> None:
    assert asking().post("web-b", path, {"epoch": 3}) == {}
    assert member.told == [told]


@pytest.mark.parametrize("path", ["/pause", "/lead"])
def test_what_was_said_to_the_balancers_in_an_epoch_that_is_over_is_not_done(asking, member: Member, path: str) -> None:
    member.loop.state = replace(WATCHER, seen=(4, 0))
    assert asking().post("web-b", path, {"epoch": 3}) == {}
    assert member.told == []


def test_a_switchover_is_answered_with_what_it_came_to(asking, member: Member) -> None:
    assert asking().post("web-b", "/switchover", {"to": "web-a"}) == {"to": "web-a", "epoch": 4, "seconds": 0.25}


def test_a_refusal_carries_the_words_of_whoever_refuses(asking, member: Member) -> None:
    def refuse(_: str) -> None:
        raise Failed("web-b does not hold the lease; web-a does")

    member.switchovers.to = refuse
    with pytest.raises(Failed, match=r"^web-b: web-b does not hold the lease; web-a does$"):
        asking().post("web-b", "/switchover", {"to": "web-a"})


def test_a_message_of_another_shape_is_refused_with_what_it_lacks(asking) -> None:
    with pytest.raises(Failed, match=r"web-b: /ask: not of the expected shape: KeyError\('epoch'\)"):
        asking().post("web-b", "/ask", {})


def test_nobody_resigns_or_is_promoted_for_another(asking, member: Member) -> None:
    for path, said in (
        ("/resign", "web-b resigns when it is asked on itself"),
        ("/promote", "web-b is promoted when it is asked"),
    ):
        with pytest.raises(Failed, match=said):
            asking().post("web-b", path, {"epoch": 3})
    assert member.told == []


def test_a_server_resigns_and_is_promoted_by_its_own_operator(asking, member: Member) -> None:
    assert asking("web-b").post("web-b", "/resign", {}) == {"said": "handed over"}
    assert asking("web-b").post("web-b", "/promote", {"epoch": 3}) == {}
    assert member.told == ["Promote(epoch=3)"]
    assert member.loop.state.forced_epoch == 3


ACCOUNTS = {"name": "notes", "passwords": {"app": "app-pw", "replication": "replication-pw"}}


def test_accounts_are_made_by_the_primary_only(asking, member: Member, world: World) -> None:
    with pytest.raises(Failed, match="web-b: web-b is not the primary"):
        asking().post("web-b", "/accounts", ACCOUNTS)
    now = boottime()
    held = Hold(record=replace(RECORD, holder="web-b"), since=now, confirmed=now, counter=7, opened=True, touched=True)
    member.loop.state = replace(WATCHER, hold=held)
    world.local.read_only = world.local.super_read_only = 0
    assert asking().post("web-b", "/accounts", ACCOUNTS) == {}
    assert world.local.users == {"app": ["app-pw"], "replication": ["replication-pw"]}


def test_a_status_whose_look_is_old_says_that_mysqld_does_not_answer(asking, member: Member) -> None:
    member.answers._observer.latest = replace(member.look, at=boottime() - 1)
    assert asking().status("web-b").local == replace(DATA, alive=False)


# What the balancers and an operator are told, over plain HTTP.

OPENED = Hold(record=replace(RECORD, holder="web-b"), since=0, confirmed=0, counter=7, opened=True, touched=True)


def roles(member: Member, look: Look) -> dict[str, Any]:
    member.answers._observer = SimpleNamespace(latest=look, since=lambda at, timeout_s: look)
    return {path: route(None) for (_, path), route in member.answers.roles().items()}


def test_the_role_is_asked_of_the_lease_and_the_clock_in_every_answer(member: Member) -> None:
    look = Look(at=boottime() + 60, local=DATA, read_only=False)
    member.loop.state = replace(WATCHER, hold=replace(OPENED, confirmed=boottime()))
    assert roles(member, look)["/primary"].ok
    member.loop.state = replace(WATCHER, hold=replace(OPENED, confirmed=boottime() - 3.6))
    assert not roles(member, look)["/primary"].ok


def test_a_primary_that_hands_over_as_planned_ends_no_session_until_a_second_later(member: Member, clock: Clock) -> None:
    read_only = Look(at=clock.now + 60, local=DATA, read_only=True)
    member.loop.state = replace(WATCHER, hold=replace(OPENED, confirmed=clock.now, handing="web-a"))
    assert roles(member, read_only)["/primary"].status == 404
    member.loop.state = WATCHER
    assert roles(member, read_only)["/primary"].status == 503
    member.answers._hands.handing_at = clock.now
    clock.now += 0.9
    assert roles(member, read_only)["/primary"].status == 404
    clock.now += 0.2
    assert roles(member, read_only)["/primary"].status == 503


def test_a_primary_that_lost_its_lease_says_so_at_once(member: Member) -> None:
    member.loop.state = replace(WATCHER, hold=replace(OPENED, confirmed=boottime() - 3.6))
    assert roles(member, Look(at=boottime() + 60, local=DATA, read_only=True))["/primary"].status == 503


def test_an_old_look_is_an_error_and_no_role(member: Member) -> None:
    member.loop.state = replace(WATCHER, hold=replace(OPENED, confirmed=boottime()))
    answer = roles(member, Look(at=boottime() - 2, local=DATA, read_only=False))["/primary"]
    assert not answer.ok and answer.body["error"].startswith("MySQL has not answered for 2.")


def test_nobody_reads_from_the_replica_of_a_server_that_leaves(member: Member, system: FakeSystem) -> None:
    look = replace(member.look, applying=True, lag_s=0)
    assert roles(member, look)["/replica"].ok
    rotation.raise_flag(system, rotation.LEAVING)
    answer = roles(member, look)["/replica"]
    assert (answer.ok, answer.body["role"]) == (False, "replica")


def test_a_database_is_of_use_as_the_primary_or_as_a_replica_that_keeps_up(member: Member) -> None:
    def of_use(look: Look) -> bool:
        roles(member, look)
        return member.answers.of_use()

    following = replace(member.look, applying=True, lag_s=0)
    assert of_use(following)
    assert not of_use(replace(following, receiving=False))
    member.loop.state = replace(WATCHER, hold=replace(OPENED, confirmed=boottime()))
    assert of_use(Look(at=boottime() + 60, local=DATA, read_only=False))


def test_a_member_that_does_not_hear_a_holder_that_renews_says_that_it_is_cut_off(member: Member) -> None:
    now = boottime()
    member.loop.state = replace(WATCHER, watch=Watch(record=RECORD, since=now, asked=now))
    answer = roles(member, member.look)["/cut-off"]
    assert (answer.ok, answer.body) == (True, {"server": "web-b", "unheard": "web-a"})


def test_the_lease_is_shown_with_everything_an_operator_wants_to_know(member: Member) -> None:
    now = boottime()
    member.loop.state = replace(WATCHER, watch=Watch(record=RECORD, since=now - 2, asked=now))
    body = roles(member, replace(member.look, lag_s=1))["/lease"].body
    assert 2 <= body.pop("stood_still_s") < 30
    assert body == {
        "server": "web-b",
        "boot_nonce": "nonce-b",
        "ttl_s": 5,
        "record": RECORD.to_item(),
        "holds": False,
        "role": "replica",
        "read_only": True,
        "executed": "a:1-10",
        "received": "a:1-11",
        "source": "web-a",
        "lag_s": 1,
        "complete": False,
        "semi_sync": False,
        "semi_sync_wanted": False,
        "error": None,
        "alarm": None,
    }


def test_what_stands_in_the_way_is_shown_as_an_alarm(member: Member) -> None:
    member.answers._rejoin.reason = "web-a does not serve database cluster-1 now"
    assert roles(member, member.look)["/lease"].body["alarm"] == "web-a does not serve database cluster-1 now"
    assert roles(member, member.look)["/lease"].body["record"] is None
