"""The rules that a network fault loads into the router."""

from drills import network


def test_a_server_cut_off_from_everyone_sends_and_receives_nothing():
    assert network.severed("10.0.0.1") == ["ip saddr 10.0.0.1 drop", "ip daddr 10.0.0.1 drop"]


def test_a_server_cut_off_from_one_peer_still_reaches_the_others():
    assert network.severed("10.0.0.1", ["10.0.0.2"]) == [
        "ip saddr 10.0.0.1 ip daddr 10.0.0.2 drop",
        "ip daddr 10.0.0.1 ip saddr 10.0.0.2 drop",
    ]


def test_a_server_that_is_not_heard_still_hears():
    assert network.severed("10.0.0.1", loses=(network.SENT,)) == ["ip saddr 10.0.0.1 drop"]
    assert network.severed("10.0.0.1", ["10.0.0.2"], (network.RECEIVED,)) == ["ip daddr 10.0.0.1 ip saddr 10.0.0.2 drop"]


def test_a_replication_connection_can_lose_everything_and_all_of_them_what_is_too_much():
    assert network.unshipped("10.0.0.1", "10.0.0.2", 5000) == [
        "ip saddr 10.0.0.1 ip daddr 10.0.0.2 tcp sport 3306 tcp dport 5000 drop"
    ]
    assert network.unshipped("10.0.0.1", "10.0.0.2", 0, "1 mbytes/second") == [
        "ip saddr 10.0.0.1 ip daddr 10.0.0.2 tcp sport 3306 limit rate over 1 mbytes/second drop"
    ]


def test_the_table_is_its_own_and_asks_before_the_security_groups():
    assert network.table(network.lossy("10.0.0.1", 20)).splitlines() == [
        "table inet drill {",
        *(
            f"chain {hook} {{ type filter hook {hook} priority filter - 10; policy accept; "
            "ip saddr 10.0.0.1 numgen random mod 100 < 20 drop; ip daddr 10.0.0.1 numgen random mod 100 < 20 drop; }"
            for hook in ("forward", "input", "output")
        ),
        "}",
    ]
