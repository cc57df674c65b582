"""Security groups as nftables: `ruleset` turns interfaces, groups and rules of one VPC into the text for `nft -f -`.

The text is loaded in the VPC's own namespace, outside the machines, through which every packet between two interfaces
is routed, also within a subnet. One packet, two questions, as on AWS: may its sender's groups send it (chain egress),
and may its receiver's groups take it (chain ingress)? Groups are stateful: an answer needs no rule.

A revoked rule blocks new connections at once. Connections that it had let in go on until they end, as on AWS
("Security group connection tracking": existing connections are not immediately interrupted), so `ct state established`
asks no rule.

DNS at base + 2, DHCP and the metadata service are never filtered (VPC user guide: security groups do not filter them).
The addresses that stand for the internet (AWS, packages) have no groups: what may leave may reach them.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Iterator

from local.host.desired import (
    API_ADDRESS,
    METADATA_ADDRESS,
    PACKAGES_ADDRESS,
    Desired,
    Interface,
    Rule,
    SecurityGroup,
    Vpc,
)

NUMBERS = {"1": "icmp", "6": "tcp", "17": "udp"}  # protocols that the API also takes as numbers (IANA)


def port_name(interface: Interface) -> str:
    """Of the bridge port that an interface is plugged in; a network device has 15 characters (netdevice(7))."""
    return "p-" + hashlib.sha256(interface.id.encode()).hexdigest()[:12]


def ruleset(desired: Desired, vpc: Vpc) -> str:
    """The whole text; loading it replaces the former rules in one transaction (nft(8), "Atomic rule replacement")."""
    interfaces = desired.interfaces_in(vpc.id)
    groups = [group for group in desired.groups if group.vpc_id == vpc.id and used(group, interfaces)]
    return "\n".join([*filter_table(desired, vpc, groups, interfaces), *spoof_table(interfaces)]) + "\n"


def used(group: SecurityGroup, interfaces: Iterable[Interface]) -> bool:
    return any(group.id in interface.groups for interface in interfaces)


def filter_table(desired: Desired, vpc: Vpc, groups: list[SecurityGroup], interfaces: Iterable[Interface]) -> Iterator[str]:
    named = {group.id for group in groups}
    unguarded = [interface.address for interface in interfaces if not interface.groups]
    yield "table inet firewall"
    yield "delete table inet firewall"
    yield "table inet firewall {"
    for group in groups:
        members = ", ".join(desired.members(group.id))
        yield f"  set {group.id} {{ type ipv4_addr; elements = {{ {members} }}; }}  # {group.name}"
    yield from chain(
        "forward",
        "type filter hook forward priority filter; policy drop;",
        "ct state established,related accept",
        "goto egress",
    )
    yield from chain(
        "input",
        "type filter hook input priority filter; policy drop;",
        'iifname "lo" accept',
        "ct state established,related accept",
        "udp dport 67 accept",
        f"ip daddr {vpc.resolver} meta l4proto {{ tcp, udp }} th dport 53 accept",
        f"ip daddr {METADATA_ADDRESS} tcp dport 80 accept",
        "goto egress",
    )
    # A VPC's router tells nobody that a machine is not there: who sends to it waits.
    yield from chain(
        "output",
        "type filter hook output priority filter; policy accept;",
        "icmp type destination-unreachable icmp code host-unreachable drop",
    )
    yield from chain(
        "egress",
        *(f"ip saddr {address} goto ingress" for address in unguarded),
        *(
            f"ip saddr @{group.id} {peer('daddr', rule)}{traffic(rule)}goto ingress"
            for group in groups
            for rule in group.egress
            if rule.group is None or rule.group in named
        ),
    )
    yield from chain(
        "ingress",
        f"ip daddr {{ {API_ADDRESS}, {PACKAGES_ADDRESS} }} accept",
        *(f"ip daddr {address} accept" for address in unguarded),
        *(
            f"ip daddr @{group.id} {peer('saddr', rule)}{traffic(rule)}accept"
            for group in groups
            for rule in group.ingress
            if rule.group is None or rule.group in named
        ),
    )
    yield "}"


def spoof_table(interfaces: Iterable[Interface]) -> Iterator[str]:
    """Nobody sends as somebody else (EC2's source check): per port its own MAC and address, IPv4 and ARP alone."""
    yield "table bridge spoof"
    yield "delete table bridge spoof"
    yield "table bridge spoof {"
    rules = ["type filter hook prerouting priority filter; policy accept;"]
    for interface in interfaces:
        port = f'iifname "{port_name(interface)}"'
        rules += [
            f"{port} ether saddr != {interface.mac} drop",
            f"{port} ether type != {{ ip, arp }} drop",
            f"{port} ip saddr != {{ {interface.address}, 0.0.0.0 }} drop",
            f"{port} arp saddr ip != {{ {interface.address}, 0.0.0.0 }} drop",
        ]
    yield from chain("prerouting", *rules)
    yield "}"


def chain(name: str, *lines: str) -> Iterator[str]:
    yield f"  chain {name} {{"
    yield from (f"    {line}" for line in lines)
    yield "  }"


def peer(direction: str, rule: Rule) -> str:
    if rule.group:
        return f"ip {direction} @{rule.group} "
    network = ipaddress.ip_network(rule.cidr, strict=False)
    return f"ip {direction} {network} " if network.prefixlen else ""


def traffic(rule: Rule) -> str:
    """The protocol and ports of a rule, as nft matches; the empty text means everything (EC2 API, IpPermission)."""
    protocol = NUMBERS.get(rule.protocol, rule.protocol)
    if protocol == "-1":
        return ""
    if protocol in ("tcp", "udp"):
        if rule.first <= 0 and rule.last in (-1, 65535):
            return f"meta l4proto {protocol} "
        return f"{protocol} dport {rule.first if rule.first == rule.last else f'{rule.first}-{rule.last}'} "
    if protocol == "icmp":
        kind = "" if rule.first == -1 else f"icmp type {rule.first} "
        code = "" if rule.last == -1 else f"icmp code {rule.last} "
        return f"meta l4proto icmp {kind}{code}"
    return f"meta l4proto {protocol} "
