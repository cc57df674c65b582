"""Figures from records whose truth is known by construction."""

from dataclasses import replace

import pytest

from drills import figures
from drills.records import READ, WRITE

from .example import SPAN, leases, request, samples, steady


def compute(requests, found=(), faulty="lb", nodes=(), saved=()):
    return figures.compute(requests, nodes, SPAN, faulty=faulty, found=found, saved=saved)


def test_the_outage_is_the_longest_time_without_a_success_around_the_fault():
    requests = steady(WRITE, without=(100, 106))
    assert figures.outage(requests, WRITE, SPAN) == pytest.approx(6.1)


def test_a_gap_before_the_fault_is_no_outage():
    assert figures.outage(steady(WRITE, without=(91, 98)), WRITE, SPAN) == pytest.approx(0.1)


def test_an_outage_that_never_ends_lasts_until_the_last_request_was_due():
    assert figures.outage(steady(WRITE, last=99.9), WRITE, SPAN) == pytest.approx(20.09)


def test_writes_that_waited_in_a_queue_are_an_outage_although_none_failed():
    queued = [request(at, WRITE, took=5 - (at - 100)) for at in (100.5, 102, 104)]
    assert figures.outage([*steady(WRITE, without=(100, 105)), *queued], WRITE, SPAN) == pytest.approx(5.09)


def test_reads_do_not_count_for_the_outage_of_writes():
    assert figures.outage(steady(READ), WRITE, SPAN) == pytest.approx(20)


def test_an_acknowledged_write_that_is_not_found_is_lost_and_an_unacknowledged_one_is_not():
    requests = [request(101, WRITE), request(102, WRITE), request(103, WRITE, ok=False)]
    result = compute(requests, found={"note 101"})
    assert (result.acknowledged, result.lost, result.missing, result.failed_writes) == (2, 1, 1, 1)


def test_a_lost_write_that_was_salvaged_is_not_missing():
    requests = [request(at, WRITE) for at in (101, 102, 103)]
    result = compute(requests, found={"note 101"}, saved={"note 102", "note 99"})
    assert (result.lost, result.salvaged, result.missing) == (2, 1, 1)


def test_new_epochs_are_those_that_any_node_saw_after_the_fault_began():
    nodes = [*leases("web-a", [(99, "web-a", 7), (101, "web-a", 7)]), *leases("web-b", [(99, "", None), (106, "web-b", 8)])]
    result = compute(steady(), nodes=nodes)
    assert (result.epoch_before, result.epoch_after, result.new_epochs) == (7, 8, 1)
    assert compute(steady()).new_epochs == 0


def test_the_slowest_read_that_a_surviving_balancer_took_leaves_out_those_that_went_to_the_dead_one():
    requests = [request(101, ok=False, balancer="lb", took=10), request(102, took=1.5), request(103, WRITE, took=6)]
    result = compute(requests)
    assert (result.slowest_read_s, result.slowest_read_answered_s) == (pytest.approx(10), pytest.approx(1.5))


def test_failures_are_blamed_on_a_surviving_balancer_only_when_it_is_known_to_have_had_the_request():
    requests = [
        request(101, ok=False),
        request(102, ok=False, balancer="lb"),
        request(103, ok=False, balancer="web-a"),
        request(104, ok=False, status=503),
    ]
    result = compute(requests)
    assert (result.failed_reads, result.failed_reads_answered) == (4, 2)


def test_the_share_of_failed_connections_counts_new_visitors_in_the_first_fifteen_seconds():
    inside = [request(101 + number, fresh=True, ok=number % 3 != 0) for number in range(6)]
    outside = [request(116, fresh=True, ok=False), request(102, fresh=False, ok=False), request(95, fresh=True, ok=False)]
    assert compute([*inside, *outside]).failed_connections_share == pytest.approx(2 / 6)


def test_the_last_failure_and_the_slowest_requests_are_told_in_seconds_after_the_fault():
    requests = [*steady(), request(107.5, ok=False, took=10), request(103, took=1.5), request(99, WRITE, took=6)]
    requests += [request(104, WRITE, took=3), request(105, WRITE, ok=False, took=4)]
    result = compute(requests)
    assert result.last_failure_s == pytest.approx(7.5)
    assert (result.slowest_read_s, result.slowest_write_s) == (pytest.approx(10), pytest.approx(4))


def test_how_long_a_node_was_not_asked_is_told_too():
    seen = samples("web-a", "mysql", [(at, "writable") for at in (100, 100.05, 102.55, 102.6)])
    seen += samples("web-b", "mysql", [(at, "read-only") for at in (100, 101, 102)])
    assert figures.unasked(seen, SPAN) == pytest.approx(2.5)
    assert figures.unasked([], SPAN) == SPAN.last - SPAN.calm


def test_two_writable_nodes_in_the_same_beat_are_counted_and_a_handover_is_not():
    handover = samples("web-a", "mysql", [(100.00, "writable"), (100.06, "read-only")])
    handover += samples("web-b", "mysql", [(100.01, "read-only"), (100.07, "writable")])
    assert figures.two_writable(handover) == 0
    assert figures.takeovers(handover) == 1
    both = [*handover, *samples("web-a", "mysql", [(100.08, "writable"), (100.11, "writable")])]
    assert figures.two_writable(both) == 1


def test_a_node_that_answers_slowly_was_writable_between_two_answers_that_say_so():
    slow = samples("web-a", "mysql", [(100.01, "writable"), (100.21, "writable"), (100.61, "writable"), (101.01, "read-only")])
    meanwhile = samples("web-b", "mysql", [(100.51, "writable"), (100.56, "writable"), (100.71, "writable")])
    assert figures.two_writable([*slow, *meanwhile]) == 3
    late_answer = samples("web-a", "mysql", [(100.01, "writable"), (100.91, "writable"), (100.96, "read-only")])
    assert figures.two_writable([*late_answer, *meanwhile]) == 0


def test_recovery_lasts_until_the_last_wrong_answer_or_failed_request_after_the_end_of_the_fault():
    nodes = samples("web-b", "role", [(99, "replica"), (105, ""), (117.5, "none"), (118, "replica")])
    nodes += leases("web-b", [(119, "", None)])
    assert compute(steady(), nodes=nodes).recovered_s == pytest.approx(7.5)
    assert compute([*steady(), request(119, ok=False)], nodes=nodes).recovered_s == pytest.approx(9)
    assert compute(steady()).recovered_s == 0


def test_a_replica_that_is_behind_is_not_recovered():
    nodes = samples("web-b", "role", [(114, "replica"), (116, "replica"), (117, "replica")])
    nodes = [replace(sample, lag=lag) for sample, lag in zip(nodes, (2.1, 2.1, 2.0), strict=True)]
    assert compute(steady(), nodes=nodes).recovered_s == pytest.approx(6)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 5), (0.95, 10), (0.99, 10), (1, 10)])
def test_quantiles_are_values_that_occurred(share, expected):
    assert figures.quantile(range(1, 11), share) == expected


def test_a_broken_expectation_names_figure_value_and_limit():
    result = compute([request(101, ok=False)])
    at_most, exactly = {"failed_reads": 0, "lost": 0}, {"takeovers": 1, "new_epochs": 0}
    assert figures.broken(result, at_most, exactly, {"salvaged": 1, "failed_reads": 1}) == [
        "failed_reads is 1, at most 0 is good",
        "takeovers is 0, only 1 is good",
        "salvaged is 0, at least 1 is good",
    ]


def test_the_usual_run_is_judged_when_there_are_enough_of_them():
    runs = [compute(steady(WRITE, without=(100, 100 + outage))) for outage in (5, 7, 7, 7, 5)]
    assert figures.broken_medians(runs, {"write_outage_s": 6.5}) == ["the median of write_outage_s is 7.1, at most 6.5 is good"]
    assert figures.broken_medians(runs[1:], {"write_outage_s": 6.5}) == []
    assert figures.broken_medians([*runs, *runs[:1]], {"write_outage_s": 7.2}) == []


def test_the_calm_before_a_drill_ends_where_its_preparation_begins():
    requests = [request(91), request(95.5, took=3)]
    span = figures.Span(calm=95, fault=100, end=110, last=120)
    assert figures.compute(requests, (), span, faulty="lb", found=()).calm_read_p99_s == pytest.approx(0.01)
