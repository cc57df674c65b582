"""The network of a cloud without machines: routers, firewall and metadata, with plain servers in them."""

import os
import socket
import struct

import pytest

from local.host.metadata import LIFETIME, Metadata
from local.host.namespaces import inside, ip
from tests.live.plain_cloud import made
from tests.live.plain_servers import metadata, packets
from tests.unit.host.example import CLOUD, VPC

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with made(tmp_path_factory.mktemp("cloud") / ".local") as cloud:
        yield cloud


@pytest.fixture
def restored(cloud):
    yield cloud
    cloud.follow(CLOUD)


# -- network and firewall ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "destination", "port", "answer"),
    [
        ("i-a", "i-b", 3306, "i-b 10.20.1.10"),  # within a subnet, by a rule of the group for itself
        ("i-a", "i-b", 22, None),  # within a subnet, without a rule
        ("i-lb", "i-a", 8444, "i-a 10.20.2.10"),  # between subnets
        ("i-lb", "i-a", 3306, None),  # the receiver's group does not take it
        ("i-a", "i-lb", 8444, None),  # the sender's group does not send it
    ],
)
def test_a_packet_passes_when_both_groups_agree(cloud, source, destination, port, answer):
    assert cloud.dial(source, destination, port) == answer


def test_a_revoked_rule_blocks_new_connections_at_once_and_lets_the_old_one_live(restored):
    with inside(restored.netns("i-a"), lambda: socket.create_connection(("10.20.1.11", 3306), timeout=1)) as held:
        assert held.recv(100) == b"i-b 10.20.1.10\n"
        restored.follow(restored.without_rules("sg-web", first=3306))
        assert restored.dial("i-a", "i-b", 3306) is None
        held.sendall(b"still here")
        assert held.recv(100) == b"still here"


def test_a_server_cannot_speak_as_another(cloud):
    """i-b takes i-lb's address, which i-a's group admits to port 8444; not even its first packet arrives."""
    netns = cloud.netns("i-b")
    ip(netns, "address add 10.20.2.10/32 dev lo")
    try:
        with packets(cloud.netns("i-a")) as arrived, pytest.raises(TimeoutError):
            inside(netns, lambda: socket.create_connection(("10.20.1.10", 8444), 0.5, source_address=("10.20.2.10", 0)))
        assert "10.20.2.10" not in arrived
        with packets(cloud.netns("i-a")) as arrived:
            assert cloud.dial("i-lb", "i-a", 8444)
        assert "10.20.2.10" in arrived
    finally:
        ip(netns, "address delete 10.20.2.10/32 dev lo")


def test_a_server_cannot_go_around_the_router(cloud):
    """i-a knows i-b's hardware address and sends to it directly: there is no wire between them."""
    netns = cloud.netns("i-a")
    ip(netns, "neigh replace 10.20.1.11 lladdr 02:00:00:00:01:0b dev ens5")
    try:
        assert cloud.dial("i-a", "i-b", 22) is None
        with packets(cloud.netns("i-b")) as arrived:
            assert cloud.dial("i-a", "i-b", 3306) is None
        assert "10.20.1.10" not in arrived
    finally:
        ip(netns, "neigh delete 10.20.1.11 dev ens5")


def test_there_is_no_way_out(cloud):
    with pytest.raises(OSError, match="unreachable"):
        inside(cloud.netns("i-lb"), lambda: socket.create_connection(("192.0.2.1", 80), 0.5))
    assert cloud.dial("i-lb", "10.20.2.1", 80) is None  # the router itself has nothing to say


def test_the_resolver_knows_the_private_names_and_nothing_else(cloud):
    assert ask_dns(cloud.netns("i-a"), "ip-10-20-1-11.eu-central-1.compute.internal") == (0, "10.20.1.11")
    assert ask_dns(cloud.netns("i-a"), "www.example.com") == (3, None)  # NXDOMAIN


def ask_dns(netns, name):
    """Response code and address of an A query (RFC 1035, 4.1)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    query = struct.pack(">6H", 1, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)
    with inside(netns, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client:
        client.settimeout(2)
        client.sendto(query, ("10.20.0.2", 53))
        answer = client.recv(512)
    return answer[3] & 15, socket.inet_ntoa(answer[-4:]) if answer[7] else None


def test_converging_again_keeps_connections_and_processes(cloud):
    before = (cloud.instance.run / f"dns-{VPC}.pid").read_text()
    with inside(cloud.netns("i-a"), lambda: socket.create_connection(("10.20.1.11", 3306), timeout=1)) as held:
        held.recv(100)
        cloud.follow(CLOUD)
        held.sendall(b"still here")
        assert held.recv(100) == b"still here"
    assert (cloud.instance.run / f"dns-{VPC}.pid").read_text() == before


# -- metadata ----------------------------------------------------------------------------------------------------------


class Words:
    def user_data(self, server):
        return b"#cloud-config\n\xff"

    def vendor_data(self, server):
        return f"vendor {server.id}"

    def credentials(self, server):
        return f"keys {server.id}"


@pytest.fixture(scope="module")
def imds(cloud):
    service = Metadata(lambda: cloud.desired, Words())
    service.serve(VPC, cloud.netns(VPC))
    yield lambda method, path, **headers: metadata(cloud.netns("i-a"), method, path, **headers)
    service.stop(VPC)


def test_metadata_is_given_for_a_token_only(cloud, imds):
    lifetime = {LIFETIME: "60"}
    assert imds("GET", "/latest/meta-data/instance-id")[0] == 401
    assert imds("PUT", "/latest/api/token")[0] == 400
    assert imds("PUT", "/latest/api/token", **lifetime, X_Forwarded_For="10.0.0.1")[0] == 403
    status, token = imds("PUT", "/latest/api/token", **lifetime)
    assert status == 200
    shown = {"X_aws_ec2_metadata_token": token.decode()}
    assert imds("GET", "/latest/meta-data/instance-id", **shown) == (200, b"i-a")
    assert imds("GET", "/latest/user-data", **shown) == (200, b"#cloud-config\n\xff")
    assert imds("GET", "/latest/vendor-data", **shown) == (200, b"vendor i-a")
    assert imds("GET", "/latest/meta-data/iam/security-credentials/web", **shown) == (200, b"keys i-a")
    assert imds("GET", "/latest/meta-data/public-keys", **shown)[0] == 404
    assert metadata(cloud.netns("i-b"), "GET", "/latest/meta-data/instance-id", **shown)[0] == 401  # somebody else's
