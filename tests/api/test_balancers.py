"""Network Load Balancers and their listeners through boto3: names, interfaces, certificates, and AWS's limits."""

from tests.api.worlds import balancer, forward, group, network, refused, self_signed, subnet, target_group

KEYS = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "eu-central-1"}


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


def test_changes_of_a_listener_that_cannot_be_are_refused(elb, world, certificate_arn):
    arn, servers = balancer(elb, world)["LoadBalancerArn"], target_group(elb, world, Protocol="TCP")["TargetGroupArn"]
    plain = {"LoadBalancerArn": arn, "Protocol": "TCP", "DefaultActions": forward(servers)}
    listener_arn = [elb.create_listener(**plain, Port=port)["Listeners"][0]["ListenerArn"] for port in (80, 81)][1]
    with refused("DuplicateListener"):
        elb.modify_listener(ListenerArn=listener_arn, Port=80)
    with refused("ValidationError", "A certificate must be specified for TLS listeners"):
        elb.modify_listener(ListenerArn=listener_arn, Protocol="TLS")
    with refused("CertificateNotFound"):
        elb.modify_listener(ListenerArn=listener_arn, Protocol="TLS", Certificates=[{"CertificateArn": certificate_arn + "x"}])
    elb.modify_listener(ListenerArn=listener_arn, Protocol="TLS", Certificates=[{"CertificateArn": certificate_arn}])
    elb.modify_listener(ListenerArn=listener_arn, Port=82)
    assert elb.describe_listeners(ListenerArns=[listener_arn])["Listeners"][0]["Protocol"] == "TLS"


def test_a_tcp_listener_has_no_security_policy_and_takes_no_certificate(elb, world, certificate_arn):
    arn, servers = balancer(elb, world)["LoadBalancerArn"], target_group(elb, world, Protocol="TCP")["TargetGroupArn"]
    listener = {"LoadBalancerArn": arn, "Port": 80, "Protocol": "TCP", "DefaultActions": forward(servers)}
    with refused("ValidationError", "cannot be specified for TCP"):
        elb.create_listener(**listener, Certificates=[{"CertificateArn": certificate_arn}])
    made = elb.create_listener(**listener)["Listeners"][0]
    assert not made.get("SslPolicy") and not made.get("Certificates")
