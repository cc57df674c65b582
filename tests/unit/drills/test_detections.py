"""Who noticed the fault, and who did what about it."""

from drills.detections import detections

from .example import FAULT, leases, request, samples, steady


def said(requests, nodes, faulty="web-a"):
    return [(event.at, event.kind, event.text) for event in detections(requests, nodes, faulty, FAULT)]


def test_detections_name_the_observer_and_the_instant():
    nodes = samples("web-a", "target", [(99, "healthy"), (111, "unhealthy"), (112, "unhealthy")])
    nodes += samples("web-a", "role", [(99.9, "primary"), (100.2, "")])
    assert said([*steady(last=101), request(101.5, web="web-b")], nodes) == [
        (100.2, "detection", "web-a does not say any more which role it has"),
        (101.51, "detection", "web-b answers visitors instead of web-a"),
        (111, "detection", "the front door gives web-a up"),
    ]


def test_a_takeover_shows_as_the_lease_and_then_as_the_mysql_that_accepts_writes():
    nodes = leases("web-b", [(99, "web-a", 7), (105.5, "web-b", 8), (106, "web-b", 8)])
    nodes += samples("web-a", "mysql", [(99.9, "writable"), (100.1, "")])
    nodes += samples("web-b", "mysql", [(99.9, "read-only"), (105.75, "writable")])
    assert said(steady(), nodes) == [
        (100.1, "detection", "MySQL on web-a is silent"),
        (105.5, "takeover", "web-b holds the lease (epoch 8)"),
        (105.75, "takeover", "MySQL on web-b accepts writes"),
    ]


def test_who_stays_what_he_was_has_noticed_nothing():
    nodes = leases("web-a", [(99, "web-a", 7), (119, "web-a", 7)]) + samples(
        "web-a", "mysql", [(99, "writable"), (119, "writable")]
    )
    assert said(steady(), nodes, faulty="lb") == []
