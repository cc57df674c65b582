"""Faults of the network: what the router of the VPC does to the packets of a server. The machines cannot tell why.

Rules live in a table of their own beside the security groups' (nft(8)); removing it undoes them all.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from local.host import namespaces
from local.host.namespaces import NetworkError

TABLE = "inet drill"
HOOKS = ("forward", "input", "output")  # through the router; to and from the services that live on it


def severed(server: str, peers: Iterable[str] = ()) -> list[str]:
    """Rules that drop every packet between two addresses, or with no `peers` every packet of the server."""
    peers = tuple(peers)
    if not peers:
        return [f"ip saddr {server} drop", f"ip daddr {server} drop"]
    return [f"ip {a} {server} ip {b} {peer} drop" for peer in peers for a, b in (("saddr", "daddr"), ("daddr", "saddr"))]


def lossy(server: str, percent: int) -> list[str]:
    """Rules that drop a share of the packets from and to a server, each by chance."""
    return [f"ip {side} {server} numgen random mod 100 < {percent} drop" for side in ("saddr", "daddr")]


def table(rules: Iterable[str]) -> str:
    """The text for `nft -f -`; before the security groups (priority filter), so that established connections suffer too."""
    rules = tuple(rules)
    chains = [
        f"chain {hook} {{ type filter hook {hook} priority filter - 10; policy accept; {'; '.join(rules)}; }}" for hook in HOOKS
    ]
    return "\n".join([f"table {TABLE} {{", *chains, "}"]) + "\n"


def impose(router: str, rules: Iterable[str]) -> None:
    """In the VPC's namespace named `router`."""
    namespaces.command(nft(router), table(rules))


def relieve(router: str) -> None:
    with contextlib.suppress(NetworkError):  # there is none
        namespaces.command(nft(router), f"delete table {TABLE}\n")


def nft(router: str) -> list[str]:
    return ["nsenter", f"--net={namespaces.FOLDER / router}", "nft", "-f", "-"]


def plug(router: str, port: str) -> None:
    namespaces.ip(router, f"link set {port} up")


def unplug(router: str, port: str) -> None:
    """The carrier goes: the machine sees it, its peers only that nobody answers."""
    namespaces.ip(router, f"link set {port} down")
