"""Target groups of Network Load Balancers through boto3: defaults, AWS's limits, and health as the host observes it."""

import boto3
import pytest
from botocore.config import Config

from local.api.host import TargetHealth
from tests.api.worlds import balancer, forward, launch, network, refused, target_group

KEYS = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "eu-central-1"}


def test_a_target_group_has_the_defaults_of_a_network_load_balancer(elb, world):
    plain = target_group(elb, world, Protocol="TCP")
    shown = {key.removeprefix("HealthCheck"): value for key, value in plain.items() if key.startswith("HealthCheck")}
    assert shown == {"Protocol": "TCP", "Port": "traffic-port", "Enabled": True, "TimeoutSeconds": 10, "IntervalSeconds": 30}
    assert (plain["HealthyThresholdCount"], plain["UnhealthyThresholdCount"], "Matcher" in plain) == (5, 2, False)
    http = target_group(elb, world, Name="http", HealthCheckProtocol="HTTP", HealthCheckPort="8405", HealthCheckPath="/health")
    assert (http["HealthCheckTimeoutSeconds"], http["HealthCheckPath"]) == (6, "/health")
    assert http["Matcher"] == {"HttpCode": "200-399"}
    changed = elb.modify_target_group(TargetGroupArn=http["TargetGroupArn"], Matcher={"HttpCode": "200"}, HealthCheckPath="/")
    assert changed["TargetGroups"][0]["HealthCheckPath"] == "/"
    there = elb.describe_target_groups(TargetGroupArns=[http["TargetGroupArn"]])["TargetGroups"][0]
    assert there["Matcher"] == {"HttpCode": "200"}
    change = [{"Key": "proxy_protocol_v2.enabled", "Value": "true"}]
    elb.modify_target_group_attributes(TargetGroupArn=http["TargetGroupArn"], Attributes=change)
    shown = elb.describe_target_group_attributes(TargetGroupArn=http["TargetGroupArn"])["Attributes"]
    assert {there["Key"]: there["Value"] for there in shown} == {
        "proxy_protocol_v2.enabled": "true",
        "preserve_client_ip.enabled": "true",
        "deregistration_delay.timeout_seconds": "300",
        "deregistration_delay.connection_termination.enabled": "false",
        "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
        "stickiness.enabled": "false",
        "stickiness.type": "source_ip",
        "target_health_state.unhealthy.connection_termination.enabled": "true",
        "target_health_state.unhealthy.draining_interval_seconds": "0",
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"HealthCheckIntervalSeconds": 4}, "Value '4' at 'healthCheckIntervalSeconds'"),
        ({"HealthCheckIntervalSeconds": 301}, "less than or equal to 300"),
        ({"HealthCheckTimeoutSeconds": 1}, "greater than or equal to 2"),
        ({"HealthyThresholdCount": 1}, "'healthyThresholdCount'"),
        ({"UnhealthyThresholdCount": 11}, "less than or equal to 10"),
        ({"HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 6}, "must be smaller than or equal to the interval"),
    ],
)
def test_health_checks_outside_aws_limits_are_refused(instance, world, settings, message):
    trusting = Config(parameter_validation=False)  # boto3 knows some of the limits itself, other clients do not
    elb = boto3.client("elbv2", endpoint_url=instance.endpoint, config=trusting, **KEYS)
    with refused("ValidationError", message):
        target_group(elb, world, **settings)
    there = target_group(elb, world, HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=5)
    with refused("ValidationError", message):
        elb.modify_target_group(TargetGroupArn=there["TargetGroupArn"], **settings)


def test_targets_that_cannot_be_are_refused(ec2, elb, world, host):
    servers = target_group(elb, world)["TargetGroupArn"]
    register = lambda *ids: elb.register_targets(TargetGroupArn=servers, Targets=[{"Id": i} for i in ids])  # noqa: E731
    with refused("InvalidTarget", "do not exist"):
        register("i-0123456789abcdef0")
    _, elsewhere = network(ec2, "10.30.0.0/16")
    with refused("InvalidTarget", "not in the target group VPC"):
        register(launch(ec2, elsewhere))
    instance_id = launch(ec2, world[1][0])
    host.states[instance_id] = "pending"
    with refused("InvalidTarget", "not in a running state"):
        register(instance_id)


def test_health_is_what_the_host_observes(ec2, elb, world, host):
    servers = target_group(elb, world)["TargetGroupArn"]
    instance_id = launch(ec2, world[1][0])

    def health(targets=()):
        asked = {"Targets": [{"Id": target} for target in targets]} if targets else {}
        found = elb.describe_target_health(TargetGroupArn=servers, **asked)["TargetHealthDescriptions"]
        return [{**there["TargetHealth"], "Id": there["Target"]["Id"], "Port": there["Target"]["Port"]} for there in found]

    target = {"Id": instance_id, "Port": 8443}
    elb.register_targets(TargetGroupArn=servers, Targets=[{"Id": instance_id}])
    not_used = "Target group is not configured to receive traffic from the load balancer"
    assert health() == [{"State": "unused", "Reason": "Target.NotInUse", "Description": not_used, **target}]
    arn = balancer(elb, world)["LoadBalancerArn"]
    plain = {"Port": 80, "Protocol": "TCP", "DefaultActions": forward(servers)}
    elb.create_listener(LoadBalancerArn=arn, **plain)
    host.health[instance_id] = TargetHealth("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
    assert health()[0]["Reason"] == "Elb.InitialHealthChecking"
    host.health[instance_id] = TargetHealth("healthy")
    assert health() == health([instance_id]) == [{"State": "healthy", **target}]
    ec2.stop_instances(InstanceIds=[instance_id])
    assert health()[0]["Reason"] == "Target.InvalidState"
    ec2.start_instances(InstanceIds=[instance_id])
    elb.deregister_targets(TargetGroupArn=servers, Targets=[{"Id": instance_id}])
    host.health[instance_id] = TargetHealth("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
    assert [there["State"] for there in health()] == ["draining"]
    host.health.clear()
    assert health() == []
    assert health([instance_id])[0]["Reason"] == "Target.NotRegistered"


def test_a_target_registered_again_while_it_drains_is_initial_at_once(ec2, elb, world, host):
    servers = target_group(elb, world, Protocol="TCP")["TargetGroupArn"]
    arn = balancer(elb, world)["LoadBalancerArn"]
    elb.create_listener(LoadBalancerArn=arn, Port=80, Protocol="TCP", DefaultActions=forward(servers))
    instance_id = launch(ec2, world[1][0])
    host.health[instance_id] = TargetHealth("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
    elb.register_targets(TargetGroupArn=servers, Targets=[{"Id": instance_id}])
    shown = elb.describe_target_health(TargetGroupArn=servers)["TargetHealthDescriptions"][0]["TargetHealth"]
    assert (shown["State"], shown["Reason"]) == ("initial", "Elb.RegistrationInProgress")
