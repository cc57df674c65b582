import pytest

BALANCER = "aws:lb/loadBalancer:LoadBalancer"
LISTENER = "aws:lb/listener:Listener"
TARGETS = "aws:lb/targetGroup:TargetGroup"
CERTIFICATE = "aws:acm/certificate:Certificate"


def test_the_load_balancer_is_in_every_public_subnet_behind_its_own_group(deploy):
    recording = deploy()
    assert dict(recording.one(BALANCER, "prod-edge").inputs) == {
        "loadBalancerType": "network",
        "internal": False,
        "subnets": [recording.one("aws:ec2/subnet:Subnet", f"prod-public-{zone}").id for zone in "abc"],
        "securityGroups": [recording.one("aws:ec2/securityGroup:SecurityGroup", "prod-edge").id],
        "enableCrossZoneLoadBalancing": True,
        "enableDeletionProtection": True,
        "tags": {"Name": "prod-edge"},
    }


def test_the_load_balancer_waits_for_the_way_to_the_internet(deploy):
    recording = deploy()
    awaited = {recording.by_urn(urn).type for urn in recording.one(BALANCER, "prod-edge").options.dependencies}
    assert {"aws:ec2/internetGateway:InternetGateway", "aws:ec2/route:Route"} <= awaited


@pytest.mark.parametrize(("name", "protocol", "port"), [("https", "TLS", 8443), ("http", "TCP", 8080)])
def test_haproxy_is_told_who_the_visitor_is_and_asked_how_it_is(deploy, name, protocol, port):
    recording = deploy()
    assert dict(recording.one(TARGETS, f"prod-edge-{name}").inputs) == {
        "targetType": "ip",
        "vpcId": recording.one("aws:ec2/vpc:Vpc", "prod").id,
        "protocol": protocol,
        "port": port,
        "proxyProtocolV2": True,
        "preserveClientIp": "false",
        "deregistrationDelay": 30,
        "targetHealthStates": [{"enableUnhealthyConnectionTermination": False, "unhealthyDrainingInterval": 23}],
        "healthCheck": {
            "protocol": "HTTP",
            "port": "8405",
            "path": "/health",
            "matcher": "200",
            "interval": 5,
            "timeout": 2,
            "healthyThreshold": 2,
            "unhealthyThreshold": 2,
        },
        "tags": {"Name": f"prod-edge-{name}"},
    }


def test_both_listeners_lead_to_their_targets(deploy):
    recording = deploy()
    common = {"loadBalancerArn": recording.one(BALANCER, "prod-edge").arn}
    secure = {"certificateArn": recording.one(CERTIFICATE, "prod-edge").arn, "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06"}
    expected = {"https": {"protocol": "TLS", "port": 443, **secure}, "http": {"protocol": "TCP", "port": 80}}
    for name, inputs in expected.items():
        forward = {"type": "forward", "targetGroupArn": recording.one(TARGETS, f"prod-edge-{name}").arn}
        assert dict(recording.one(LISTENER, f"prod-edge-{name}").inputs) == {
            **common,
            **inputs,
            "defaultActions": [forward],
            "tags": {"Name": f"prod-edge-{name}"},
        }


def test_names_fit_into_the_32_characters_of_a_load_balancer():
    longest_stack, hex_digits = 13, len("-0123abc")
    assert longest_stack + len("-edge-https") + hex_digits == 32


def test_without_a_domain_the_certificate_is_our_own_for_every_name_that_is_used(small):
    signed = small.one("tls:index/selfSignedCert:SelfSignedCert", "local-edge").inputs
    imported = dict(small.one(CERTIFICATE, "local-edge").inputs)
    assert signed["dnsNames"] == ["edge.elb.example", "localhost"]
    assert signed["validityPeriodHours"] <= 398 * 24 and signed["earlyRenewalHours"] == 60 * 24
    assert imported == {
        "privateKey": "privateKeyPem of local-edge",
        "certificateBody": "certPem of local-edge",
        "tags": {"Name": "local-edge"},
    }
    assert small.exports["certificate"] == "certPem of local-edge"
    assert small.exports["url"] == "https://localhost:8443"


def test_with_a_domain_amazon_proves_it_by_dns_and_it_leads_to_the_balancer(changed):
    certificate = changed.one(CERTIFICATE, "prod-edge")
    proof = changed.one("aws:route53/record:Record", "prod-edge-proof").inputs
    alias = changed.one("aws:route53/record:Record", "prod-edge").inputs
    (validated,) = changed.of("aws:acm/certificateValidation:CertificateValidation")
    assert (certificate.inputs["domainName"], certificate.inputs["validationMethod"]) == ("www.example.org", "DNS")
    assert (proof["zoneId"], proof["name"], proof["type"], proof["records"]) == ("Z0123456789", "_proof", "CNAME", ["_value"])
    assert (alias["zoneId"], alias["name"], alias["type"]) == ("Z0123456789", "www.example.org", "A")
    assert alias["aliases"] == [{"name": "edge.elb.example", "zoneId": "ZELB", "evaluateTargetHealth": True}]
    assert validated.inputs == {"certificateArn": certificate.arn, "validationRecordFqdns": ["_proof"]}
    listener = changed.one(LISTENER, "prod-edge-https").inputs
    assert (listener["port"], listener["certificateArn"]) == (8443, certificate.arn)
    assert changed.exports["url"] == "https://www.example.org:8443"
    assert "certificate" not in changed.exports


def test_without_a_domain_and_a_host_name_the_balancers_own_name_is_used(deploy):
    assert deploy().exports["url"] == "https://edge.elb.example"
