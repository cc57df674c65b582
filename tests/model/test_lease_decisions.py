"""Rules that no schedule of the model isolates, because another one fires first: asked one by one."""

from dataclasses import replace

import pytest

from agent import failover
from agent.lease import candidate, handing, promising, record, taking, timing
from agent.lease.record import Record
from agent.lease.state import (
    Alarm,
    Asked,
    Close,
    Hold,
    Kill,
    Open,
    Promote,
    Restart,
    Send,
    State,
    Switchover,
    Take,
    Tick,
    WasClosed,
    WasRead,
    Watch,
)
from agent.lease.view import Peer, Settings
from agent.member.balancer import PAUSE_S
from agent.system import Failed

from .scene import LOCAL, RECORD, holder
from .store import Store

B = State(server="b", boot_nonce="b1", settings=Settings(), closing=None)
ASKED = Asked(by="a", epoch=3, ttl_s=5, ask=1.0)


def watched(state, start=0.0, steps=58, seen=RECORD):
    """The record stood still for `steps` tenths of a second."""
    for step in range(steps):
        state, _ = failover.step(state, WasRead(sent=start + step / 10, record=seen), start + step / 10)
    return state, start + steps / 10


def test_a_record_survives_the_store():
    assert Record.from_item({"id": "lease", **RECORD.to_item()}) == RECORD


def test_a_record_that_lacks_a_field_is_obeyed_by_nobody():
    item = RECORD.to_item()
    del item["epoch"]
    with pytest.raises(Failed, match="lacks epoch"):
        Record.from_item(item)


def test_every_name_in_a_condition_is_aliased_because_dynamodb_reserves_some():
    write = record.renewal(RECORD, counter=8, sync=True, gtid_executed=None)
    assert write.condition() == (
        "#holder = :holder AND #boot_nonce = :boot_nonce AND #epoch = :epoch AND #counter < :below",
        {"#holder": "holder", "#boot_nonce": "boot_nonce", "#epoch": "epoch", "#counter": "counter"},
        {":holder": "a", ":boot_nonce": "a1", ":epoch": 3, ":below": 8},
    )
    assert write.record.published_at_counter == 7


def test_a_renewal_that_hung_does_not_bring_back_what_a_newer_one_took_away():
    """Between them a write may have been acknowledged alone."""
    store = Store(RECORD)
    hung, newer = (record.renewal(RECORD, counter=8 + n, sync=not n, gtid_executed="u:1-11") for n in (0, 1))
    assert (store.write(newer), store.write(hung)) == (True, False)
    assert store.read() == newer.record


def test_an_epoch_is_given_away_only_while_it_is_the_givers_and_above_all_its_renewals():
    write = record.handover(RECORD, counter=9, holder="b", boot_nonce="b1", ttl_s=5, gtid_executed="u:1-10", failover=False)
    assert write.equal == {"holder": "a", "boot_nonce": "a1", "epoch": 3}
    assert (write.counter_below, write.record.epoch) == (9, 4)


def test_a_member_with_a_taking_under_way_promises_nothing():
    write = record.taking(RECORD, epoch=RECORD.epoch + 1, holder="b", boot_nonce="b1", ttl_s=5, gtid_executed="", failover=True)
    state = replace(B, take=Take(write=write, observed=RECORD, sent=0))
    assert "taking under way" in promising.refusal(state, ASKED)


def test_a_member_that_saw_a_newer_epoch_promises_nothing():
    assert "epoch 4" in promising.refusal(replace(B, seen=(4, 0)), ASKED)
    assert promising.refusal(B, ASKED) is None


def test_the_taking_of_a_watched_record_is_conditional_on_all_of_it():
    state, now = watched(B)
    state, actions = failover.step(state, Tick(local=LOCAL), now)
    (send,) = [action for action in actions if type(action).__name__ == "Send"]
    assert send.write.equal == RECORD.to_item()
    assert (send.write.record.epoch, send.write.record.holder, send.write.record.sync) == (4, "b", False)


@pytest.mark.parametrize(
    ("server", "after_one", "counts"), [("b", False, True), ("b", True, True), ("a", False, False), ("a", True, True)]
)
def test_to_have_ones_own_lease_back_is_no_failover_nor_does_it_end_the_pause_after_one(server, after_one, counts):
    state = replace(B, server=server, boot_nonce="anew", settings=Settings(pause_s=0))
    state, now = watched(state, seen=replace(RECORD, failover=after_one))
    _, actions = taking.take(state, LOCAL, now)
    [send] = [action for action in actions if isinstance(action, Send)]
    assert send.write.record.failover is counts


@pytest.mark.parametrize(("server", "may"), [("a", True), ("b", False)])
def test_the_pause_after_a_failover_keeps_nobody_from_having_his_own_lease_back(server, may):
    state, now = watched(replace(B, server=server, boot_nonce="anew"), seen=replace(RECORD, failover=True, counter=0))
    assert (taking.take(state, LOCAL, now)[0].take is not None) is may


@pytest.mark.parametrize(("seen", "is_adopted"), [((3, 7), True), ((3, 8), False), ((4, 0), False)])
def test_a_record_that_names_this_server_is_obeyed_unless_a_newer_one_was_seen(seen, is_adopted):
    given = replace(RECORD, holder="b", boot_nonce="b1")
    state, _ = failover.step(replace(B, seen=seen), WasRead(sent=1.0, record=given), 1.0)
    assert (state.hold is not None) is is_adopted


def test_an_epoch_forced_after_a_restored_record_is_above_every_one_that_was_seen():
    state, now = watched(replace(B, seen=(5, 260_000)))
    refused, _ = taking.take(state, LOCAL, now)
    assert refused.take is None
    state, _ = failover.step(state, Promote(epoch=3), now)
    assert taking.take(state, LOCAL, now)[0].take.write.record.version == (6, 0)


def test_a_missing_item_is_never_free():
    state, now = watched(B, seen=None)
    assert not taking.is_free(state.watch, now)


def test_manual_failover_waits_for_an_operator():
    state, now = watched(replace(B, settings=Settings(automatic=False)))
    refused, _ = taking.take(state, LOCAL, now)
    assert refused.take is None
    promoted, _ = failover.step(state, Promote(epoch=3), now)
    assert taking.take(promoted, LOCAL, now)[0].take is not None


def test_a_restarted_holder_has_its_lease_back_without_an_operator():
    state, now = watched(State(server="a", boot_nonce="a2", settings=Settings(automatic=False), closing=None))
    assert taking.take(state, LOCAL, now)[0].take.write.record.boot_nonce == "a2"


@pytest.mark.parametrize("local", [replace(LOCAL, empty=True, cluster_id=None), replace(LOCAL, cluster_id="other")])
def test_not_even_an_operator_makes_an_empty_or_foreign_volume_primary(local):
    assert "empty or foreign" in candidate.refusal(local, RECORD, Settings(), server="b", forced=True)


def test_the_last_holder_needs_no_sync_but_all_that_it_published():
    alone = replace(RECORD, sync=False)
    assert candidate.refusal(LOCAL, alone, Settings(semi_sync=True), server="a") is None
    restored = replace(LOCAL, executed="u:1-9")
    assert "lacks u:10" in candidate.refusal(restored, alone, Settings(semi_sync=True), server="a")


def test_nothing_moves_from_a_full_disk_to_a_fuller_one():
    peer = Peer(name="b", boot_nonce="b1", ttl_s=5, local=replace(LOCAL, disk_free=0.0))
    assert "fuller disk" in handing.refusal(holder(), replace(LOCAL, disk_free=0.01), peer)


def test_a_switchover_waits_for_an_opening_under_way():
    state = holder(opening=True)
    assert failover.step(state, Switchover("b"), 1.1) == (state, ())


def test_a_switchover_waits_for_a_store_that_answers():
    state = holder()
    assert failover.step(state, Switchover("b"), 2.6) == (state, ())
    begun, _ = failover.step(state, Switchover("b"), 1.1)
    closed, _ = failover.step(begun, WasClosed(), 1.2)
    assert not handovers(closed, LOCAL, 2.6)
    assert handovers(closed, LOCAL, 2.4)


def test_only_a_living_mysqld_is_handed_over_as_planned_because_nothing_else_knows_its_last_write():
    state, _ = failover.step(holder(), Switchover("b"), 1.1)
    state, _ = failover.step(state, WasClosed(), 1.2)
    assert not handovers(state, replace(LOCAL, alive=False), 1.2)
    assert handovers(state, LOCAL, 1.2)


def handovers(state, local, now):
    peer = Peer(name="b", boot_nonce="b1", ttl_s=5, local=LOCAL)
    _, actions = handing.continued(state, local, {"b": peer}, now)
    return [action for action in actions if isinstance(action, Send)]


def test_a_handover_that_takes_longer_than_writers_are_kept_waiting_is_given_up():
    assert handing.PATIENCE_S < PAUSE_S
    state = replace(holder(handing="b", handing_since=1.1), closing=None)
    for now, handed in ((3.5, "b"), (3.6, None)):
        assert handing.continued(state, LOCAL, {}, now)[0].hold.handing == handed
    assert handing.continued(replace(state, closing=9.0), LOCAL, {}, 3.6)[0].hold.handing == "b"  # nothing could be opened yet
    unasked = replace(state, hold=replace(state.hold, unasked=True))
    for now, handed in ((6.0, "b"), (6.1, None)):
        assert handing.continued(unasked, LOCAL, {}, now)[0].hold.handing == handed


def test_an_opening_that_fails_until_the_restart_budget_is_spent_is_the_next_servers_turn():
    state, actions = held(down_since=96.0)
    assert (state.hold.handing, actions) == (None, (Open(True),))
    state, actions = held(down_since=95.5)
    assert (state.hold.handing, actions) == ("b", (Close(),))


def test_a_missing_item_is_said_to_be_missing_for_as_long_as_it_is():
    state = State(server="a", boot_nonce="a1", settings=DEFAULT, closing=None, watch=Watch(record=None, since=0, asked=99))
    for now in (100.0, 200.0):
        _, actions = taking.take(state, LOCAL, now)
        assert [action.reason for action in actions] == [
            "the lease's item is missing: nobody writes until it is made, or put back by an operator"
        ]


def test_a_database_of_no_use_that_nobody_can_take_over_says_so():
    _, actions = held(alive=False, down_since=0.0, record=replace(RECORD, gtid_executed="u:1-210"))
    assert [action.reason for action in actions if isinstance(action, Alarm)] == [
        "a's database is of no use, and nobody can take over: b lacks 200 transactions of the published position, 100 allowed"
    ]
    _, actions = handing.fail_over(holder(), LOCAL, {}, 100.0)
    assert actions == (Alarm("a's database is of no use, and nobody can take over: no other server answers"),)


def test_a_planned_closing_may_take_its_time_while_the_lease_is_renewed_but_not_for_ever():
    state, _ = failover.step(holder(), Switchover("b"), 1.1)
    state, actions = failover.step(state, Tick(local=LOCAL), 3.0)
    assert Close() in actions and Kill() not in actions and failover.feeds_watchdog(state, 3.0)
    state, actions = failover.step(state, Tick(local=LOCAL), 3.2)
    assert Kill() in actions and state.hold and not failover.feeds_watchdog(state, 3.2)


def test_a_lease_that_ends_in_a_planned_closing_leaves_it_no_more_time_than_any_other():
    state = replace(holder(handing="b", handing_since=4.4), closing=timing.planned_kill_at(4.4, 5))
    state, actions = failover.step(state, Tick(local=LOCAL), 4.5)
    assert (state.hold, state.closing, actions[0]) == (None, 5.0, Close())
    assert not failover.feeds_watchdog(state, 4.5)


def test_a_demotion_with_an_opening_under_way_kills_at_once():
    state, actions = failover.step(holder(opening=True), Tick(local=LOCAL), 4.5)
    assert Kill() in actions and state.hold is None and not failover.feeds_watchdog(state, 4.5)
    assert failover.feeds_watchdog(failover.step(state, WasClosed(), 4.6)[0], 4.6)


DEFAULT = Settings()


def held(*, settings=DEFAULT, record=RECORD, since=0.0, down_since=None, **local):
    """`a` holds the lease and is open; its next tick, at 100.5, with `b` as its peer."""
    hold = Hold(record=record, since=since, confirmed=100.0, counter=7, renewed=100.0, opened=True, touched=True)
    hold = replace(hold, down_since=down_since, opened=down_since is None)
    a = State(server="a", boot_nonce="a1", settings=settings, hold=hold, closing=None)
    peer = Peer(name="b", boot_nonce="b1", ttl_s=5, local=replace(LOCAL, disk_free=0.5))
    return failover.step(a, Tick(local=replace(LOCAL, **local), peers={"b": peer}), 100.5)


def test_a_holder_without_room_to_write_hands_over_to_one_that_has_it():
    state, actions = held(disk_free=0.01)
    assert (state.hold.handing, actions) == ("b", (Close(),))
    state, actions = held(disk_free=0.03)
    assert (state.hold.handing, actions) == (None, ())


def test_a_dead_mysqld_is_restarted_in_place_and_handed_over_only_after_the_restart_budget():
    state, actions = held(alive=False, down_since=96.0)
    assert (state.hold.handing, actions) == (None, (Restart(),))
    state, actions = held(alive=False, down_since=95.5)
    assert (state.hold.handing, actions) == ("b", (Close(),))


@pytest.mark.parametrize("useless", [{"alive": False, "down_since": 0.0}, {"disk_free": 0.01}])
def test_a_database_of_no_use_stays_where_it_is_when_operators_decide_or_just_after_a_failover(useless):
    recent = {"record": replace(RECORD, failover=True), "since": 50.0}
    cases = [({"settings": Settings(automatic=False)}, "is manual"), (recent, "no second one by itself")]
    for known, why in cases:
        state, actions = held(**useless, **known)
        assert state.hold.handing is None and [a for a in actions if isinstance(a, Alarm) and why in a.reason]
    state, _ = held(**useless, **recent | {"since": 40.0})
    assert state.hold.handing == "b"


@pytest.mark.parametrize("asked", [True, False])
def test_only_a_handover_that_nobody_asked_for_counts_as_a_failover(asked):
    state, _ = failover.step(holder(), Switchover("b"), 1.1) if asked else held(alive=False, down_since=0.0)
    now = 1.2 if asked else 100.6
    state, _ = failover.step(state, WasClosed(), now)
    peer = Peer(name="b", boot_nonce="b1", ttl_s=5, local=LOCAL)
    _, actions = failover.step(state, Tick(local=replace(LOCAL, alive=asked), peers={"b": peer}), now)
    [handover] = [action.write.record for action in actions if isinstance(action, Send) and action.write.record.holder == "b"]
    assert handover.failover is not asked


def test_a_promise_lasts_as_long_as_its_holder_may_write_even_when_the_promisers_clock_is_the_faster_one():
    state, _ = promising.was_asked(B, ASKED, 10.0)
    assert (state.promised_until - 10.0) / 1.1 >= 0.9 * ASKED.ttl_s / 0.9
