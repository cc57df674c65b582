"""The load balancer of a cloud without machines: whom it sends where, and what it says of its targets, with plain servers."""

import os
import socket
import ssl
import threading
from collections import Counter
from dataclasses import replace

import pytest

from local.host import authority
from local.host.balancer import Balancer
from local.host.namespaces import inside
from local.host.targets import Targets
from tests.live.plain_cloud import SERVERS, made
from tests.live.plain_servers import Greeter, Health, eventually
from tests.unit.host.example import BALANCER_ARN, CLOUD, NLB, TLS_GROUP, VPC

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
HTTPS, HTTP = 18443, 18080  # instead of 8443 and 8080, which a running stack has


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with made(tmp_path_factory.mktemp("cloud") / ".local") as cloud:
        yield cloud


@pytest.fixture(scope="module")
def certificate(tmp_path_factory, cloud):
    """A certificate for the listener and the targets: the local authority's endpoint has what it takes."""
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
                if not front.https():
                    failures.append("closed without an answer")
            except OSError as error:
                failures.append(error)

    clients = [threading.Thread(target=ask) for _ in range(8)]
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
