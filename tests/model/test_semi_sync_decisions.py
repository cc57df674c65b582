"""When commits begin to wait for the replicas, when they no longer do, and what the record says of it meanwhile."""

from dataclasses import replace

import pytest

from agent import failover
from agent.lease.state import Open, SemiSync, Send, Tick, WasSemiSync
from agent.lease.view import Settings

from .scene import LOCAL, RECORD, holder

# A look at a mysqld whose commits wait, for a replica that has everything.
WAITING = replace(LOCAL, semi_sync=True, replicas_connected=True, replicas_near=True, replicas_caught_up=True)


def test_commits_wait_for_no_replica_any_more_once_the_mode_is_async_and_the_record_says_so():
    for sync in (True, False):
        state = holder()
        state = replace(state, hold=replace(state.hold, record=replace(RECORD, sync=sync)))
        assert (SemiSync(False, 0) in failover.step(state, Tick(local=WAITING), 1.2)[1]) is not sync


@pytest.mark.parametrize("near", [True, False])
def test_commits_begin_to_wait_for_replicas_only_when_those_keep_up(near):
    state = replace(holder(), settings=Settings(semi_sync=True))
    local = replace(LOCAL, replicas_connected=True, replicas_near=near)
    assert (SemiSync(True, 0) in failover.step(state, Tick(local=local), 1.2)[1]) is near


def synchronous(**known):
    """A holder whose commits may wait."""
    return replace(holder(record=replace(RECORD, sync=False), **known), settings=Settings(semi_sync=True))


def publishes(actions):
    return [action.write.record.sync for action in actions if isinstance(action, Send)]


def test_the_record_says_sync_only_once_the_order_to_wait_is_known_to_be_obeyed():
    state = synchronous()
    state, actions = failover.step(state, Tick(local=WAITING), 2.2)
    assert (publishes(actions), actions[-1]) == ([False], SemiSync(True, 0))
    state, _ = failover.step(state, WasSemiSync(SemiSync(True, 0)), 2.3)
    assert publishes(failover.step(state, Tick(local=WAITING), 3.4)[1]) == [True]


def test_a_replica_that_returns_before_the_order_not_to_wait_was_obeyed_makes_nothing_synchronous():
    """The order may be obeyed at any time from now on, whatever mysqld still says."""
    state = synchronous(waits=True, order=SemiSync(True, 4))
    away = replace(WAITING, replicas_connected=False, replicas_near=False, replicas_caught_up=False)
    state, actions = failover.step(state, Tick(local=away), 1.2)
    assert (actions[-1], state.hold.waits) == (SemiSync(False, 5), False)
    state, actions = failover.step(state, Tick(local=WAITING), 2.2)
    assert (publishes(actions), actions[-1]) == ([False], SemiSync(True, 6))
    state, _ = failover.step(state, WasSemiSync(SemiSync(False, 5)), 2.3)
    assert not state.hold.waits
    state, _ = failover.step(state, WasSemiSync(SemiSync(True, 6)), 2.4)
    assert publishes(failover.step(state, Tick(local=WAITING), 3.4)[1]) == [True]


def test_an_order_is_given_again_under_its_number_until_it_is_obeyed():
    state = synchronous()
    looks = replace(WAITING, semi_sync=False)
    for now in (1.2, 1.3):
        state, actions = failover.step(state, Tick(local=looks), now)
        assert actions[-1] == SemiSync(True, 0)


def test_a_mysqld_that_is_opened_without_waiting_makes_nothing_synchronous():
    state = synchronous(opened=False, waits=True)
    state, actions = failover.step(state, Tick(local=replace(WAITING, semi_sync=False)), 2.2)
    assert actions[-1] == Open(False)
    assert publishes(failover.step(state, Tick(local=WAITING), 3.4)[1]) == [False]
