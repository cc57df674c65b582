"""The rules that a network fault loads into the router."""

import json
from types import SimpleNamespace

import pytest

from drills import network
from drills.faults import FaultFailed
from drills.faults.links import Loss
from local.host import namespaces


def test_a_server_cut_off_from_everyone_sends_and_receives_nothing():
    assert network.severed("10.0.0.1") == ["ip saddr 10.0.0.1 counter drop", "ip daddr 10.0.0.1 counter drop"]


def test_a_server_cut_off_from_one_peer_still_reaches_the_others():
    assert network.severed("10.0.0.1", ["10.0.0.2"]) == [
        "ip saddr 10.0.0.1 ip daddr 10.0.0.2 counter drop",
        "ip daddr 10.0.0.1 ip saddr 10.0.0.2 counter drop",
    ]


def test_a_server_that_is_not_heard_still_hears():
    assert network.severed("10.0.0.1", loses=(network.SENT,)) == ["ip saddr 10.0.0.1 counter drop"]
    assert network.severed("10.0.0.1", ["10.0.0.2"], (network.RECEIVED,)) == ["ip daddr 10.0.0.1 ip saddr 10.0.0.2 counter drop"]


def test_a_replication_connection_can_lose_everything_and_all_of_them_what_is_too_much():
    assert network.unshipped("10.0.0.1", "10.0.0.2", 5000) == [
        "ip saddr 10.0.0.1 ip daddr 10.0.0.2 tcp sport 3306 tcp dport 5000 counter drop"
    ]
    assert network.unshipped("10.0.0.1", "10.0.0.2", 0, "1 mbytes/second") == [
        "ip saddr 10.0.0.1 ip daddr 10.0.0.2 tcp sport 3306 limit rate over 1 mbytes/second counter drop"
    ]


def test_the_table_is_its_own_and_asks_before_the_security_groups():
    assert network.table(network.lossy("10.0.0.1", 20)).splitlines() == [
        "table inet drill {",
        *(
            f"chain {hook} {{ type filter hook {hook} priority filter - 10; policy accept; "
            "ip saddr 10.0.0.1 numgen random mod 100 < 20 counter drop; "
            "ip daddr 10.0.0.1 numgen random mod 100 < 20 counter drop; }"
            for hook in ("forward", "input", "output")
        ),
        "}",
    ]


def listed(*counts):
    rules = [{"rule": {"expr": [{"match": {}}, {"counter": {"packets": n, "bytes": 60 * n}}, {"drop": None}]}} for n in counts]
    return json.dumps({"nftables": [{"metainfo": {}}, {"table": {"name": "drill"}}, *rules]})


def test_a_network_fault_that_dropped_no_packet_befell_nobody(monkeypatch):
    asked, counts = [], (0, 0)
    monkeypatch.setattr(namespaces, "command", lambda argv, text="": asked.append(argv[2:]) or listed(*counts))
    loss, server = Loss(server="web-a", percent=20), SimpleNamespace(router="vpc")
    with pytest.raises(FaultFailed, match="dropped no packet"):
        loss.confirm(None, server)
    assert asked == [["nft", "-j", "list", "table", "inet", "drill"]]
    counts = (0, 3)
    loss.confirm(None, server)
