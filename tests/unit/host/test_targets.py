"""A target's way from registration to deregistration, in the words of the ELBv2 API."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from local.host.balancer import Balancer
from local.host.targets import Targets
from tests.unit.host.example import CLOUD, TLS_GROUP

GROUP = "tg-73e2d6bc24d8a067"


class World:
    """A clock and HAProxy's statuses in one's hands."""

    def __init__(self):
        self.now, self.statuses, self.unchanged_s = 0.0, {}, {}
        self.targets = Targets(lambda: self.statuses, lambda: self.unchanged_s, lambda: self.now)
        self.targets.follow(CLOUD)

    def health(self, target="i-a"):
        found = self.targets.health(TLS_GROUP, target, 8443)
        return (found.state, found.reason) if found.reason else found.state

    def haproxy_says(self, status, for_s=0, target="i-a"):
        self.statuses = {(GROUP, f"{target}:8443"): status}
        self.unchanged_s = {(GROUP, f"{target}:8443"): for_s}


@pytest.fixture
def world():
    return World()


def without(target_id):
    groups = tuple(replace(group, targets=tuple(t for t in group.targets if t.id != target_id)) for group in CLOUD.target_groups)
    return replace(CLOUD, target_groups=groups)


def draining(seconds):
    groups = tuple(replace(group, terminate_unhealthy=False, draining_s=seconds) for group in CLOUD.target_groups)
    return replace(CLOUD, target_groups=groups)


def test_a_new_target_is_initial_until_enough_checks_have_passed(world):
    assert world.health() == ("initial", "Elb.InitialHealthChecking")
    world.haproxy_says("DOWN 1/2")
    assert world.health() == ("initial", "Elb.InitialHealthChecking")
    world.haproxy_says("UP")
    assert world.health() == "healthy"


def test_a_new_target_that_never_answers_is_unhealthy_after_the_unhealthy_threshold(world):
    world.haproxy_says("DOWN")
    assert world.health() == ("initial", "Elb.InitialHealthChecking")
    world.now = 10  # two checks, every 5 seconds
    assert world.health() == ("unhealthy", "Target.FailedHealthChecks")


def test_a_healthy_target_is_so_until_the_threshold_and_again_after_it(world):
    for status, health in (
        ("UP", "healthy"),
        ("UP 1/2", "healthy"),
        ("DOWN", ("unhealthy", "Target.FailedHealthChecks")),
        ("DOWN 1/2", ("unhealthy", "Target.FailedHealthChecks")),
        ("UP", "healthy"),
    ):
        world.haproxy_says(status)
        assert world.health() == health


DRAINING = ("unhealthy.draining", "Target.FailedHealthChecks")
UNHEALTHY = ("unhealthy", "Target.FailedHealthChecks")


@pytest.mark.parametrize(
    ("status", "for_s", "health"),
    [("DOWN", 0, DRAINING), ("DOWN 1/2", 19, DRAINING), ("DOWN", 20, UNHEALTHY), ("UP", 0, "healthy")],
)
def test_an_unhealthy_target_that_keeps_its_connections_drains_for_its_interval(world, status, for_s, health):
    world.targets.follow(draining(20))
    world.haproxy_says("UP")
    assert world.health() == "healthy"
    world.haproxy_says(status, for_s)
    assert world.health() == health


def test_without_haproxy_no_connection_drains(world):
    world.targets.follow(draining(20))
    world.haproxy_says("UP")
    assert world.health() == "healthy"
    world.statuses, world.unchanged_s = {}, {}
    assert world.health() == UNHEALTHY


def test_a_new_target_that_never_answers_has_nothing_to_drain(world):
    world.targets.follow(draining(20))
    world.now = 10
    world.haproxy_says("DOWN", for_s=10)
    assert world.health() == UNHEALTHY


def test_a_deregistered_target_drains_for_its_delay(world):
    world.targets.follow(without("i-a"))
    world.now = 299
    assert world.health() == ("draining", "Target.DeregistrationInProgress")
    world.now = 300
    assert world.health() != ("draining", "Target.DeregistrationInProgress")


def test_a_target_registered_again_begins_again(world):
    world.haproxy_says("UP")
    assert world.health() == "healthy"
    world.targets.follow(without("i-a"))
    world.targets.follow(CLOUD)
    world.haproxy_says("DOWN")
    assert world.health() == ("initial", "Elb.InitialHealthChecking")


def test_a_registration_the_host_has_not_read_yet_is_in_progress(world):
    world.targets = Targets(dict, dict, lambda: 0)
    assert world.health() == ("initial", "Elb.RegistrationInProgress")


def test_a_stopped_instance_is_unused(world):
    servers = tuple(replace(server, wanted="stopped") if server.id == "i-a" else server for server in CLOUD.servers)
    world.targets.follow(replace(CLOUD, servers=servers))
    assert world.health() == ("unused", "Target.InvalidState")
    assert world.health("i-b") == ("initial", "Elb.InitialHealthChecking")


def test_a_group_without_a_listener_is_not_in_use(world):
    world.targets.follow(replace(CLOUD, load_balancers=()))
    assert world.health() == ("unused", "Target.NotInUse")


def test_one_look_at_haproxys_statistics_tells_statuses_and_their_ages(tmp_path, monkeypatch):
    asked = []

    def ask(command):
        asked.append(command)
        return "# pxname,svname,status,lastchg\nfront,FRONTEND,OPEN,\ntg,i-a:8443,DOWN 1/2,7\n"

    balancer = Balancer(SimpleNamespace(id="dw", run=tmp_path, log=tmp_path), str)
    monkeypatch.setattr(balancer, "ask", ask)
    assert balancer.statuses() == {("front", "FRONTEND"): "OPEN", ("tg", "i-a:8443"): "DOWN 1/2"}
    assert balancer.unchanged_s() == {("tg", "i-a:8443"): 7}
    assert asked == ["show stat"]
