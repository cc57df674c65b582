"""The open loop: rates, mixture, and independence of everything but the seed."""

from collections import Counter
from itertools import islice

from drills import schedule
from drills.records import READ, WRITE


def test_a_hundred_reads_and_fifty_writes_are_due_in_every_second_after_the_first_eight():
    planned = list(islice(schedule.requests(1), 2400))
    for second in range(8, 18):
        kinds = Counter(request.kind for request in planned if second <= request.at < second + 1)
        assert kinds == {READ: 100, WRITE: 50}


def test_the_load_grows_steadily_until_then():
    planned = list(islice(schedule.requests(1), 700))
    reads = [sum(second <= request.at < second + 1 and request.kind == READ for request in planned) for second in range(8)]
    assert reads == [7, 18, 32, 43, 57, 68, 82, 93]


def test_requests_come_in_the_order_of_their_times():
    times = [request.at for request in islice(schedule.requests(1), 500)]
    assert times == sorted(times)


def test_a_fifth_of_the_requests_are_new_visitors_and_the_seed_says_which():
    planned = list(islice(schedule.requests(1), 6000))
    assert 0.18 < sum(request.fresh for request in planned) / 6000 < 0.22
    assert planned == list(islice(schedule.requests(1), 6000))
    assert planned != list(islice(schedule.requests(2), 6000))
