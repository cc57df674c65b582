import pytest

from cloud_init import render

INSTANCE = "aws:ec2/instance:Instance"
ATTACHMENT = "aws:ec2/volumeAttachment:VolumeAttachment"


@pytest.mark.parametrize(
    ("server", "subnet", "address", "group", "instance_type"),
    [
        ("lb", "prod-private-c", "10.30.160.10", "prod-lb", "c7i.large"),
        ("web-a", "prod-private-a", "10.30.128.11", "prod-web", "m7i.large"),
        ("web-b", "prod-private-b", "10.30.144.12", "prod-web", "m7i.large"),
    ],
)
def test_every_input_of_a_server(deploy, server, subnet, address, group, instance_type):
    recording = deploy()
    inputs = dict(recording.one(INSTANCE, f"prod-{server}").inputs)
    assert inputs.pop("userData").startswith("#cloud-config\n")
    (key,) = recording.of("aws:kms/key:Key")
    profile = recording.one("aws:iam/instanceProfile:InstanceProfile", group)
    assert inputs == {
        "ami": "ami-0123456789abcdef0",
        "instanceType": instance_type,
        "subnetId": recording.one("aws:ec2/subnet:Subnet", subnet).id,
        "privateIp": address,
        "vpcSecurityGroupIds": [recording.one("aws:ec2/securityGroup:SecurityGroup", group).id],
        "iamInstanceProfile": profile.id,
        "associatePublicIpAddress": False,
        "metadataOptions": {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1},
        "rootBlockDevice": {
            "volumeType": "gp3",
            "volumeSize": 32,
            "encrypted": True,
            "kmsKeyId": key.arn,
            "deleteOnTermination": True,
            "tags": {"Name": f"prod-{server}-root"},
        },
        "userDataReplaceOnChange": True,
        "tags": {"Name": f"prod-{server}"},
    }


def test_a_server_waits_for_all_it_needs_from_its_first_second_on(deploy):
    recording = deploy()
    lb = recording.one(INSTANCE, "prod-lb")
    awaited = {recording.by_urn(urn).type.split("/")[-1] for urn in lb.options.dependencies}
    needed = {"natGateway:NatGateway", "route:Route", "routeTableAssociation:RouteTableAssociation", "vpcEndpoint:VpcEndpoint"}
    needed |= {"securityGroupIngressRule:SecurityGroupIngressRule", "securityGroupEgressRule:SecurityGroupEgressRule"}
    needed |= {"rolePolicy:RolePolicy", "parameter:Parameter", "bucketObjectv2:BucketObjectv2"}
    assert needed <= awaited


@pytest.mark.parametrize(("primary", "order"), [("web-a", ["web-a", "web-b", "lb"]), ("web-b", ["web-b", "web-a", "lb"])])
def test_a_server_changes_only_when_the_one_before_it_has_taken_its_release(deploy, changed, primary, order):
    recording = {"web-a": deploy(), "web-b": changed}[primary]
    instances = [recording.one(INSTANCE, f"prod-{name}") for name in order]
    released = [recording.one("aws:ssm/association:Association", f"prod-{name}").urn for name in order]
    waits = [[name for name, urn in zip(order, released, strict=True) if urn in each.options.dependencies] for each in instances]
    assert waits == [[], [order[0]], [order[1]]]


def test_an_address_is_free_before_its_next_server_takes_it(deploy):
    recording = deploy()
    for resource in (*recording.of(INSTANCE), *recording.of(ATTACHMENT)):
        assert resource.options.deleteBeforeReplace, resource.name


def test_a_data_volume_is_detached_only_from_a_stopped_server(deploy):
    recording = deploy()
    attachments = {a.name: a.inputs for a in recording.of(ATTACHMENT)}
    assert attachments == {
        f"prod-{server}": {
            "deviceName": "/dev/sdf",
            "instanceId": recording.one(INSTANCE, f"prod-{server}").id,
            "volumeId": recording.one("aws:ebs/volume:Volume", f"prod-data-{server}").id,
            "stopInstanceBeforeDetaching": True,
        }
        for server in ("web-a", "web-b")
    }


def test_a_stopped_server_is_a_difference_to_be_mended(deploy):
    recording = deploy()
    kept = {each.name: each.inputs for each in recording.of("aws:ec2transitgateway/instanceState:InstanceState")}
    assert kept == {each.name: {"instanceId": each.id, "state": "running"} for each in recording.of(INSTANCE)}


def test_user_data_differs_between_servers_only_where_it_must(deploy):
    recording = deploy()
    texts = {name: recording.one(INSTANCE, f"prod-{name}").inputs["userData"] for name in ("web-a", "web-b")}
    volumes = {name: recording.one("aws:ebs/volume:Volume", f"prod-data-{name}").id for name in texts}
    assert volumes["web-a"] in texts["web-a"] and volumes["web-b"] in texts["web-b"]
    as_if = texts["web-a"].replace("web-a", "web-b").replace(volumes["web-a"], volumes["web-b"])
    bare = {volumes[name].replace("-", ""): volumes["web-b"].replace("-", "") for name in texts}
    for old, new in bare.items():
        as_if = as_if.replace(old, new)
    assert as_if.replace("10.30.128.11", "10.30.144.12") == texts["web-b"]


def test_user_data_is_small_and_holds_no_secret(deploy):
    for server in deploy().of(INSTANCE):
        assert len(server.inputs["userData"].encode()) <= render.USER_DATA_LIMIT
        assert not server.secret, server.name


def test_no_release_changes_the_user_data(deploy, changed):
    def texts(recording):
        return {server.name: server.inputs["userData"] for server in recording.of(INSTANCE)}

    assert texts(changed) == texts(deploy())


def test_every_server_is_behind_both_listeners(deploy):
    recording = deploy()
    made = recording.of("aws:lb/targetGroupAttachment:TargetGroupAttachment")
    arns = {group.arn: group.name for group in recording.of("aws:lb/targetGroup:TargetGroup")}
    behind = {(a.inputs["targetId"], arns[a.inputs["targetGroupArn"]], a.inputs["port"]) for a in made}
    assert behind == {
        (recording.one(INSTANCE, f"prod-{server}").inputs["privateIp"], group, port)
        for server in ("lb", "web-a", "web-b")
        for group, port in (("prod-edge-https", 8443), ("prod-edge-http", 8080))
    }


def test_an_address_is_a_target_as_soon_as_somebody_has_it_and_its_release_waits_for_that(deploy):
    recording = deploy()
    for server in ("lb", "web-a", "web-b"):
        instance = recording.one(INSTANCE, f"prod-{server}").urn
        targets = [
            recording.one("aws:lb/targetGroupAttachment:TargetGroupAttachment", f"prod-{server}-{port}") for port in (8443, 8080)
        ]
        assert all(instance in target.options.dependencies for target in targets)
        release = recording.one("aws:ssm/association:Association", f"prod-{server}")
        assert {target.urn for target in targets} <= set(release.options.dependencies)
