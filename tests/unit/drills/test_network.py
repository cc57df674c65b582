"""The rules that a network fault loads into the router."""

from drills import network


def test_a_server_cut_off_from_everyone_sends_and_receives_nothing():
    assert network.severed("10.0.0.1") == ["ip saddr 10.0.0.1 drop", "ip daddr 10.0.0.1 drop"]


def test_a_server_cut_off_from_one_peer_still_reaches_the_others():
    assert network.severed("10.0.0.1", ["10.0.0.2"]) == [
        "ip saddr 10.0.0.1 ip daddr 10.0.0.2 drop",
        "ip daddr 10.0.0.1 ip saddr 10.0.0.2 drop",
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
