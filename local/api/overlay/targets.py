"""Target groups of Network Load Balancers: AWS's defaults and limits, and health as the host observes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, FakeTargetGroup

from local.api.host import TargetHealth
from local.api.overlay.calls import Call, Refusal, Served, follows, patches, refuses

NETWORK = ("TCP", "TLS", "UDP", "TCP_UDP")
# ELBv2 API, TargetGroupAttribute: what a new group of a Network Load Balancer has
ATTRIBUTES = {
    "deregistration_delay.timeout_seconds": "300",
    "deregistration_delay.connection_termination.enabled": "false",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "proxy_protocol_v2.enabled": "false",
    "stickiness.enabled": "false",
    "stickiness.type": "source_ip",
    "target_health_state.unhealthy.connection_termination.enabled": "true",
    "target_health_state.unhealthy.draining_interval_seconds": "0",
}
REGISTERING = TargetHealth("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
# ELBv2 API, CreateTargetGroup: seconds, and checks in a row
RANGES = {
    "HealthCheckIntervalSeconds": (5, 300),
    "HealthCheckTimeoutSeconds": (2, 120),
    "HealthyThresholdCount": (2, 10),
    "UnhealthyThresholdCount": (2, 10),
}


@patches(FakeTargetGroup, "__init__")
def create(moto: Any, group: FakeTargetGroup, *args: Any, **settings: Any) -> None:
    """ELBv2 API, CreateTargetGroup, for the protocols of Network Load Balancers; moto has those of ALBs."""
    moto(group, *args, **settings)
    if group.protocol not in NETWORK or group.target_type == "alb":
        return
    address_decides = group.target_type == "ip" and group.protocol in ("TCP", "TLS")
    group.attributes = ATTRIBUTES | {"preserve_client_ip.enabled": "false" if address_decides else "true"}
    http = group.health_check_protocol in ("HTTP", "HTTPS")
    group.health_check_path = (settings.get("healthcheck_path") or "/") if http else None
    group.matcher = (settings.get("matcher") or {"HttpCode": "200-399"}) if http else None


@patches(ELBv2Backend, "create_target_group")
def create_target_group(moto: Any, elbv2: ELBv2Backend, name: str, **settings: Any) -> FakeTargetGroup:
    """The timeout of a health check over HTTP is 6 s unless given, otherwise 10 s; moto takes 10 s."""
    if settings.get("protocol") in NETWORK and settings.get("healthcheck_protocol") == "HTTP":
        settings["healthcheck_timeout_seconds"] = settings.get("healthcheck_timeout_seconds") or 6
    return moto(elbv2, name, **settings)


@refuses("elbv2", "CreateTargetGroup", "ModifyTargetGroup")
def refuse_impossible_health_checks(call: Call) -> None:
    for name, (least, most) in RANGES.items():
        value = call.params.get(name)
        if value is not None and not least <= value <= most:
            bound = f"greater than or equal to {least}" if value < least else f"less than or equal to {most}"
            field = name[0].lower() + name[1:]
            raise Refusal(
                "ValidationError",
                f"1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: "
                f"Member must have value {bound}",
            )
    interval, timeout = effective(call, "Interval", 30), effective(call, "Timeout", 0)
    if timeout > interval:
        message = f"Health check timeout '{timeout}' must be smaller than or equal to the interval '{interval}'"
        raise Refusal("ValidationError", message)


def effective(call: Call, name: str, default: int) -> int:
    group = call.state().target_groups.get(call.params.get("TargetGroupArn"))
    there = getattr(group, f"health_check_{name.lower()}_seconds", default)
    return call.params.get(f"HealthCheck{name}Seconds", there)


@follows("elbv2", "ModifyTargetGroup")
def keep_matcher(call: Call) -> None:
    group = call.state().target_groups[call.params["TargetGroupArn"]]
    if "Matcher" in call.params and group.protocol in NETWORK:
        group.matcher = dict(call.params["Matcher"])


@refuses("elbv2", "RegisterTargets")
def refuse_unknown_targets(call: Call) -> None:
    """ELBv2 API, RegisterTargets, InvalidTarget: not an instance of this network."""
    group = call.state().target_groups.get(call.params["TargetGroupArn"])
    for target in call.params["Targets"]:
        if group is None or group.target_type != "instance":
            continue
        instance = call.state("ec2").get_instance_by_id(target["Id"])
        if instance is None or instance.state == "terminated":
            raise Refusal("InvalidTarget", f"The following targets do not exist: '{target['Id']}'")
        if instance.vpc_id != group.vpc_id:
            message = f"The following targets are not in the target group VPC '{group.vpc_id}': '{target['Id']}'"
            raise Refusal("InvalidTarget", message)


@patches(FakeTargetGroup, "health_for")
def health_for(moto: Any, group: FakeTargetGroup, target: Mapping[str, Any], ec2: Any) -> FakeHealthStatus:
    """ELBv2 API, TargetHealth: states, reasons and their texts."""
    target_id, registered = target["Id"], group.targets.get(target["Id"])
    port = int((registered or target).get("Port") or group.port)
    instance = ec2.get_instance_by_id(target_id) if target_id.startswith("i-") else None
    if registered is None:
        state = draining(group, target_id, port) or (
            "unused",
            "Target.NotRegistered",
            "Target is not registered to the target group",
        )
    elif not group.load_balancer_arns:
        state = ("unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer")
    elif instance and instance.state in ("stopping", "stopped"):
        state = ("unused", "Target.InvalidState", "Target is in the stopped state")
    else:
        health = Served.host.target_health(group.arn, target_id, port)
        if health.state == "draining":  # the host does not know yet that it is registered again
            health = REGISTERING
        state = (health.state, health.reason or None, health.description or None)
    return FakeHealthStatus(target_id, str(port), health_port(group, port), *state)


def draining(group: FakeTargetGroup, target_id: str, port: int) -> tuple[str, str, str] | None:
    """While its last connections end, as the host says (ELBv2 API, deregistration_delay.timeout_seconds)."""
    if target_id in group.deregistered_targets | group.terminated_targets:
        health = Served.host.target_health(group.arn, target_id, port)
        if health.state == "draining":
            return health.state, health.reason, health.description
    return None


def health_port(group: FakeTargetGroup, port: int) -> str:
    return str(port) if group.health_check_port == "traffic-port" else group.health_check_port


@patches(ELBv2Backend, "describe_target_health")
def describe_target_health(
    moto: Any, elbv2: ELBv2Backend, target_group_arn: str, targets: list[dict[str, Any]]
) -> list[FakeHealthStatus]:
    """ELBv2 API, DescribeTargetHealth: without a list, also those that still drain."""
    group = elbv2.target_groups.get(target_group_arn)
    shown = moto(elbv2, target_group_arn, targets)
    if not targets and group:
        leaving = {**group.deregistered_targets, **group.terminated_targets}
        leavers = [group.health_for(target, elbv2.ec2_backend) for target in leaving.values()]
        shown += [health for health in leavers if health.status == "draining"]
    return shown
