"""A target's way from registration to deregistration, in the words of the ELBv2 API."""

from dataclasses import replace

import pytest

from local.host.targets import Targets
from tests.unit.host.example import CLOUD, TLS_GROUP

GROUP = "tg-73e2d6bc24d8a067"


class World:
    """A clock and HAProxy's statuses in one's hands."""

    def __init__(self):
        self.now, self.statuses = 0.0, {}
        self.targets = Targets(lambda: self.statuses, lambda: self.now)
        self.targets.follow(CLOUD)

    def health(self, target="i-a"):
        found = self.targets.health(TLS_GROUP, target, 8443)
        return (found.state, found.reason) if found.reason else found.state

    def haproxy_says(self, status, target="i-a"):
        self.statuses = {(GROUP, f"{target}:8443"): status}


@pytest.fixture
def world():
    return World()


def without(target_id):
    groups = tuple(replace(group, targets=tuple(t for t in group.targets if t.id != target_id)) for group in CLOUD.target_groups)
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
    world.targets = Targets(lambda: {}, lambda: 0)
    assert world.health() == ("initial", "Elb.RegistrationInProgress")


def test_a_stopped_instance_is_unused(world):
    servers = tuple(replace(server, wanted="stopped") if server.id == "i-a" else server for server in CLOUD.servers)
    world.targets.follow(replace(CLOUD, servers=servers))
    assert world.health() == ("unused", "Target.InvalidState")
    assert world.health("i-b") == ("initial", "Elb.InitialHealthChecking")


def test_a_group_without_a_listener_is_not_in_use(world):
    world.targets.follow(replace(CLOUD, load_balancers=()))
    assert world.health() == ("unused", "Target.NotInUse")
