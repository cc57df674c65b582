"""The health of load balancer targets in the words of the ELBv2 API (TargetHealth), made from HAProxy's statuses."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

from local.api.host import TargetHealth
from local.host import haproxy
from local.host.desired import Desired, Target, TargetGroup

HEALTHY = TargetHealth("healthy")
INITIAL = TargetHealth("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
UNHEALTHY = TargetHealth("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
UNHEALTHY_DRAINING = TargetHealth("unhealthy.draining", "Target.FailedHealthChecks", "Health checks failed")
NOT_IN_USE = TargetHealth("unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer")
STOPPED = TargetHealth("unused", "Target.InvalidState", "Target is in the stopped state")
DRAINING = TargetHealth("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
REGISTERING = TargetHealth("initial", "Elb.RegistrationInProgress", "Target registration is in progress")

Server = tuple[str, str]  # target group id, HAProxy's server name
Registration = tuple[str, str, int]  # target group ARN, target id, port


class Targets:
    """The health of targets in the words of the ELBv2 API, from registration to the end of their last connections."""

    def __init__(
        self,
        statuses: Callable[[], Mapping[Server, str]],  # HAProxy's
        unchanged_s: Callable[[], Mapping[Server, int]],  # how long it has been up or down
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.statuses, self.unchanged_s, self.clock = statuses, unchanged_s, clock
        self.desired = Desired()
        self.registered: dict[Registration, tuple[TargetGroup, Target]] = {}
        self.judged: dict[Registration, float] = {}  # when failed checks begin to count against a new target
        self.left: dict[Registration, float] = {}  # until when the connections of a deregistered target may last

    def follow(self, desired: Desired) -> None:
        """Takes over the present registrations, and notes who came and who left."""
        now, before = self.clock(), self.registered
        self.desired = desired
        self.registered = {
            (group.arn, target.id, target.port): (group, target) for group in desired.target_groups for target in group.targets
        }
        for came in self.registered.keys() - before.keys():
            check = self.registered[came][0].health
            self.judged[came] = now + check.unhealthy * check.interval_s
        for gone in before.keys() - self.registered.keys():
            self.left[gone] = now + before[gone][0].deregistration_delay_s
        self.left = {key: until for key, until in self.left.items() if key not in self.registered and until > now}

    def health(self, arn: str, target_id: str, port: int) -> TargetHealth:
        key = (arn, target_id, port)
        if key not in self.registered:
            return DRAINING if self.left.get(key, 0) > self.clock() else REGISTERING
        group, target = self.registered[key]
        if any(server.id == target_id and server.wanted != "running" for server in self.desired.servers):
            return STOPPED
        if not self.in_use(group):
            return NOT_IN_USE
        # HAProxy's words: UP, UP 1/2 (failing), DOWN, DOWN 1/2 (passing); management guide 9.1, status.
        server = group.id, haproxy.server_name(target)
        status = self.statuses().get(server, "")
        if status.startswith("UP"):
            self.judged.pop(key, None)
            return HEALTHY
        if key in self.judged:  # it never was healthy: nobody has a connection to it
            return INITIAL if "/" in status or self.clock() < self.judged[key] else UNHEALTHY
        return UNHEALTHY_DRAINING if self.unchanged_s().get(server, math.inf) < group.draining_s else UNHEALTHY

    def in_use(self, group: TargetGroup) -> bool:
        listeners = (listener for balancer in self.desired.load_balancers for listener in balancer.listeners)
        return any(listener.target_group_arn == group.arn for listener in listeners)
