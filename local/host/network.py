"""The VPCs as network namespaces: routers, bridges, interfaces, DHCP, DNS. The computer's own network is not touched.

A VPC is a namespace that is the router; each of its subnets is a bridge in it. An instance, or a load balancer, is a
namespace too, joined to its subnet by a veth pair of which both ends are made inside namespaces. Bridge ports are
isolated from each other and the router answers ARP for everybody (proxy_arp_pvlan, RFC 3069): as in a real VPC there
is no common wire, every packet is routed, and the one stateful firewall of the VPC sees it, also within a subnet. There
is no route to the computer or the internet; service addresses on the router's loopback device stand for them.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable
from pathlib import Path

from local.host import firewall, namespaces
from local.host.desired import (
    API_ADDRESS,
    INSTANCE,
    METADATA_ADDRESS,
    PACKAGES_ADDRESS,
    Desired,
    Interface,
    Subnet,
    Vpc,
)
from local.host.firewall import port_name
from local.host.process import Process
from local.instance import Instance

# Every network device of a namespace made later takes these over.
ROUTER = (
    ("net/ipv4/ip_forward", 1),
    ("net/ipv4/conf/all/send_redirects", 0),  # a router that sends a packet back to its own bridge is meant to
    ("net/ipv4/conf/default/send_redirects", 0),
    ("net/ipv4/conf/default/proxy_arp_pvlan", 1),
)
# Where the kernel has br_netfilter, it would have bridged packets filtered too; then the same would differ by computer.
ROUTER_WITH_BR_NETFILTER = (("net/bridge/bridge-nf-call-iptables", 0), ("net/bridge/bridge-nf-call-arptables", 0))
# A load balancer has an interface in each of several subnets; each answers for its own address only.
SEVERAL_INTERFACES = (
    ("net/ipv4/conf/all/rp_filter", 0),
    ("net/ipv4/conf/default/rp_filter", 0),
    ("net/ipv4/conf/all/arp_ignore", 1),
    ("net/ipv4/conf/all/arp_announce", 2),
)


def bridge_name(subnet: Subnet) -> str:
    return "b-" + hashlib.sha256(subnet.id.encode()).hexdigest()[:12]


class Network:
    """Makes the network of one instance (`Instance`) what is desired; safe to repeat, and after a crash half way."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    def namespace(self, owner: str) -> str:
        """Of a VPC, an EC2 instance or a load balancer."""
        return f"{self.instance.id}-{owner}"

    def converge_router(self, desired: Desired, vpc: Vpc) -> None:
        """A VPC's namespace, bridges and service addresses, its firewall, and its DHCP and DNS."""
        netns = self.namespace(vpc.id)
        if netns not in namespaces.names(netns):
            namespaces.add(netns)
        namespaces.write_settings(netns, ROUTER)
        namespaces.write_settings(netns, ROUTER_WITH_BR_NETFILTER, missing_ok=True)
        namespaces.ip(netns, *router_commands(vpc, namespaces.links(netns)))
        # Answer ARP for others at once, not after up to 0.8 s (arp(7), proxy_delay).
        bridges = map(bridge_name, vpc.subnets)
        namespaces.write_settings(netns, [(f"net/ipv4/neigh/{name}/proxy_delay", 0) for name in bridges])
        namespaces.command(["nsenter", f"--net={namespaces.FOLDER / netns}", "nft", "-f", "-"], firewall.ruleset(desired, vpc))
        self.converge_names(desired, vpc)

    def dns_process(self, vpc_id: str) -> Process:
        return Process(self.instance, f"dns-{vpc_id}")

    def dns_configuration(self, vpc_id: str) -> Path:
        return self.instance.run / f"dns-{vpc_id}.conf"

    def converge_names(self, desired: Desired, vpc: Vpc) -> None:
        """dnsmasq with the present configuration: it keeps no state, so that a changed text means a new process."""
        process = self.dns_process(vpc.id)
        path = self.dns_configuration(vpc.id)
        text = dnsmasq(desired, vpc)
        if process.pid() and path.exists() and path.read_text() == text:
            return
        process.stop()
        path.write_text(text)
        process.start(["dnsmasq", "--keep-in-foreground", f"--conf-file={path}"], netns=self.namespace(vpc.id))

    def attach(self, desired: Desired, owner: str) -> None:
        """The namespace of an EC2 instance or load balancer, with its interfaces. Its VPC's router must exist."""
        netns = self.namespace(owner)
        own = [interface for interface in desired.interfaces if interface.owner == owner]
        if netns not in namespaces.names(netns):
            namespaces.add(netns)
            namespaces.ip(netns, "link set lo up")
        if any(interface.kind != INSTANCE for interface in own):
            namespaces.write_settings(netns, SEVERAL_INTERFACES)
        inside = namespaces.links(netns)
        for interface in own:
            router = self.namespace(interface.vpc_id)
            device = device_name(interface)
            if device not in inside:
                if port_name(interface) in namespaces.links(router):  # its other end went with a namespace
                    namespaces.ip(router, f"link delete {port_name(interface)}")
                namespaces.ip(router, *plug_commands(interface, device, netns, subnet_of(desired, interface)))
            if interface.kind != INSTANCE:  # an instance asks DHCP itself
                namespaces.ip(netns, *address_commands(interface, device, subnet_of(desired, interface)))
                # Subnets it is not in are reached through the first one it is in.
                namespaces.ip(netns, f"route replace default via {subnet_of(desired, own[0]).router}")

    def detach(self, owner: str) -> None:
        """Removes a namespace and the interfaces in it; nothing may run in it any more."""
        netns = self.namespace(owner)
        if netns in namespaces.names(netns):
            # The kernel deletes a namespace's devices some time later; a new machine may want the address at once.
            devices = namespaces.links(netns) - {"lo"}
            namespaces.ip(netns, *(f"link delete {device}" for device in sorted(devices)))
            namespaces.delete(netns)

    def remove_unwanted(self, desired: Desired, keep: Iterable[str] = ()) -> None:
        """Removes the namespaces of owners and VPCs that are gone; those of `keep` (owners still running) stay."""
        wanted = {interface.owner for interface in desired.interfaces} | {vpc.id for vpc in vpcs_in_use(desired)}
        present = {name.removeprefix(f"{self.instance.id}-") for name in namespaces.names(f"{self.instance.id}-")}
        for owner in sorted(present - wanted - set(keep)):
            if owner.startswith("vpc-"):
                self.dns_process(owner).stop()
                self.dns_configuration(owner).unlink(missing_ok=True)
            self.detach(owner)

    def remove(self) -> None:
        """Everything; no machine may run any more."""
        self.remove_unwanted(Desired())


def vpcs_in_use(desired: Desired) -> list[Vpc]:
    return [vpc for vpc in desired.vpcs if desired.interfaces_in(vpc.id)]


def subnet_of(desired: Desired, interface: Interface) -> Subnet:
    return next(s for s in desired.vpc(interface.vpc_id).subnets if s.id == interface.subnet_id)


def device_name(interface: Interface) -> str:
    """Inside its owner's namespace: ens5, as on EC2's Nitro instances."""
    return "ens5" if interface.kind == INSTANCE else port_name(interface)


def router_commands(vpc: Vpc, present: Iterable[str]) -> list[str]:
    """`ip` lines for the router of a VPC in which the devices `present` exist. Bridges of gone subnets are removed."""
    bridges = {bridge_name(subnet): subnet for subnet in vpc.subnets}
    lines = ["link set lo up"]
    lines += [
        f"address replace {address}/32 dev lo" for address in (vpc.resolver, METADATA_ADDRESS, API_ADDRESS, PACKAGES_ADDRESS)
    ]
    lines += [f"link delete {name}" for name in sorted(present) if name.startswith("b-") and name not in bridges]
    for name, subnet in bridges.items():
        if name not in present:
            lines.append(f"link add {name} type bridge")
        lines += [f"address replace {subnet.router}/{subnet.prefix_length} dev {name}", f"link set {name} up"]
    return lines


def plug_commands(interface: Interface, device: str, netns: str, subnet: Subnet) -> list[str]:
    """`ip` lines, run in the router, that plug an interface of namespace `netns` into its subnet."""
    port = port_name(interface)
    return [
        f"link add {port} type veth peer name {device} address {interface.mac} netns {netns}",
        f"link set {port} master {bridge_name(subnet)} up",
        f"link set {port} type bridge_slave isolated on",
    ]


def address_commands(interface: Interface, device: str, subnet: Subnet) -> list[str]:
    """`ip` lines, run in the load balancer's namespace."""
    return [f"link set {device} up", f"address replace {interface.address}/{subnet.prefix_length} dev {device}"]


def dnsmasq(desired: Desired, vpc: Vpc) -> str:
    """The configuration of dnsmasq(8) in a VPC: each known MAC has its fixed address and its private name."""
    lines = [
        "user=root",
        "pid-file=",
        "no-resolv",
        "no-hosts",
        "bind-dynamic",
        "except-interface=lo",
        f"listen-address={vpc.resolver}",
        f"domain={desired.domain}",
        "address=/#/",  # every other name does not exist: there is nobody to ask
        "dhcp-authoritative",
        "dhcp-ignore=tag:!known",
        "leasefile-ro",
        f"dhcp-option=option:dns-server,{vpc.resolver}",
        f"dhcp-option=option:domain-search,{desired.domain}",
        "dhcp-option=option:mtu,1500",
    ]
    for subnet in vpc.subnets:
        network = ipaddress.ip_network(subnet.cidr)
        lines += [
            f"interface={bridge_name(subnet)}",
            f"dhcp-range={network.network_address},static,{network.netmask},1h",
        ]
    for interface in desired.interfaces_in(vpc.id):
        if interface.kind == INSTANCE:
            name = "ip-" + interface.address.replace(".", "-")
            lines += [
                f"dhcp-host={interface.mac},{interface.address},{name}",
                f"host-record={name}.{desired.domain},{interface.address}",
            ]
    return "\n".join(lines) + "\n"
