"""The network of a cloud without machines: routers, firewall, metadata and load balancer, with plain servers in them."""

import os
import socket
import ssl
import struct
import threading
from collections import Counter
from dataclasses import replace

import pytest

from local.host import leftovers
from local.host.balancer import Balancer
from local.host.metadata import LIFETIME, Metadata
from local.host.namespaces import inside, ip
from local.host.network import Network
from local.host.targets import Targets
from local.instance import Instance
from tests.live.plain_servers import Greeter, Health, dial, eventually, metadata, packets
from tests.unit.host.example import BALANCER_ARN, CLOUD, NLB, TLS_GROUP, VPC

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
SERVERS = {"i-a": "10.20.1.10", "i-b": "10.20.1.11", "i-lb": "10.20.2.10"}
HTTPS, HTTP = 18443, 18080  # instead of 8443 and 8080, which a running stack has


class Cloud:
    """CLOUD in the kernel: every server has its address, and a greeter on each port the tests knock at."""

    def __init__(self, home):
        self.instance = Instance.open(home)
        self.network = Network(self.instance)
        self.desired = CLOUD
        self.follow(CLOUD)
        for name, address in SERVERS.items():
            router = address.rpartition(".")[0] + ".1"
            ip(
                self.netns(name),
                "link set ens5 up",
                f"address add {address}/24 dev ens5",
                f"route add default via {router}",
            )
            for port in (22, 3306, 8444):
                Greeter(self.netns(name), port, name)

    def follow(self, desired):
        self.desired = desired
        self.network.converge_router(desired, desired.vpcs[0])
        for owner in sorted({interface.owner for interface in desired.interfaces}):
            self.network.attach(desired, owner)

    def netns(self, owner):
        return self.network.namespace(owner)

    def dial(self, source, destination, port):
        return dial(self.netns(source), SERVERS.get(destination, destination), port)

    def without_rules(self, group_id, **fields):
        """The desired state with the ingress rules of a group revoked that have these fields."""
        groups = tuple(
            replace(group, ingress=tuple(r for r in group.ingress if any(getattr(r, k) != v for k, v in fields.items())))
            if group.id == group_id
            else group
            for group in CLOUD.groups
        )
        return replace(CLOUD, groups=groups)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    made = Cloud(tmp_path_factory.mktemp("cloud") / ".local")
    yield made
    leftovers.remove(made.instance)
    assert leftovers.find(made.instance) == []


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


# -- load balancer -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory, cloud):
    """A certificate for the listener and the targets: the local authority's endpoint has what it takes."""
    from local.host import authority

    return authority.endpoint(cloud.instance).read_text()


@pytest.fixture(scope="module")
def front(cloud, certificate):
    """The balancer with both listeners on free ports, targets that speak PROXY v2 and TLS, and their health ports."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cloud.instance.home / "ca" / "endpoint.pem")
    health = {name: Health(cloud.netns(name), 8405) for name in SERVERS}
    for name in SERVERS:
        Greeter(cloud.netns(name), 8443, name, proxied=True, tls=context)
        Greeter(cloud.netns(name), 8080, name)
    balancer = Balancer(cloud.instance, lambda arn: certificate)
    front = Front(cloud, balancer, health)
    front.converge(on_free_ports(CLOUD))
    yield front
    balancer.stop()


def on_free_ports(desired):
    ports = {8443: HTTPS, 8080: HTTP}
    balancer = desired.load_balancers[0]
    listeners = tuple(replace(listener, port=ports[listener.port]) for listener in balancer.listeners)
    opened = tuple(
        replace(group, ingress=tuple(replace(r, first=ports[r.first], last=ports[r.last]) for r in group.ingress))
        if group.id == "sg-nlb"
        else group
        for group in desired.groups
    )
    return replace(desired, groups=opened, load_balancers=(replace(balancer, listeners=listeners),))


class Front:
    def __init__(self, cloud, balancer, health):
        self.cloud, self.balancer, self.health = cloud, balancer, health
        self.targets = Targets(balancer.statuses, balancer.unchanged_s)

    def converge(self, desired):
        self.targets.follow(desired)
        self.balancer.converge(desired, (VPC,), {NLB})

    def states(self):
        return {name: self.targets.health(TLS_GROUP, name, 8443).state for name in SERVERS}

    def https(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", HTTPS), timeout=2) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            return connection.makefile().readline().split()


def test_new_targets_are_initial_then_healthy_and_take_turns(front):
    assert set(front.states().values()) <= {"initial", "healthy"}
    eventually(lambda: set(front.states().values()) == {"healthy"}, deadline_s=30)
    answers = [front.https() for _ in range(60)]
    assert {peer for _, peer, _ in answers} == {"10.20.0.250"}  # the load balancer's own interface
    assert {client for *_, client in answers} == {"127.0.0.1"}  # PROXY v2 tells who it was
    assert set(Counter(name for name, *_ in answers)) == set(SERVERS)
    assert front.health["i-a"].sources == {"LOCAL"}  # health checks carry the header too


def test_an_unhealthy_target_gets_nothing_and_none_healthy_means_all(front):
    eventually(lambda: set(front.states().values()) == {"healthy"}, deadline_s=30)
    front.health["i-a"].status = 503
    eventually(lambda: front.states() == {"i-a": "unhealthy", "i-b": "healthy", "i-lb": "healthy"})
    assert {front.https()[0] for _ in range(30)} == {"i-b", "i-lb"}
    for health in front.health.values():
        health.status = 503
    eventually(lambda: set(front.states().values()) == {"unhealthy"})
    assert {front.https()[0] for _ in range(60)} == set(SERVERS)
    for health in front.health.values():
        health.status = 200


def test_a_reload_fails_no_request_and_forgets_no_health(front):
    desired = on_free_ports(CLOUD)
    eventually(lambda: set(front.states().values()) == {"healthy"}, deadline_s=30)
    done, failures = threading.Event(), []

    def ask():
        while not done.is_set():
            try:
                front.https()
            except OSError as error:
                failures.append(error)

    clients = [threading.Thread(target=ask) for _ in range(2)]
    for client in clients:
        client.start()
    fewer = replace(desired, target_groups=tuple(replace(group, targets=group.targets[:2]) for group in desired.target_groups))
    for step in (fewer, desired) * 3:
        front.converge(step)
        assert {front.states()[name] for name in ("i-a", "i-b")} == {"healthy"}
    done.set()
    for client in clients:
        client.join()
    assert failures == []


def test_a_deregistered_target_drains_and_a_new_one_begins_again(front):
    desired = on_free_ports(CLOUD)
    groups = tuple(replace(group, targets=group.targets[:2]) for group in desired.target_groups)
    front.converge(replace(desired, target_groups=groups))
    assert front.states()["i-lb"] == "draining"
    front.converge(desired)
    assert front.states()["i-lb"] == "initial"
    eventually(lambda: front.states()["i-lb"] == "healthy")


def test_the_load_balancers_group_guards_its_listeners(front):
    desired = on_free_ports(CLOUD)
    closed = tuple(replace(g, ingress=g.ingress[:1]) if g.id == "sg-nlb" else g for g in desired.groups)
    front.converge(replace(desired, groups=closed))
    with socket.create_connection(("127.0.0.1", HTTP), timeout=1) as connection, pytest.raises(TimeoutError):
        connection.recv(1)
    assert front.https()
    front.converge(desired)
    with socket.create_connection(("127.0.0.1", HTTP), timeout=1) as connection:
        assert connection.recv(100)


def test_the_balancer_is_found_again_by_another_daemon(front, certificate):
    before = front.balancer.process.pid()
    other = Balancer(front.cloud.instance, lambda arn: certificate)
    other.converge(on_free_ports(CLOUD), (VPC,), {NLB})
    assert other.process.pid() == before
    assert BALANCER_ARN.rpartition("/")[2] in other.path.read_text()


def test_aws_and_packages_are_reached_through_the_router(front):
    """The API's endpoint speaks TLS with a certificate of the local authority; both end on the computer's loopback."""
    cloud = front.cloud
    context = ssl.create_default_context(cafile=cloud.instance.home / "ca" / "ca.pem")
    with socket.create_server(("127.0.0.1", cloud.instance.api_port)) as api:
        connection = inside(cloud.netns("i-a"), lambda: socket.create_connection(("198.18.0.1", 443), timeout=2))
        with context.wrap_socket(connection, server_hostname="198.18.0.1") as client:
            client.sendall(b"hello")
            assert api.accept()[0].recv(5) == b"hello"
    with (
        socket.create_server(("127.0.0.1", cloud.instance.packages_port)) as packages,
        inside(cloud.netns("i-a"), lambda: socket.create_connection(("198.18.0.2", 80), timeout=2)) as client,
    ):
        client.sendall(b"hello")
        assert packages.accept()[0].recv(5) == b"hello"
