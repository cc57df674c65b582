"""What is said to ip(8) and dnsmasq(8) about a VPC."""

from pathlib import Path

from local.host import network
from tests.unit.host.example import CLOUD

VPC = CLOUD.vpcs[0]
PUBLIC, _, PRIVATE, _ = VPC.subnets
NAMES = {subnet.id: network.bridge_name(subnet) for subnet in VPC.subnets}


def test_dhcp_and_dns_know_every_instance_and_no_load_balancer():
    assert network.dnsmasq(CLOUD, VPC) == (Path(__file__).parent / "golden" / "dnsmasq.conf").read_text()


def test_a_new_router_gets_service_addresses_and_a_bridge_for_each_subnet():
    bridges = NAMES.values()
    assert network.router_commands(VPC, {"lo"}) == [
        "link set lo up",
        "address replace 10.20.0.2/32 dev lo",
        "address replace 169.254.169.254/32 dev lo",
        "address replace 198.18.0.1/32 dev lo",
        "address replace 198.18.0.2/32 dev lo",
        *(
            command
            for bridge, third in zip(bridges, (0, 3, 1, 2), strict=True)
            for command in (
                f"link add {bridge} type bridge",
                f"address replace 10.20.{third}.1/24 dev {bridge}",
                f"link set {bridge} up",
            )
        ),
    ]


def test_a_router_that_exists_keeps_its_bridges_and_loses_those_of_gone_subnets():
    commands = network.router_commands(VPC, {"lo", "b-former", "p-somebody", *NAMES.values()})
    assert "link delete b-former" in commands
    assert not any("link add" in command or "p-somebody" in command for command in commands)


def test_an_instance_is_plugged_in_behind_an_isolated_port():
    interface = CLOUD.interfaces[0]
    port = network.port_name(interface)
    assert network.plug_commands(interface, network.device_name(interface), "dw-1-i-a", PRIVATE) == [
        f"link add {port} type veth peer name ens5 address 02:00:00:00:01:0a netns dw-1-i-a",
        f"link set {port} master {NAMES['subnet-private-a']} up",
        f"link set {port} type bridge_slave isolated on",
    ]


def test_a_load_balancer_has_its_address_from_us_as_it_asks_no_dhcp():
    interface = CLOUD.interfaces[3]
    assert network.address_commands(interface, network.device_name(interface), PUBLIC) == [
        f"link set {network.port_name(interface)} up",
        f"address replace 10.20.0.250/24 dev {network.port_name(interface)}",
    ]


def test_device_names_fit_the_kernel():
    assert all(len(name) < 16 for name in [*NAMES.values(), *map(network.port_name, CLOUD.interfaces)])
