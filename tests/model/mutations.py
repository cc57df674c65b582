"""Every rule of the lease, broken. The name of each function says which; it returns what is replaced, in the decisions or in
the model's executor."""

from __future__ import annotations

from dataclasses import replace

from agent import failover
from agent.lease import candidate, handing, holding, promising, returning, serving, state, taking, timing
from agent.lease import record as records
from agent.lease.record import Record
from agent.lease.state import Hold, Outcome, Promised, WasWritten

from .mutation import LOST, NOBODY, TWO, before_step, mutation
from .mysqld import Mysqld
from .node import Node

INFINITY = float("inf")


class IntoNothing(records.Write):
    def condition(self):
        return "attribute_not_exists(#id)", {"#id": "id"}, {}


# Holding.

SLOW = {"slow_close": 1, "length_ttls": 20, "faults": ("isolation", "delay", "delay"), "calm": 0}


@mutation(TWO, 7, faults=("isolation",), slow_close=0.8)
def the_deadline_is_at_nine_tenths():
    return ((timing, "deadline", lambda sent, ttl_s: sent + 0.9 * ttl_s),)


@mutation(TWO, **SLOW)
def a_renewal_counts_from_its_answer():
    return before_step(lambda event, now: replace(event, sent=now) if isinstance(event, WasWritten) else event)


@mutation(TWO, faults=("partition", "outage"))
def an_ambiguous_renewal_counts_as_done():
    return before_step(
        lambda event, now: (
            replace(event, outcome=Outcome.DONE) if isinstance(event, WasWritten) and event.outcome is Outcome.UNKNOWN else event
        )
    )


@mutation(TWO, faults=("partition",))
def the_deadline_demotes_nobody():
    return ((holding, "has_expired", lambda hold, now: False),)


@mutation(TWO, faults=("partition",), slow_close=1)
def a_read_only_that_hangs_is_not_killed():
    return (timing, "kill_at", lambda demoted, ttl_s: INFINITY), (failover, "feeds_watchdog", lambda state, now: True)


@mutation(TWO, 438, faults=("isolation",), slow_close=1, ambush=1, calm=0)
def the_watchdog_is_fed_during_a_demotion():
    return ((failover, "feeds_watchdog", lambda state, now: True),)


@mutation(TWO, 16, faults=("partition", "agent_pause"), calm=0)
def there_is_no_watchdog():
    return ((timing, "WATCHDOG_PART", 10),)


@mutation(TWO, 9, faults=("isolation", "mysqld_crash"), slow_open=1, calm=0)
def an_opening_under_way_is_not_killed():
    def demote(state, now):
        quiet = replace(state, hold=replace(state.hold, opening=False)) if state.hold else state
        return original(quiet, now)

    original = holding.demote
    return ((holding, "demote", demote),)


@mutation(TWO, 14, faults=("rollback", "isolation"), calm=0, length_ttls=20)
def a_former_record_is_obeyed():
    """An epoch given up is resumed, whatever was seen since."""
    original = holding.adopt

    def adopt(state, record, now):
        adopted = original(replace(state, given_up=-1, seen=(-1, -1)), record, now)
        return adopted if adopted.hold else state

    return tuple((module, "adopt", adopt) for module in (holding, taking))


@mutation(TWO, faults=("power", "mysqld_crash"), calm=0)
def a_mysqld_starts_writable():
    def start(self):
        original(self)
        self.writable = True

    original = Mysqld.start
    return ((Mysqld, "start", start),)


@mutation(
    TWO, 224, nodes=3, faults=("isolation", "blind", "power"), calm=0, slow=0.4, slow_close=1, length_ttls=20, answer_timeout=0.1
)
def a_renewal_is_unconditional():
    original, anything = records.renewal, {"cluster_id": "db"}
    return ((records, "renewal", lambda *args, **known: replace(original(*args, **known), equal=anything, counter_below=None)),)


# Taking.


@mutation("nobody writable", faults=("power",), calm=0.8, length_ttls=20)
def nobody_ever_takes():
    return ((timing, "stood_still", lambda since, now, ttl_s: False),)


@mutation("nobody writable", faults=("switchover", "partition"), calm=0.7, length_ttls=20)
def a_demotion_that_is_confirmed_is_forgotten():
    original = failover._step
    return (
        (failover, "_step", lambda s, event, now: (s, ()) if isinstance(event, state.WasClosed) else original(s, event, now)),
    )


@mutation(TWO, faults=("isolation",))
def the_watch_is_shorter():
    return ((timing, "stood_still", lambda since, now, ttl_s: now - since >= 0.7 * ttl_s),)


@mutation(TWO, ttls=(3, 10), faults=("partition",))
def the_watch_lasts_by_the_servers_own_ttl():
    return ((timing, "stood_still", lambda since, now, ttl_s: now - since >= 1.1 * 3),)


DELAYED = {"faults": ("isolation", "delay", "delay", "delay"), "calm": 0, "length_ttls": 20, "answer_timeout": 0.1}


@mutation(TWO, 512, slow=0, loss=0, slow_close=1, **DELAYED)
def the_watch_begins_before_the_first_answer():
    original = taking._watched

    def watched(watch, event, now):
        after = original(watch, event, now)
        return replace(after, since=event.sent) if after.since == now else after

    return ((taking, "_watched", watched),)


@mutation(TWO, 6, faults=("agent_crash", "rollback"))
def any_start_of_the_holder_is_named():
    return ((Record, "names", lambda self, holder, boot_nonce: self.holder == holder),)


@mutation(TWO, 116, nodes=3, faults=("rollback", "partition", "partition", "power"), calm=0, length_ttls=20)
def a_gap_does_not_restart_the_watch():
    return ((timing, "is_gap", lambda asked, now, ttl_s: False),)


@mutation(TWO, 273, faults=("blind", "agent_crash", "agent_crash"), calm=0, slow_close=0, length_ttls=20)
def a_restart_of_the_observer_keeps_its_watch():
    kept: dict[str, state.Watch] = {}
    start, tick = failover.started, failover._tick

    def remember(now_state, event, now):
        if now_state.watch:
            kept[now_state.server] = now_state.watch
        return tick(now_state, event, now)

    def started(server, boot_nonce, settings, now):
        watch = kept.get(server)
        fresh = watch and watch.since <= now and watch.asked <= now
        return replace(start(server, boot_nonce, settings, now), watch=watch if fresh else None)

    return (failover, "started", started), (failover, "_tick", remember)


@mutation(TWO, nodes=3, faults=("partition", "power"))
def a_taking_is_unconditional():
    original = records.taking
    return ((records, "taking", lambda observed, **known: replace(original(observed, **known), equal={"cluster_id": "db"})),)


@mutation(NOBODY, 2, faults=("agent_crash",))
def a_taking_keeps_the_epoch():
    original = records.taking
    return ((records, "taking", lambda observed, **known: original(observed, **known | {"epoch": observed.epoch})),)


@mutation(LOST, semi_sync=True, faults=("loss", "severed"), calm=0)
def a_missing_item_is_free():
    free = Record(
        cluster_id="db",
        members=("a", "b"),
        holder="nobody",
        boot_nonce="",
        epoch=0,
        counter=0,
        ttl_s=5,
        failover=False,
        sync=True,
        gtid_executed="seed:1",
        published_at_counter=0,
    )
    read, taking_ = taking.was_read, records.taking

    def was_read(now_state, event, now):
        return read(now_state, replace(event, record=event.record or free), now)

    def write(observed, **known):
        made = taking_(observed, **known)
        return IntoNothing(record=made.record, equal={}) if observed == free else made

    return (
        (taking, "was_read", was_read),
        (records, "taking", write),
        (
            taking,
            "refusal",
            lambda s, local, record, watched, forced: candidate.refusal(local, record, s.settings, server=s.server),
        ),
    )


@mutation("second failover", pause_s=25, faults=("power", "partition"), calm=0)
def failovers_follow_one_another():
    return ((timing, "tenure", lambda renewals, watched_s, ttl_s: INFINITY),)


@mutation(LOST, 172, semi_sync=True, faults=("rollback", "power", "partition"), calm=0)
def a_record_older_than_one_seen_is_taken():
    original = taking.refusal
    return ((taking, "refusal", lambda s, *rest: original(replace(s, seen=(-1, -1)), *rest)),)


# Qualified.


@mutation(LOST, 11, semi_sync=True, faults=("power", "partition"), calm=0)
def a_taking_does_not_ask_for_sync():
    return ((candidate, "_unsynchronised", lambda *args: None),)


@mutation(LOST, 15, semi_sync=True, max_lag=100, faults=("mysqld_crash", "power", "lag"), calm=0)
def a_restarted_replica_is_complete():
    original = candidate._unsynchronised
    return (
        (candidate, "_unsynchronised", lambda local, record, server: original(replace(local, complete=True), record, server)),
    )


@mutation("lacking", faults=("lag", "power", "partition"), calm=0)
def any_lag_is_accepted():
    return ((candidate, "_behind", lambda *args: None),)


@mutation(LOST, semi_sync=True, max_lag=100, faults=("lag", "power", "partition"), calm=0)
def what_was_received_need_not_be_applied():
    original = candidate.refusal
    return ((candidate, "refusal", lambda local, *rest, **known: original(replace(local, applied=True), *rest, **known)),)


@mutation("empty volume", max_lag=1000, faults=("volume", "power"), calm=0)
def an_empty_volume_takes():
    return ((candidate, "_is_empty_or_foreign", lambda local, record: False),)


# Semi-synchronous.


@mutation(LOST, 21, semi_sync=True, faults=("power", "partition"), calm=0)
def writes_are_acknowledged_alone_before_the_store_says_so():
    def publishes(hold, local, settings, now):
        return local.semi_sync and local.replicas_connected and local.replicas_caught_up

    return (serving, "must_wait", lambda hold: False), (serving, "publishes_sync", publishes)


@mutation(LOST, 108, semi_sync=True, slow_turn=1, faults=("severed", "severed", "power"), calm=0)
def an_order_not_to_wait_counts_once_it_is_obeyed():
    original = serving.publishes_sync
    return ((serving, "publishes_sync", lambda hold, *rest: original(replace(hold, waits=True), *rest)),)


@mutation(LOST, 13, nodes=3, semi_sync=True, max_lag=100, faults=("severed", "severed", "power"), calm=0)
def one_of_two_replicas_acknowledges():
    def acknowledge(self):
        others = [node.mysqld for node in self.world.nodes.values() if node is not self]
        for write in [w for w in self.mysqld.waiting if any(other.has_received(*w) for other in others)]:
            self.world.acknowledge(*write)
            self.mysqld.waiting.remove(write)

    return ((Node, "acknowledge", acknowledge),)


# Serving.


@mutation(NOBODY, faults=("mysqld_gone",), calm=0.9)
def a_mysqld_that_stays_dead_is_waited_for():
    return ((handing, "fail_over", lambda s, *rest: (s, ())),)


# Promises.

SILENT = {"faults": ("blind", "blind", "severed", "delay"), "calm": 0, "slow_close": 0.8}


@mutation(NOBODY, faults=("outage",), calm=0.5)
def nobody_asks_for_promises():
    return ((promising, "ask", lambda s, now: (s, ())),)


@mutation(TWO, 207, **SILENT | {"slow_close": 1})
def a_promise_counts_from_its_answer():
    return before_step(lambda event, now: replace(event, ask=now) if isinstance(event, Promised) else event)


@mutation(TWO, nodes=3, **SILENT)
def the_promise_of_one_member_is_enough():
    def until(hold):
        promised = max(hold.promises.values(), default=state.NEVER)
        return timing.deadline(max(hold.confirmed, promised), hold.record.ttl_s)

    return ((Hold, "until", property(until)),)


@mutation(TWO, **SILENT)
def a_promise_binds_nobody():
    return ((timing, "promise_end", lambda received, ttl_s: received),)


@mutation(TWO, 232, **SILENT | {"slow_close": 1}, answer_timeout=0.1)
def a_promise_lasts_no_longer_than_the_ttl():
    return ((timing, "promise_end", lambda received, ttl_s: received + ttl_s),)


@mutation(TWO, ttls=(3, 10), **SILENT)
def a_promise_lasts_by_the_members_own_ttl():
    return ((timing, "promise_end", lambda received, ttl_s: received + 3),)


# Switchover and coming back.


@mutation(TWO, faults=("switchover",), slow_close=1, calm=0)
def the_epoch_is_handed_over_before_writes_stopped():
    original = handing.continued
    return ((handing, "continued", lambda s, *rest: original(replace(s, closing=None), *rest)),)


@mutation(LOST, semi_sync=True, faults=("switchover", "lag"), calm=0)
def the_epoch_is_handed_to_a_server_that_lacks_writes():
    return ((handing, "refusal", lambda *args: None),)


def _in_place_of_salvage(chosen_instead):
    def course(local, record, holder, salvaged):
        chosen = original(local, record, holder, salvaged)
        return chosen_instead(record.holder) if isinstance(chosen, returning.Salvage) else chosen

    original = returning.course
    return ((returning, "course", course),)


@mutation("which lacks some", faults=("partition", "power"), calm=0, length_ttls=20)
def a_divergent_server_follows():
    return _in_place_of_salvage(returning.Follow)


@mutation("last copy", faults=("partition", "power"), calm=0, length_ttls=20)
def a_divergent_server_clones_without_salvage():
    return _in_place_of_salvage(returning.Clone)


@mutation("names two transactions", 10, faults=("partition", "power"), calm=0, length_ttls=25)
def a_cloned_server_keeps_its_uuid():
    original = Node._go_clone

    def go_clone(self, course):
        uuid = self.mysqld.uuid
        original(self, course)
        self.world.at(0.7 * self.world.ttl, lambda: setattr(self.mysqld, "uuid", uuid))

    return ((Node, "_go_clone", go_clone),)
