"""Network Load Balancers through boto3: names, interfaces, listeners, target groups, health, and AWS's limits."""

import datetime

import boto3
import pytest
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec as curves

from local.api.certificates import imported_pem
from local.api.host import TargetHealth
from tests.unit.api.worlds import gateway, group, launch, network, refused, subnet

KEYS = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "eu-central-1"}


@pytest.fixture
def ec2(aws):
    return aws("ec2")


@pytest.fixture
def elb(aws):
    return aws("elbv2")


@pytest.fixture
def world(ec2):
    """vpc, a subnet in each of two zones, a group; with an internet gateway."""
    vpc_id, first = network(ec2)
    gateway(ec2, vpc_id)
    return vpc_id, [first, subnet(ec2, vpc_id, "10.20.2.0/24", "b")], group(ec2, vpc_id, "nlb")


def balancer(elb, world, **settings):
    _, subnets, group_id = world
    settings = {"Name": "door", "Type": "network", "Subnets": subnets, "SecurityGroups": [group_id], **settings}
    return elb.create_load_balancer(**settings)["LoadBalancers"][0]


def target_group(elb, world, **settings):
    settings = {"Name": "servers", "Protocol": "TLS", "Port": 8443, "VpcId": world[0], **settings}
    return elb.create_target_group(**settings)["TargetGroups"][0]


def forward(group_arn):
    return [{"Type": "forward", "TargetGroupArn": group_arn}]


def self_signed(name="localhost"):
    key = curves.generate_private_key(curves.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(9))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return certificate.public_bytes(serialization.Encoding.PEM), private


@pytest.fixture
def certificate_arn(aws):
    certificate, key = self_signed()
    return aws("acm").import_certificate(Certificate=certificate, PrivateKey=key)["CertificateArn"]


def test_a_network_load_balancer_has_net_in_its_names(elb, world):
    made = balancer(elb, world)
    identity = made["LoadBalancerArn"].rpartition("/")[2]
    assert f":loadbalancer/net/door/{identity}" in made["LoadBalancerArn"]
    assert made["DNSName"] == f"door-{identity}.elb.eu-central-1.amazonaws.com"
    assert made["CanonicalHostedZoneId"] == "Z3F0SRJ5LGBH90"
    shown = elb.describe_load_balancers(LoadBalancerArns=[made["LoadBalancerArn"]])["LoadBalancers"][0]
    assert (shown["State"]["Code"], shown["Type"], shown["SecurityGroups"]) == ("active", "network", [world[2]])
    assert shown["Scheme"] == "internet-facing"
    listed = elb.describe_load_balancers()["LoadBalancers"]
    assert [there["LoadBalancerArn"] for there in listed] == [made["LoadBalancerArn"]]


def test_its_attributes_are_those_of_a_network_load_balancer(elb, world):
    arn = balancer(elb, world)["LoadBalancerArn"]
    change = [{"Key": "load_balancing.cross_zone.enabled", "Value": "true"},
              {"Key": "dns_record.client_routing_policy", "Value": "availability_zone_affinity"}]  # fmt: skip
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=change)
    shown = {a["Key"]: a["Value"] for a in elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]}
    assert shown["load_balancing.cross_zone.enabled"] == "true"
    assert shown["dns_record.client_routing_policy"] == "availability_zone_affinity"
    assert shown["deletion_protection.enabled"] == "false"


def test_tags_given_at_creation_are_its_own(elb, world):
    arn = balancer(elb, world, Tags=[{"Key": "Stack", "Value": "dev"}])["LoadBalancerArn"]
    assert elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"] == [{"Key": "Stack", "Value": "dev"}]


def test_creating_it_again_gives_the_same_and_with_other_settings_is_refused(elb, world):
    first = balancer(elb, world)
    assert balancer(elb, world)["LoadBalancerArn"] == first["LoadBalancerArn"]
    with refused("DuplicateLoadBalancerName"):
        balancer(elb, world, Subnets=world[1][:1])


def test_it_has_an_interface_in_every_subnet_until_it_is_deleted(ec2, elb, world):
    vpc_id, subnets, group_id = world
    arn = balancer(elb, world)["LoadBalancerArn"]
    description = f"ELB {arn.partition(':loadbalancer/')[2]}"

    def interfaces():
        found = ec2.describe_network_interfaces(Filters=[{"Name": "description", "Values": [description]}])
        return sorted(found["NetworkInterfaces"], key=lambda there: there["SubnetId"])

    assert [there["SubnetId"] for there in interfaces()] == sorted(subnets)
    for interface in interfaces():
        assert interface["InterfaceType"] == "network_load_balancer" and interface["RequesterManaged"] is True
        assert [there["GroupId"] for there in interface["Groups"]] == [group_id]
    other = group(ec2, vpc_id, "other")
    elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[other])
    assert {there["Groups"][0]["GroupId"] for there in interfaces()} == {other}
    with refused("DependencyViolation"):
        ec2.delete_subnet(SubnetId=subnets[0])
    with refused("DependencyViolation"):
        ec2.delete_security_group(GroupId=other)
    elb.delete_load_balancer(LoadBalancerArn=arn)
    assert interfaces() == []
    ec2.delete_subnet(SubnetId=subnets[0])


def test_a_protected_load_balancer_is_not_deleted(elb, world):
    arn = balancer(elb, world)["LoadBalancerArn"]
    protect = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=protect)
    with refused("OperationNotPermitted", "deletion protection is enabled"):
        elb.delete_load_balancer(LoadBalancerArn=arn)


def test_load_balancers_aws_does_not_make_are_refused(ec2, elb, world):
    vpc_id, subnets, _ = world
    with refused("ValidationError", "1 to 32"):
        balancer(elb, world, Name="a-name-that-is-longer-than-aws-allows")
    with refused("InvalidConfigurationRequest", "same Availability Zone"):
        balancer(elb, world, Subnets=[subnets[0], subnet(ec2, vpc_id, "10.20.3.0/24", "a")])
    other_vpc, other_subnet = network(ec2, "10.30.0.0/16")
    with refused("InvalidSecurityGroup"):
        balancer(elb, world, SecurityGroups=[group(ec2, other_vpc)])
    with refused("InvalidSubnet", "has no internet gateway"):
        balancer(elb, world, Subnets=[other_subnet], SecurityGroups=[])


def test_a_tls_listener_needs_a_certificate_that_is_issued(aws, elb, world, certificate_arn):
    arn, servers = balancer(elb, world)["LoadBalancerArn"], target_group(elb, world)["TargetGroupArn"]
    listener = {"LoadBalancerArn": arn, "Port": 443, "Protocol": "TLS", "DefaultActions": forward(servers)}
    with refused("ValidationError", "A certificate must be specified for TLS listeners"):
        elb.create_listener(**listener)
    with refused("CertificateNotFound"):
        elb.create_listener(**listener, Certificates=[{"CertificateArn": certificate_arn[:-1] + "x"}])
    pending = aws("acm").request_certificate(DomainName="example.org", ValidationMethod="DNS")["CertificateArn"]
    with refused("UnsupportedCertificate"):
        elb.create_listener(**listener, Certificates=[{"CertificateArn": pending}])
    made = elb.create_listener(**listener, Certificates=[{"CertificateArn": certificate_arn}])["Listeners"][0]
    assert ":listener/net/door/" in made["ListenerArn"]
    with refused("DuplicateListener"):
        elb.create_listener(**listener, Certificates=[{"CertificateArn": certificate_arn}])
    assert aws("acm").describe_certificate(CertificateArn=certificate_arn)["Certificate"]["InUseBy"] == [arn]
    with refused("ResourceInUse"):
        elb.delete_target_group(TargetGroupArn=servers)
    elb.delete_listener(ListenerArn=made["ListenerArn"])
    assert aws("acm").describe_certificate(CertificateArn=certificate_arn)["Certificate"]["InUseBy"] == []
    elb.delete_target_group(TargetGroupArn=servers)


def test_a_listener_is_changed(aws, elb, world, certificate_arn):
    arn = balancer(elb, world)["LoadBalancerArn"]
    first, second = (target_group(elb, world, Name=name)["TargetGroupArn"] for name in ("first", "second"))
    listener_arn = elb.create_listener(
        LoadBalancerArn=arn, Port=443, Protocol="TLS", Certificates=[{"CertificateArn": certificate_arn}],
        SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06", DefaultActions=forward(first),
    )["Listeners"][0]["ListenerArn"]  # fmt: skip
    certificate, key = self_signed("renewed")
    renewed = aws("acm").import_certificate(Certificate=certificate, PrivateKey=key)["CertificateArn"]
    elb.modify_listener(
        ListenerArn=listener_arn, Port=8443, Certificates=[{"CertificateArn": renewed}],
        AlpnPolicy=["HTTP2Preferred"], DefaultActions=forward(second),
    )  # fmt: skip
    shown = elb.describe_listeners(ListenerArns=[listener_arn])["Listeners"][0]
    assert (shown["Port"], shown["Protocol"], shown["AlpnPolicy"]) == (8443, "TLS", ["HTTP2Preferred"])
    assert [there["CertificateArn"] for there in shown["Certificates"]] == [renewed]
    assert shown["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    assert shown["DefaultActions"][0]["TargetGroupArn"] == second
    groups = elb.describe_target_groups(TargetGroupArns=[first, second])["TargetGroups"]
    assert [there["LoadBalancerArns"] for there in groups] == [[], [arn]]
    change = [{"Key": "tcp.idle_timeout.seconds", "Value": "600"}]
    elb.modify_listener_attributes(ListenerArn=listener_arn, Attributes=change)
    assert elb.describe_listener_attributes(ListenerArn=listener_arn)["Attributes"] == change


def test_a_tcp_listener_has_no_security_policy_and_takes_no_certificate(elb, world, certificate_arn):
    arn, servers = balancer(elb, world)["LoadBalancerArn"], target_group(elb, world, Protocol="TCP")["TargetGroupArn"]
    listener = {"LoadBalancerArn": arn, "Port": 80, "Protocol": "TCP", "DefaultActions": forward(servers)}
    with refused("ValidationError", "cannot be specified for TCP"):
        elb.create_listener(**listener, Certificates=[{"CertificateArn": certificate_arn}])
    made = elb.create_listener(**listener)["Listeners"][0]
    assert not made.get("SslPolicy") and not made.get("Certificates")


def test_a_target_group_has_the_defaults_of_a_network_load_balancer(elb, world):
    plain = target_group(elb, world, Protocol="TCP")
    shown = {key.removeprefix("HealthCheck"): value for key, value in plain.items() if key.startswith("HealthCheck")}
    assert shown == {"Protocol": "TCP", "Port": "traffic-port", "Enabled": True, "TimeoutSeconds": 10, "IntervalSeconds": 30}
    assert (plain["HealthyThresholdCount"], plain["UnhealthyThresholdCount"], "Matcher" in plain) == (5, 2, False)
    http = target_group(elb, world, Name="http", HealthCheckProtocol="HTTP", HealthCheckPort="8405", HealthCheckPath="/health")
    assert (http["HealthCheckTimeoutSeconds"], http["HealthCheckPath"]) == (6, "/health")
    assert http["Matcher"] == {"HttpCode": "200-399"}
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


def test_a_reimported_certificate_keeps_its_tags(aws, host):
    acm = aws("acm")
    (certificate, key), (renewed, new_key) = self_signed(), self_signed()
    tags = [{"Key": "Stack", "Value": "dev"}]
    arn = acm.import_certificate(Certificate=certificate, PrivateKey=key, Tags=tags)["CertificateArn"]
    with refused("ValidationException", "Tagging is not permitted on re-import"):
        acm.import_certificate(CertificateArn=arn, Certificate=renewed, PrivateKey=new_key, Tags=tags)
    acm.import_certificate(CertificateArn=arn, Certificate=renewed, PrivateKey=new_key)
    assert acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == tags
    assert imported_pem(arn) == (renewed + new_key).decode()


def test_the_key_of_an_imported_certificate_is_handed_to_the_host(aws, host):
    certificate, key = self_signed()
    issuer, _ = self_signed("issuer")
    arn = aws("acm").import_certificate(Certificate=certificate, PrivateKey=key, CertificateChain=issuer)["CertificateArn"]
    assert imported_pem(arn) == (certificate + issuer + key).decode()
    with pytest.raises(KeyError):
        imported_pem(arn[:-1] + "x")


def test_a_certificate_acm_issues_is_signed_by_the_local_authority(aws, instance, host):
    names = ["example.org", "www.example.org"]
    arn = aws("acm").request_certificate(
        DomainName=names[0], SubjectAlternativeNames=names[1:], ValidationMethod="DNS"
    )["CertificateArn"]  # fmt: skip
    pem = imported_pem(arn)
    leaf, issuer = x509.load_pem_x509_certificates(pem.encode())
    assert issuer == x509.load_pem_x509_certificate((instance.home / "ca/ca.pem").read_bytes())
    leaf.verify_directly_issued_by(issuer)
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sorted(found.get_values_for_type(x509.DNSName)) == names
    assert serialization.load_pem_private_key(pem.encode(), password=None).public_key() == leaf.public_key()
