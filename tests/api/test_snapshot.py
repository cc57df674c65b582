"""What the next server finds after a stop, a kill -9, and damage to its files."""

import dataclasses
import threading
import time

import pytest

from local.api.host import NoMachines
from local.api.overlay.calls import Served
from local.api.overlay.state import forget_everything
from local.api.server import ApiServer
from local.api.snapshot import Snapshot, Unreadable
from local.instance import Instance
from tests.api.worlds import gateway, group, launch, network, refused, self_signed, state


@pytest.fixture
def instance(tmp_path, port, clients, monkeypatch):
    monkeypatch.setattr(Instance, "client", lambda self, service: clients(service))
    return dataclasses.replace(Instance.open(tmp_path), api_port=port)


@pytest.fixture
def start(instance):
    """start() is a new server with its state from disk, as after a kill -9 of the one before: that one saves nothing more."""
    running = []

    def start():
        for server in running:
            server.snapshot.save_all = lambda: None
            server.stop()
        running[:] = [ApiServer(instance, NoMachines())]
        running[0].start()
        return running[0]

    yield start
    for server in running:
        server.stop()
    forget_everything()
    Served.host = NoMachines()


def everything(instance):
    """Something of every service the program uses; returns how to read it all."""
    ec2, elb, s3, ssm = (instance.client(service) for service in ("ec2", "elbv2", "s3", "ssm"))
    vpc_id, subnet_id = network(ec2)
    gateway(ec2, vpc_id)
    group_id = group(ec2, vpc_id)
    instance_id = launch(ec2, subnet_id, SecurityGroupIds=[group_id], PrivateIpAddress="10.20.1.10", UserData="#cloud-config\n")
    elb.create_load_balancer(Name="door", Type="network", Subnets=[subnet_id], SecurityGroups=[group_id])
    certificate, key = self_signed()
    arn = instance.client("acm").import_certificate(Certificate=certificate, PrivateKey=key)["CertificateArn"]
    s3.create_bucket(Bucket="releases", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_bucket_versioning(Bucket="releases", VersioningConfiguration={"Status": "Enabled"})
    for body in (b"small", b"large" * 5000):
        s3.put_object(Bucket="releases", Key="app.zip", Body=body)
    iam = instance.client("iam")
    iam.create_role(RoleName="web", AssumeRolePolicyDocument="{}")
    policy = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    iam.attach_role_policy(RoleName="web", PolicyArn=policy)
    key_id = instance.client("kms").create_key()["KeyMetadata"]["KeyId"]
    ssm.put_parameter(Name="/database/app", Value="geheim", Type="SecureString", KeyId=key_id)
    instance.client("logs").create_log_group(logGroupName="/web")
    instance.client("sns").create_topic(Name="alarms")
    table = {"TableName": "cluster", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}
    types = [{"AttributeName": "id", "AttributeType": "S"}]
    instance.client("dynamodb").create_table(**table, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST")
    instance.client("dynamodb").put_item(TableName="cluster", Item={"id": {"S": "lease"}})
    details = {"ResourceTypes": ["VOLUME"], "Schedules": [{"Name": "daily"}]}
    role = "arn:aws:iam::123456789012:role/dlm"
    instance.client("dlm").create_lifecycle_policy(
        ExecutionRoleArn=role, Description="daily", State="ENABLED", PolicyDetails=details)  # fmt: skip

    def read():
        return [
            ec2.describe_instances(InstanceIds=[instance_id])["Reservations"],
            ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")["UserData"],
            ec2.describe_network_interfaces()["NetworkInterfaces"],
            ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"],
            elb.describe_load_balancers()["LoadBalancers"],
            instance.client("acm").get_certificate(CertificateArn=arn)["Certificate"],
            [there["VersionId"] for there in s3.list_object_versions(Bucket="releases")["Versions"]],
            s3.get_object(Bucket="releases", Key="app.zip")["Body"].read(),
            iam.list_attached_role_policies(RoleName="web")["AttachedPolicies"],
            iam.get_policy(PolicyArn=policy)["Policy"]["AttachmentCount"],
            ssm.get_parameter(Name="/database/app", WithDecryption=True)["Parameter"],
            instance.client("dynamodb").scan(TableName="cluster")["Items"],
            instance.client("dlm").get_lifecycle_policies()["Policies"],
            instance.client("sns").list_topics()["Topics"],
            instance.client("logs").describe_log_groups()["logGroups"],
        ]

    return read


def test_a_killed_server_loses_nothing_it_answered(instance, start):
    start()
    read = everything(instance)
    before = read()
    assert not [there for there in before if not there]
    start()
    assert read() == before


def test_objects_of_different_services_are_still_the_same_after_a_restart(instance, start):
    start()
    everything(instance)
    start()
    ec2 = instance.client("ec2")
    subnet_id = ec2.describe_network_interfaces(
        Filters=[{"Name": "description", "Values": ["ELB net/door/*"]}])["NetworkInterfaces"][0]["SubnetId"]  # fmt: skip
    with refused("DependencyViolation"):
        ec2.delete_subnet(SubnetId=subnet_id)
    with refused("InvalidIPAddress.InUse"):
        launch(ec2, subnet_id, PrivateIpAddress="10.20.1.10")
    instance_id = ec2.describe_instances()["Reservations"][0]["Instances"][0]["InstanceId"]
    ec2.stop_instances(InstanceIds=[instance_id])
    assert state(ec2, instance_id) == "stopped"


def test_a_stopped_server_begins_where_it_was(instance, start):
    server = start()
    made = network(instance.client("ec2"))
    server.stop()
    start()
    assert instance.client("ec2").describe_subnets(SubnetIds=[made[1]])["Subnets"][0]["VpcId"] == made[0]


@pytest.mark.parametrize("damage", [b"", b"{}\n", "half"])
def test_a_damaged_file_gives_way_to_the_last_one_that_was_synced(instance, start, caplog, damage):
    server = start()
    ec2 = instance.client("ec2")
    first = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    server.snapshot.sync()
    server.snapshot.sync = lambda: None
    second = ec2.create_vpc(CidrBlock="10.30.0.0/16")["Vpc"]["VpcId"]
    path = instance.home / "api/control-plane"
    path.write_bytes(path.read_bytes()[:5000] if damage == "half" else damage)
    start()
    found = [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]]
    assert first in found and second not in found
    assert "control-plane: fell back to the last state that was synced" in caplog.text


def test_a_damaged_object_gives_way_to_the_last_state_that_was_synced(instance, start, caplog):
    server = start()
    s3 = instance.client("s3")
    s3.create_bucket(Bucket="releases", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket="releases", Key="app.zip", Body=b"1" * 9000)
    server.snapshot.sync()
    server.snapshot.sync = lambda: None
    there = set((instance.home / "api/objects").iterdir())
    s3.put_object(Bucket="releases", Key="app.zip", Body=b"2" * 9000)
    (set((instance.home / "api/objects").iterdir()) - there).pop().write_bytes(b"")
    start()
    assert s3.get_object(Bucket="releases", Key="app.zip")["Body"].read() == b"1" * 9000
    assert "is damaged" in caplog.text


def test_the_running_server_syncs_by_itself(instance, start, monkeypatch):
    monkeypatch.setattr("local.api.server.SYNC_S", 0.01)
    start()
    instance.client("sns").create_topic(Name="alarms")
    deadline = time.monotonic() + 5
    while not (instance.home / "api/sns.synced").exists() and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert (instance.home / "api/sns.synced").read_bytes() == (instance.home / "api/sns").read_bytes()


def test_a_server_does_not_begin_afresh_when_nothing_can_be_read(instance, start):
    server = start()
    for cidr in ("10.20.0.0/16", "10.30.0.0/16"):
        instance.client("ec2").create_vpc(CidrBlock=cidr)
    server.stop()
    for path in (instance.home / "api").glob("control-plane*"):
        path.write_bytes(b"nonsense")
    with pytest.raises(Unreadable, match=r"control-plane is damaged.*make down VOLUMES=delete"):
        ApiServer(instance, NoMachines()).start()
    for path in (instance.home / "api").glob("control-plane*"):
        path.unlink()


def test_bodies_nobody_refers_to_any_more_are_removed_at_the_next_start(instance, start):
    start()
    s3 = instance.client("s3")
    s3.create_bucket(Bucket="releases", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for body in (b"1" * 9000, b"2" * 9000):
        s3.put_object(Bucket="releases", Key="app.zip", Body=body)
    assert len(list((instance.home / "api/objects").iterdir())) == 2
    start()
    assert len(list((instance.home / "api/objects").iterdir())) == 1
    assert s3.get_object(Bucket="releases", Key="app.zip")["Body"].read() == b"2" * 9000


def test_state_and_its_secrets_are_for_their_owner_only(instance, start):
    start()
    everything(instance)
    for path in (instance.home / "api").rglob("*"):
        if path.is_file():
            assert path.stat().st_mode & 0o077 == 0, path


def test_a_full_disk_is_an_error_of_the_call_that_could_not_be_kept(instance, start, monkeypatch, caplog):
    start()

    def full(path, data):
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as disk, refused("InternalError", "No space left on device"):
        disk.setattr("local.api.snapshot.write", full)
        instance.client("ec2").create_vpc(CidrBlock="10.20.0.0/16")
    assert "could not be saved: [Errno 28] No space left on device" in caplog.text


def test_a_port_in_use_is_an_oserror_and_touches_nothing(instance, start):
    start()
    with pytest.raises(OSError, match="in use"):
        ApiServer(instance, NoMachines()).start()
    assert instance.client("ec2").describe_vpcs()["Vpcs"]


def test_reading_writes_nothing(instance, start, monkeypatch):
    start()
    saved = []
    monkeypatch.setattr(Snapshot, "save", lambda self, section: saved.append(section))
    instance.client("ec2").describe_vpcs()
    assert saved == []
    instance.client("sns").create_topic(Name="alarms")
    assert saved == ["sns"]
