"""Security group rules written inside a group (`ingress`, `egress`), to EC2's form and back. Pure.

Both sides are taken apart into single rules, one peer each, which is how EC2 keeps and compares them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ANY = "-1"  # every protocol; EC2 then knows no ports
CIDR, CIDR6, PREFIX_LIST, GROUP = "CidrIp", "CidrIpv6", "PrefixListId", "GroupId"
LISTS = {CIDR: "IpRanges", CIDR6: "Ipv6Ranges", PREFIX_LIST: "PrefixListIds", GROUP: "UserIdGroupPairs"}
PROPERTIES = {CIDR: "cidrBlocks", CIDR6: "ipv6CidrBlocks", PREFIX_LIST: "prefixListIds", GROUP: "securityGroups"}


@dataclass(frozen=True, order=True)
class Rule:
    protocol: str
    from_port: int
    to_port: int
    peer_kind: str  # one of the keys of LISTS
    peer: str
    description: str

    def permission(self) -> dict[str, Any]:
        """As an EC2 IpPermission."""
        peer = {self.peer_kind: self.peer} | ({"Description": self.description} if self.description else {})
        ports = {} if self.protocol == ANY else {"FromPort": self.from_port, "ToPort": self.to_port}
        return {"IpProtocol": self.protocol, **ports, LISTS[self.peer_kind]: [peer]}


def of_inputs(group_id: str, rules: Iterable[Mapping[str, Any]] | None) -> set[Rule]:
    """Single rules of an `ingress` or `egress` list; `self` is the group itself."""
    single = set()
    for rule in rules or ():
        protocol = "-1" if rule["protocol"] in ("all", "-1") else str(rule["protocol"]).lower()
        ports = (0, 0) if protocol == ANY else (rule["fromPort"], rule["toPort"])
        peers = [(kind, peer) for kind, name in PROPERTIES.items() for peer in rule.get(name) or ()]
        if rule.get("self"):
            peers.append((GROUP, group_id))
        single |= {Rule(protocol, *ports, kind, peer, rule.get("description", "")) for kind, peer in peers}
    return single


def of_permissions(permissions: Iterable[Mapping[str, Any]]) -> set[Rule]:
    """Single rules of EC2's IpPermissions or IpPermissionsEgress."""
    single = set()
    for permission in permissions:
        protocol = permission["IpProtocol"]
        ports = (0, 0) if protocol == ANY else (permission.get("FromPort", 0), permission.get("ToPort", 0))
        for kind, key in LISTS.items():
            for peer in permission.get(key) or ():
                single.add(Rule(protocol, *ports, kind, peer[kind], peer.get("Description", "")))
    return single


def to_outputs(group_id: str, rules: set[Rule]) -> list[dict[str, Any]]:
    """As the `ingress` or `egress` output: one object for each protocol, port range and description."""
    merged: dict[tuple[str, int, int, str], dict[str, Any]] = {}
    for rule in sorted(rules):
        key = (rule.protocol, rule.from_port, rule.to_port, rule.description)
        entry = merged.setdefault(
            key,
            {"protocol": rule.protocol, "fromPort": rule.from_port, "toPort": rule.to_port, "description": rule.description},
        )
        if rule.peer_kind == GROUP and rule.peer == group_id:
            entry["self"] = True
        else:
            entry.setdefault(PROPERTIES[rule.peer_kind], []).append(rule.peer)
    return list(merged.values())
