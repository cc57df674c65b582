"""The front door's kinds: load balancer, target groups, listeners, certificates, records."""

from __future__ import annotations

import pytest

from tests.provider.provider_engine import Refused
from tests.provider.services.service_world import (
    HEALTH,
    certificate,
    load_balancer_program,
    security_group,
    subnet,
    target_group,
    target_program,
    unique,
    vpc,
    zone,
)

BALANCER, GROUP = "aws:lb/loadBalancer:LoadBalancer", "aws:lb/targetGroup:TargetGroup"
LISTENER, RECORD = "aws:lb/listener:Listener", "aws:route53/record:Record"
CERTIFICATE, VALIDATION = "aws:acm/certificate:Certificate", "aws:acm/certificateValidation:CertificateValidation"


@pytest.fixture
def balancer(engine, aws):
    """(balancer, what the program says of it)"""
    program = load_balancer_program(aws)
    return engine.resource(BALANCER, unique("door")).create(**program), program


def attributes(aws, arn: str) -> dict[str, str]:
    listed = aws("elbv2").describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
    return {attribute["Key"]: attribute["Value"] for attribute in listed}


def test_a_network_load_balancer_tells_its_names(balancer):
    made, _ = balancer
    assert made.outputs["arn"] == made.id
    assert made.outputs["arnSuffix"].startswith(f"net/{made.inputs['name']}/")
    assert made.outputs["dnsName"].endswith(".elb.eu-central-1.amazonaws.com")
    assert made.outputs["zoneId"] == "Z3F0SRJ5LGBH90"


def test_a_network_load_balancer_gains_a_subnet_in_place_and_loses_one_by_replacement(balancer, aws):
    made, program = balancer
    more = {**program, "subnets": [*program["subnets"], subnet(aws, 2)]}
    fewer = {**program, "subnets": program["subnets"][:1]}
    assert not made.diff(**more).replaces
    assert list(made.diff(**fewer).replaces) == ["subnets"]
    made.update(**more)
    assert set(made.outputs["subnets"]) == set(more["subnets"])


def test_a_network_load_balancer_changes_its_groups_in_place_but_not_to_none(balancer, aws):
    made, program = balancer
    others = {**program, "securityGroups": [security_group(aws)]}
    assert not made.diff(**others).replaces
    made.update(**others)
    assert made.outputs["securityGroups"] == others["securityGroups"]
    assert list(made.diff(**{**program, "securityGroups": []}).replaces) == ["securityGroups"]


def test_the_order_of_subnets_means_nothing(balancer):
    made, program = balancer
    assert made.changes(**{**program, "subnets": program["subnets"][::-1]}) == {}


def test_deletion_protection_keeps_a_load_balancer(balancer):
    made, program = balancer
    made.update(**program, enableDeletionProtection=True)
    with pytest.raises(Refused, match="OperationNotPermitted"):
        made.delete()
    made.update(**program, enableDeletionProtection=False)
    made.delete()
    assert not made.refresh()


def test_a_target_group_has_the_attributes_the_program_asked_for(engine, aws):
    made = engine.resource(GROUP, unique("web")).create(
        protocol="TLS",
        port=8443,
        vpcId=vpc(aws),
        proxyProtocolV2=True,
        preserveClientIp="false",
        deregistrationDelay=0,
        connectionTermination=True,
        healthCheck=HEALTH,
    )
    told = attributes(aws, made.id)
    assert {key: told[key] for key in told if key.split(".")[0] in ("proxy_protocol_v2", "preserve_client_ip")} == {
        "proxy_protocol_v2.enabled": "true",
        "preserve_client_ip.enabled": "false",
    }
    assert told["deregistration_delay.timeout_seconds"] == "0"
    assert told["deregistration_delay.connection_termination.enabled"] == "true"
    assert made.outputs["healthCheck"] == {"enabled": True, **HEALTH}


def test_an_attribute_changed_by_hand_is_seen_and_mended(engine, aws):
    program = {"protocol": "TCP", "port": 8080, "vpcId": vpc(aws), "proxyProtocolV2": True}
    made = engine.resource(GROUP, unique("web")).create(**program)
    off = [{"Key": "proxy_protocol_v2.enabled", "Value": "false"}]
    aws("elbv2").modify_target_group_attributes(TargetGroupArn=made.id, Attributes=off)
    made.refresh()
    assert made.changes(**program) == {"proxyProtocolV2": "UPDATE"}
    made.update(**program)
    assert attributes(aws, made.id)["proxy_protocol_v2.enabled"] == "true"


def test_a_target_deregistered_by_hand_is_missed(engine, aws):
    made = engine.resource("aws:lb/targetGroupAttachment:TargetGroupAttachment", unique("web-a")).create(**target_program(aws))
    targets = [{"Id": made.inputs["targetId"], "Port": 8443}]
    aws("elbv2").deregister_targets(TargetGroupArn=made.inputs["targetGroupArn"], Targets=targets)
    assert not made.refresh()


def test_a_tls_listener_shows_its_certificate_and_policy_and_takes_another(engine, aws, balancer):
    door, _ = balancer
    first, second = (engine.resource(CERTIFICATE, unique("door")).create(**certificate("localhost")).id for _ in range(2))
    program = {
        "loadBalancerArn": door.id,
        "port": 443,
        "protocol": "TLS",
        "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
        "certificateArn": first,
        "defaultActions": [{"type": "forward", "targetGroupArn": target_group(aws)}],
    }
    listener = engine.resource(LISTENER, unique("https")).create(**program)
    assert (listener.outputs["certificateArn"], listener.outputs["sslPolicy"]) == (first, program["sslPolicy"])
    listener.update(**{**program, "certificateArn": second})
    assert listener.refresh()
    assert listener.outputs["certificateArn"] == second
    assert listener.changes(**{**program, "certificateArn": second}) == {}


def test_a_new_certificate_body_is_imported_under_the_same_arn(engine, aws):
    made = engine.resource(CERTIFICATE, unique("door")).create(**certificate("localhost"))
    arn, before = made.id, made.outputs["notAfter"]
    fresh = certificate("localhost", "www.example.org")
    assert not made.diff(**fresh).replaces
    assert str(made.preview_update(**fresh)["notAfter"]) == "UNKNOWN"
    made.update(**fresh)
    assert (made.id, bool(before)) == (arn, True)
    assert aws("acm").get_certificate(CertificateArn=arn)["Certificate"].strip() == fresh["certificateBody"].strip()


def test_a_certificate_for_a_domain_is_proved_by_a_record_and_waited_for(engine, aws):
    hosted = zone(aws)
    domain = aws("route53").get_hosted_zone(Id=hosted)["HostedZone"]["Name"].rstrip(".")
    requested = engine.resource(CERTIFICATE, unique("door")).create(domainName=domain, validationMethod="DNS")
    proof = requested.outputs["domainValidationOptions"][0]
    record = engine.resource(RECORD, unique("proof")).create(
        zoneId=hosted,
        name=proof["resourceRecordName"],
        type=proof["resourceRecordType"],
        records=[proof["resourceRecordValue"]],
        ttl=300,
        allowOverwrite=True,
    )
    assert record.outputs["fqdn"] == proof["resourceRecordName"].rstrip(".")
    asked = {"certificateArn": requested.id, "validationRecordFqdns": [record.outputs["fqdn"]]}
    validated = engine.resource(VALIDATION, unique("door")).create(**asked)
    assert validated.outputs["certificateArn"] == requested.id
    assert aws("acm").describe_certificate(CertificateArn=requested.id)["Certificate"]["Status"] == "ISSUED"
    assert validated.refresh() and validated.changes(**asked) == {}
    assert requested.refresh() and requested.changes(domainName=domain, validationMethod="DNS") == {}


def test_a_validation_names_the_record_that_is_missing(engine):
    requested = engine.resource(CERTIFICATE, unique("door")).create(domainName="www.example.org", validationMethod="DNS")
    with pytest.raises(Refused, match=r"missing www.example.org DNS validation record: _"):
        given = {"certificateArn": requested.id, "validationRecordFqdns": ["other.example.org"]}
        engine.resource(VALIDATION, unique("door")).create(**given)


def test_an_imported_certificate_needs_no_validation(engine):
    imported = engine.resource(CERTIFICATE, unique("door")).create(**certificate("localhost"))
    with pytest.raises(Refused, match="has type IMPORTED, no validation necessary"):
        engine.resource(VALIDATION, unique("door")).create(certificateArn=imported.id)


def test_an_alias_record_leads_to_the_load_balancer(engine, aws, balancer):
    door, _ = balancer
    alias = {"name": door.outputs["dnsName"], "zoneId": door.outputs["zoneId"], "evaluateTargetHealth": True}
    program = {"zoneId": zone(aws), "name": "www", "type": "A", "aliases": [alias]}
    record = engine.resource(RECORD, unique("www")).create(**program)
    assert record.outputs["aliases"] == [alias]
    assert record.refresh()
    assert record.changes(**program) == {}


def test_a_record_of_somebody_else_is_not_overwritten_unless_the_program_says_so(engine, aws):
    program = {"zoneId": zone(aws), "name": "www", "type": "TXT", "ttl": 60, "records": ["mine"]}
    engine.resource(RECORD, unique("first")).create(**program)
    with pytest.raises(Refused, match="InvalidChangeBatch"):
        engine.resource(RECORD, unique("second")).create(**program)
    allowed = engine.resource(RECORD, unique("second")).create(**program, allowOverwrite=True)
    assert allowed.outputs["records"] == ["mine"]
