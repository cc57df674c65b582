"""Faults of the network: what the router of the VPC does to the packets of a server. The machines cannot tell why.

Rules live in a table of their own beside the security groups' (nft(8)); removing it undoes them all.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable

from cloud_init.ports import MYSQL
from local.host import namespaces
from local.host.namespaces import NetworkError

TABLE = "inet drill"
SENT, RECEIVED = "saddr", "daddr"  # a server's packets, as nft tells them apart
BOTH = (SENT, RECEIVED)
OTHER = {SENT: RECEIVED, RECEIVED: SENT}
DROP = "counter drop"
HOOKS = ("forward", "input", "output")  # through the router; to and from the services that live on it


def severed(server: str, peers: Iterable[str] = (), loses: Iterable[str] = BOTH) -> list[str]:
    """Rules that drop what the server sends to `peers` (nobody named: to anyone), and what they send to it."""
    peers, loses = tuple(peers), tuple(loses)
    if not peers:
        return [f"ip {side} {server} {DROP}" for side in loses]
    return [f"ip {side} {server} ip {OTHER[side]} {peer} {DROP}" for peer in peers for side in loses]


def unshipped(source: str, follower: str, port: int, limit: str = "") -> list[str]:
    """Rules that drop what MySQL on `source` sends to `follower`: on one connection, to its `port` there (0: on all of them),
    and with a `limit` only what is more than that."""
    connection = f"tcp dport {port} " if port else ""
    more = f"limit rate over {limit} " if limit else ""
    return [f"ip saddr {source} ip daddr {follower} tcp sport {MYSQL} {connection}{more}{DROP}"]


def lossy(server: str, percent: int) -> list[str]:
    """Rules that drop a share of the packets from and to a server, each by chance."""
    return [f"ip {side} {server} numgen random mod 100 < {percent} {DROP}" for side in BOTH]


def table(rules: Iterable[str]) -> str:
    """The text for `nft -f -`; before the security groups (priority filter), so that established connections suffer too."""
    rules = tuple(rules)
    chains = [
        f"chain {hook} {{ type filter hook {hook} priority filter - 10; policy accept; {'; '.join(rules)}; }}" for hook in HOOKS
    ]
    return "\n".join([f"table {TABLE} {{", *chains, "}"]) + "\n"


def impose(router: str, rules: Iterable[str]) -> None:
    """In the VPC's namespace named `router`, instead of the rules of before."""
    relieve(router)
    namespaces.command(nft(router, "-f", "-"), table(rules))


def dropped(router: str) -> int:
    """How many packets the rules have dropped so far."""
    listed = json.loads(namespaces.command(nft(router, "-j", "list", "table", *TABLE.split())))["nftables"]
    rules = [entry["rule"]["expr"] for entry in listed if "rule" in entry]
    return sum(part["counter"]["packets"] for rule in rules for part in rule if "counter" in part)


def relieve(router: str) -> None:
    with contextlib.suppress(NetworkError):  # there is none
        namespaces.command(nft(router, "delete", "table", *TABLE.split()))


def nft(router: str, *arguments: str) -> list[str]:
    return ["nsenter", f"--net={namespaces.FOLDER / router}", "nft", *arguments]


def plug(router: str, port: str) -> None:
    namespaces.ip(router, f"link set {port} up")


def unplug(router: str, port: str) -> None:
    """The carrier goes: the machine sees it, its peers only that nobody answers."""
    namespaces.ip(router, f"link set {port} down")
