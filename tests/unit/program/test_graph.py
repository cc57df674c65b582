"""What holds for every resource of the stack."""

import json
import re

import pytest

COMPONENTS = {
    "distributed-web:certificates:InternalCertificates": 1,
    "distributed-web:certificates:SelfSigned": 1,
    "distributed-web:database:ClusterTable": 1,
    "distributed-web:database:DataVolumes": 1,
    "distributed-web:edge:Edge": 1,
    "distributed-web:firewall:Firewall": 1,
    "distributed-web:fleet:Fleet": 1,
    "distributed-web:identity:ServerIdentity": 2,
    "distributed-web:monitoring:Monitoring": 1,
    "distributed-web:network:Network": 1,
    "distributed-web:operations:Operations": 1,
    "distributed-web:release:Bucket": 2,
    "distributed-web:release:Release": 1,
    "distributed-web:secrets:Encryption": 1,
    "distributed-web:secrets:Passwords": 1,
    "distributed-web:server:Server": 3,
}
# Kinds of AWS resource that take no tags, or (association) of which the tags say nothing.
UNTAGGED = {
    "CertificateValidation", "Record", "Alias", "Route", "RouteTableAssociation", "VolumeAttachment", "InstanceState",
    "TargetGroupAttachment", "RolePolicy", "RolePolicyAttachment", "BucketVersioning", "BucketPublicAccessBlock",
    "BucketPolicy", "BucketOwnershipControls", "BucketServerSideEncryptionConfiguration",
    "BucketLifecycleConfiguration", "TopicSubscription", "Association",
}  # fmt: skip


def test_the_types_of_the_components_are_fixed(deploy):
    counted = {}
    for component in deploy().components:
        counted[component.type] = counted.get(component.type, 0) + 1
    assert counted == COMPONENTS


def test_every_resource_belongs_to_a_component(deploy, changed):
    for recording in (deploy(), changed):
        owners = {component.urn for component in recording.components}
        assert not [each.urn for each in recording.cloud if each.options.parent not in owners]
        assert not [each.urn for each in recording.components if each.options.parent not in owners | {recording.stack_urn}]


def test_every_component_registers_its_outputs(deploy):
    recording = deploy()
    assert not [each.urn for each in recording.components if each.urn not in recording.outputs]


def test_every_aws_resource_uses_the_provider_that_tags(deploy):
    recording = deploy()
    (provider,) = recording.of("pulumi:providers:aws")
    assert provider.inputs["region"] == "eu-central-1"
    tags = {"Project": "distributed-web", "Stack": "prod", "ManagedBy": "pulumi"}
    assert json.loads(provider.inputs["defaultTags"]) == {"tags": tags}
    used = {each.options.provider.split("::")[3] for each in recording.cloud if each.type.startswith("aws:")}
    assert used == {"aws"}


def test_everything_that_takes_tags_has_a_name(deploy, changed):
    for recording in (deploy(), changed):
        for each in recording.cloud:
            kind = each.type.split(":")[-1]
            if each.type.startswith("aws:") and kind not in UNTAGGED:
                assert each.inputs["tags"]["Name"], each.urn
                assert len(each.inputs["tags"]["Name"]) <= 256


def test_names_say_the_stack_and_never_count(deploy):
    names = [each.name for each in (*deploy().components, *deploy().cloud)]
    assert not [name for name in names if not re.match(r"prod($|-)", name)]
    assert not [name for name in names if re.search(r"-[0-9]$", name)]


def test_a_name_is_chosen_by_us_only_where_something_else_has_to_know_it(deploy):
    given = {each.type.split(":")[-1] for each in deploy().cloud if "name" in each.inputs}
    assert given == {"Alias", "Parameter", "Association", "Document"}


def test_nothing_is_looked_up_in_the_cloud(deploy):
    assert deploy().calls == deploy(preview=True).calls == []


def test_a_preview_of_a_new_stack_shows_every_resource(deploy):
    """Which it does only if none is made inside an `apply`, where unknown values would hide it."""
    wanted = {(each.type, each.name, each.options.parent) for each in deploy().registered}
    assert {(each.type, each.name, each.options.parent) for each in deploy(preview=True).registered} == wanted


@pytest.mark.parametrize(
    "key", ["url", "servers", "certificate", "bucket", "salvage", "release", "load_balancer", "database", "operations"]
)
def test_what_is_exported_is_known_and_no_secret(deploy, key):
    recording = deploy()
    assert "Unknown" not in repr(recording.exports[key])
    assert key not in recording.secret_outputs[recording.stack_urn]


def test_the_exports(deploy):
    recording = deploy()
    instances = {name: recording.one("aws:ec2/instance:Instance", f"prod-{name}").id for name in ("web-a", "web-b", "lb")}
    balancer = recording.one("aws:lb/loadBalancer:LoadBalancer", "prod-edge")
    release = recording.exports["release"]
    assert re.fullmatch("[0-9a-f]{16}", release)
    assert recording.exports == {
        "url": "https://edge.elb.example",
        "certificate": "certPem of prod-edge",
        "load_balancer": {"arn": balancer.arn, "dns_name": "edge.elb.example"},
        "bucket": recording.one("aws:s3/bucket:Bucket", "prod-release").id,
        "salvage": recording.one("aws:s3/bucket:Bucket", "prod-salvage").id,
        "table": recording.one("aws:dynamodb/table:Table", "prod-cluster").id,
        "release": release,
        "operations": {verb: f"distributed-web-prod-{verb}" for verb in ("switchover", "promote", "lease")},
        "database": {"primary": "web-a", "name": "app"},
        "servers": {
            "web-a": {"id": instances["web-a"], "address": "10.30.128.11", "zone": "eu-central-1a"},
            "web-b": {"id": instances["web-b"], "address": "10.30.144.12", "zone": "eu-central-1b"},
            "lb": {"id": instances["lb"], "address": "10.30.160.10", "zone": "eu-central-1c"},
        },
    }


def test_an_alarm_reaches_the_address_that_was_set(deploy, changed):
    (subscription,) = changed.of("aws:sns/topicSubscription:TopicSubscription")
    assert (subscription.inputs["protocol"], subscription.inputs["endpoint"]) == ("email", "ops@example.org")
    assert not deploy().of("aws:sns/topicSubscription:TopicSubscription")


def test_what_is_watched(deploy):
    recording = deploy()
    (topic,) = recording.of("aws:sns/topic:Topic")
    alarms = recording.of("aws:cloudwatch/metricAlarm:MetricAlarm")
    assert {(alarm.name, alarm.inputs["namespace"], alarm.inputs["metricName"]) for alarm in alarms} == {
        ("prod-unhealthy", "AWS/NetworkELB", "UnHealthyHostCount"),
        ("prod-primary", "AWS/DynamoDB", "ConsumedWriteCapacityUnits"),
        ("prod-certificate", "AWS/CertificateManager", "DaysToExpiry"),
        *((f"prod-{server}-broken", "AWS/EC2", "StatusCheckFailed") for server in ("lb", "web-a", "web-b")),
        *((f"prod-{server}-busy", "AWS/EC2", "CPUUtilization") for server in ("lb", "web-a", "web-b")),
        *((f"prod-{server}-database", "distributed-web", "DatabaseOfUse") for server in ("web-a", "web-b")),
    }
    assert all(alarm.inputs["alarmActions"] == alarm.inputs["okActions"] == [topic.arn] for alarm in alarms)
    (table,) = recording.of("aws:dynamodb/table:Table")
    primary = recording.one("aws:cloudwatch/metricAlarm:MetricAlarm", "prod-primary").inputs
    # No renewal at all, which is no data at all, is what is told.
    assert (primary["dimensions"], primary["threshold"], primary["treatMissingData"]) == ({"TableName": table.id}, 1, "breaching")
    assert primary["comparisonOperator"] == "LessThanThreshold"
    backup = recording.one("aws:cloudwatch/metricAlarm:MetricAlarm", "prod-web-b-database").inputs
    assert (backup["dimensions"], backup["treatMissingData"]) == ({"Stack": "prod", "Server": "web-b"}, "breaching")
    (flow_log,) = recording.of("aws:ec2/flowLog:FlowLog")
    assert flow_log.inputs["trafficType"] == "REJECT"
