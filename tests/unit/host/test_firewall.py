"""Security groups become nftables text that says what AWS would do."""

from dataclasses import replace
from pathlib import Path

import pytest

from local.host import firewall
from local.host.desired import Rule
from tests.unit.host.example import CLOUD, NLB

GOLDEN = Path(__file__).parent / "golden" / "firewall.nft"
VPC = CLOUD.vpcs[0]


def test_the_whole_ruleset_of_a_vpc():
    assert firewall.ruleset(CLOUD, VPC) == GOLDEN.read_text()


def test_a_revoked_rule_is_gone_and_nothing_else_changes():
    groups = tuple(replace(group, ingress=tuple(r for r in group.ingress if r.first != 3306)) for group in CLOUD.groups)
    rules = firewall.ruleset(replace(CLOUD, groups=groups), VPC)
    assert set(GOLDEN.read_text().splitlines()) - set(rules.splitlines()) == {
        "    ip daddr @sg-web ip saddr @sg-web tcp dport 3306 accept"
    }


def test_an_interface_that_leaves_a_group_is_no_peer_of_its_rules():
    interfaces = tuple(replace(i, groups=("sg-lb",)) if i.owner == "i-b" else i for i in CLOUD.interfaces)
    rules = firewall.ruleset(replace(CLOUD, interfaces=interfaces), VPC)
    assert "set sg-web { type ipv4_addr; elements = { 10.20.1.10 }; }" in rules
    assert "set sg-lb { type ipv4_addr; elements = { 10.20.1.11, 10.20.2.10 }; }" in rules


def test_a_load_balancer_without_groups_may_send_and_be_reached():
    interfaces = tuple(replace(i, groups=()) if i.owner == NLB else i for i in CLOUD.interfaces)
    rules = firewall.ruleset(replace(CLOUD, interfaces=interfaces), VPC).splitlines()
    for address in ("10.20.0.250", "10.20.3.250"):
        assert f"    ip saddr {address} goto ingress" in rules
        assert f"    ip daddr {address} accept" in rules
    assert not any("@sg-nlb" in rule for rule in rules)  # nobody has the group: it stands for no address


@pytest.mark.parametrize(
    ("rule", "match"),
    [
        (Rule(protocol="-1"), ""),
        (Rule(protocol="tcp", first=22, last=22), "tcp dport 22 "),
        (Rule(protocol="6", first=22, last=22), "tcp dport 22 "),
        (Rule(protocol="udp", first=1000, last=2000), "udp dport 1000-2000 "),
        (Rule(protocol="tcp", first=0, last=65535), "meta l4proto tcp "),
        (Rule(protocol="tcp", first=-1, last=-1), "meta l4proto tcp "),
        (Rule(protocol="icmp", first=-1, last=-1), "meta l4proto icmp "),
        (Rule(protocol="icmp", first=3, last=4), "meta l4proto icmp icmp type 3 icmp code 4 "),
        (Rule(protocol="50"), "meta l4proto 50 "),
    ],
)
def test_every_kind_of_rule_has_its_match(rule, match):
    assert firewall.traffic(rule) == match


@pytest.mark.parametrize(
    ("rule", "match"),
    [
        (Rule(protocol="-1", cidr="0.0.0.0/0"), ""),
        (Rule(protocol="-1", cidr="10.20.1.7/24"), "ip saddr 10.20.1.0/24 "),
        (Rule(protocol="-1", group="sg-web"), "ip saddr @sg-web "),
    ],
)
def test_every_kind_of_peer_has_its_match(rule, match):
    assert firewall.peer("saddr", rule) == match
