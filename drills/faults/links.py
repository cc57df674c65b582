"""Faults of the network, as the router of the VPC makes them: no link, no way to somebody, lost and late packets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from drills import delay, network
from drills.faults import Fault, FaultFailed
from drills.network import BOTH
from drills.server import Server
from drills.site import Site
from local.host.desired import API_ADDRESS

LEASE_STORE = "the lease store"  # and all of AWS's API, which has one address


@dataclass(frozen=True, kw_only=True)
class LinkDown(Fault):
    undone: ClassVar[str] = "the link is up again"

    def begin(self, site: Site, server: Server) -> None:
        network.unplug(server.router, server.port)

    def end(self, site: Site, server: Server) -> None:
        network.plug(server.router, server.port)


class Rules(Fault):
    """Packets that the router's rules drop."""

    def confirm(self, site: Site, server: Server) -> None:
        if not network.dropped(server.router):
            raise FaultFailed("the router's rules dropped no packet: this fault befell nobody")

    def end(self, site: Site, server: Server) -> None:
        network.relieve(server.router)


@dataclass(frozen=True, kw_only=True)
class Partition(Rules):
    """No packet between the server and `peers`: names or roles, LEASE_STORE, or nobody named for everyone.

    `loses` SENT or RECEIVED makes it one-way: what the server sends, or what is sent to it, does not arrive.
    """

    peers: tuple[str, ...] = ()
    loses: tuple[str, ...] = BOTH
    undone: ClassVar[str] = "packets arrive again"

    def begin(self, site: Site, server: Server) -> None:
        addresses = [API_ADDRESS if peer == LEASE_STORE else site.named(peer).address for peer in self.peers]
        network.impose(server.router, network.severed(server.address, addresses, self.loses))


@dataclass(frozen=True, kw_only=True)
class StoreSilence(Rules):
    """No server reaches AWS's API, the lease store in it: nobody answers, not even with an error."""

    undone: ClassVar[str] = "it answers again"

    def begin(self, site: Site, server: Server) -> None:
        servers = site.servers.values()
        network.impose(server.router, [rule for one in servers for rule in network.severed(one.address, [API_ADDRESS])])


@dataclass(frozen=True, kw_only=True)
class Loss(Rules):
    """A share of the server's packets is lost, by chance, in both directions."""

    percent: int
    undone: ClassVar[str] = "no packet is lost any more"

    def begin(self, site: Site, server: Server) -> None:
        network.impose(server.router, network.lossy(server.address, self.percent))


@dataclass(frozen=True, kw_only=True)
class Delay(Fault):
    """Every packet to the server is late: each of its round trips takes so much longer."""

    milliseconds: int
    undone: ClassVar[str] = "no packet is late any more"

    def begin(self, site: Site, server: Server) -> None:
        delay.impose(server.router, server.address, self.milliseconds / 1000)

    def confirm(self, site: Site, server: Server) -> None:
        if not delay.holds(server.router):
            raise FaultFailed("the delay line was gone before its time: packets were not late until the end")

    def end(self, site: Site, server: Server) -> None:
        delay.relieve(server.router)
