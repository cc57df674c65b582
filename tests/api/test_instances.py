"""EC2 instances through boto3: states as the host observes them, what ends with a machine, launches AWS refuses."""

import base64
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.api.overlay import instances
from tests.api.worlds import IMAGE, described, gateway, group, launch, network, refused, state, subnet


def test_a_launched_instance_is_pending_until_its_machine_runs(ec2, host):
    _, subnet_id = network(ec2)
    answer = ec2.run_instances(ImageId=IMAGE, InstanceType="t3.small", MinCount=1, MaxCount=1, SubnetId=subnet_id)
    instance_id = answer["Instances"][0]["InstanceId"]
    assert answer["Instances"][0]["State"] == {"Code": 0, "Name": "pending"}
    host.states[instance_id] = "pending"
    assert described(ec2, instance_id)["State"] == {"Code": 0, "Name": "pending"}
    assert ec2.describe_instance_status(InstanceIds=[instance_id])["InstanceStatuses"] == []
    del host.states[instance_id]
    assert described(ec2, instance_id)["State"] == {"Code": 16, "Name": "running"}
    assert ec2.describe_instance_status(InstanceIds=[instance_id])["InstanceStatuses"][0]["InstanceState"]["Name"] == "running"


def test_a_stopped_instance_is_stopping_until_its_machine_is_down(ec2, host):
    _, subnet_id = network(ec2)
    instance_id = launch(ec2, subnet_id)
    host.states[instance_id] = "stopping"
    answer = ec2.stop_instances(InstanceIds=[instance_id])["StoppingInstances"][0]
    assert answer["CurrentState"]["Name"] == "stopping"
    assert state(ec2, instance_id) == "stopping"
    with refused("IncorrectInstanceState", "not in a state from which it can be started"):
        ec2.start_instances(InstanceIds=[instance_id])
    host.states.clear()
    assert state(ec2, instance_id) == "stopped"
    wanted = [{"Name": "instance-state-name", "Values": ["stopped"]}]
    assert len(ec2.describe_instances(Filters=wanted)["Reservations"]) == 1
    ec2.start_instances(InstanceIds=[instance_id])
    assert state(ec2, instance_id) == "running"


def test_a_machine_that_died_by_itself_is_shown_stopped(ec2, host):
    _, subnet_id = network(ec2)
    instance_id = launch(ec2, subnet_id)
    host.states[instance_id] = "stopped"
    assert state(ec2, instance_id) == "stopped"


def test_address_interface_and_volumes_are_freed_when_the_machine_is_gone_and_not_before(ec2, host):
    _, subnet_id = network(ec2)
    instance_id = launch(ec2, subnet_id, PrivateIpAddress="10.20.1.10")
    data = ec2.create_volume(AvailabilityZone="eu-central-1a", Size=20, VolumeType="gp3")["VolumeId"]
    ec2.attach_volume(VolumeId=data, InstanceId=instance_id, Device="/dev/sdf")
    host.states[instance_id] = "shutting-down"
    ec2.terminate_instances(InstanceIds=[instance_id])
    assert state(ec2, instance_id) == "shutting-down"
    assert ec2.describe_volumes(VolumeIds=[data])["Volumes"][0]["State"] == "in-use"
    with refused("InvalidIPAddress.InUse"):
        launch(ec2, subnet_id, PrivateIpAddress="10.20.1.10")
    with refused("DependencyViolation"):
        ec2.delete_subnet(SubnetId=subnet_id)
    host.states[instance_id] = "terminated"
    assert ec2.describe_volumes(VolumeIds=[data])["Volumes"][0]["State"] == "available"
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    assert len(ec2.describe_volumes()["Volumes"]) == 1  # the root disk went with its instance
    assert state(ec2, instance_id) == "terminated"
    assert state(ec2, launch(ec2, subnet_id, PrivateIpAddress="10.20.1.10")) == "running"


def test_a_terminated_instance_vanishes_after_an_hour(ec2, host, monkeypatch):
    _, subnet_id = network(ec2)
    instance_id = launch(ec2, subnet_id)
    ec2.terminate_instances(InstanceIds=[instance_id])
    assert state(ec2, instance_id) == "terminated"
    monkeypatch.setattr("local.api.overlay.instances.TERMINATED_SHOWN_S", -1)
    with refused("InvalidInstanceID.NotFound"):
        state(ec2, instance_id)


def test_user_data_over_16_kib_is_refused(ec2):
    _, subnet_id = network(ec2)
    instance_id = launch(ec2, subnet_id, UserData="x" * 16384)
    with refused("InvalidParameterValue", "User data is limited to 16384 bytes"):
        launch(ec2, subnet_id, UserData="x" * 16385)
    ec2.stop_instances(InstanceIds=[instance_id])
    with refused("InvalidParameterValue", "User data is limited to 16384 bytes"):
        ec2.modify_instance_attribute(InstanceId=instance_id, UserData={"Value": b"x" * 16385})


def test_user_data_comes_back_byte_for_byte_and_changes_on_a_stopped_instance_only(ec2):
    _, subnet_id = network(ec2)
    first, second = bytes(range(256)), b"#cloud-config\n# \xc3\xa9\n"
    instance_id = launch(ec2, subnet_id, UserData=first)
    read = lambda: base64.b64decode(  # noqa: E731
        ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")["UserData"]["Value"]
    )
    assert read() == first
    with refused("IncorrectInstanceState", "is not in the 'stopped' state"):
        ec2.modify_instance_attribute(InstanceId=instance_id, UserData={"Value": second})
    ec2.stop_instances(InstanceIds=[instance_id])
    ec2.modify_instance_attribute(InstanceId=instance_id, UserData={"Value": second})
    assert read() == second


@pytest.mark.parametrize(
    ("address", "code", "message"),
    [
        ("10.20.2.10", "InvalidParameterValue", "does not fall within the subnet's address range"),
        ("10.20.1.1", "InvalidParameterValue", "is in subnet's reserved address range"),
        ("10.20.1.255", "InvalidParameterValue", "is in subnet's reserved address range"),
    ],
)
def test_an_address_the_subnet_does_not_have_is_refused(ec2, address, code, message):
    _, subnet_id = network(ec2)
    with refused(code, message):
        launch(ec2, subnet_id, PrivateIpAddress=address)


def test_an_address_in_use_is_refused(ec2):
    _, subnet_id = network(ec2)
    launch(ec2, subnet_id, PrivateIpAddress="10.20.1.10")
    with refused("InvalidIPAddress.InUse", "10.20.1.10"):
        launch(ec2, subnet_id, PrivateIpAddress="10.20.1.10")


def test_a_security_group_of_another_vpc_is_refused(ec2):
    _, subnet_id = network(ec2)
    other_vpc, _ = network(ec2, "10.30.0.0/16")
    elsewhere = group(ec2, other_vpc)
    with refused("InvalidParameter", "belong to different networks"):
        launch(ec2, subnet_id, SecurityGroupIds=[elsewhere])
    with refused("InvalidParameter", "belong to different networks"):
        ec2.modify_instance_attribute(InstanceId=launch(ec2, subnet_id), Groups=[elsewhere])


def test_an_unknown_image_is_refused(ec2):
    _, subnet_id = network(ec2)
    with refused("InvalidAMIID.NotFound"):
        launch(ec2, subnet_id, ImageId="ami-0123456789abcdef0")


def test_an_image_of_another_architecture_is_refused(ec2):
    _, subnet_id = network(ec2)
    with refused("InvalidParameterValue", "does not match the architecture"):
        launch(ec2, subnet_id, InstanceType="t4g.small")
    launch(ec2, subnet_id, InstanceType="t4g.small", ImageId="ami-0d15717b0fedb0002")


def test_groups_of_an_instance_and_its_interface_are_changed_together(ec2):
    vpc_id, subnet_id = network(ec2)
    first, second, third = (group(ec2, vpc_id, name) for name in ("first", "second", "third"))
    instance_id = launch(ec2, subnet_id, SecurityGroupIds=[first])
    interface_id = described(ec2, instance_id)["NetworkInterfaces"][0]["NetworkInterfaceId"]

    def groups():
        interface = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface_id])["NetworkInterfaces"][0]
        shown = described(ec2, instance_id)
        return [[g["GroupId"] for g in there] for there in
                (shown["SecurityGroups"], shown["NetworkInterfaces"][0]["Groups"], interface["Groups"])]  # fmt: skip

    assert groups() == [[first]] * 3
    ec2.modify_instance_attribute(InstanceId=instance_id, Groups=[second])
    assert groups() == [[second]] * 3
    ec2.modify_network_interface_attribute(NetworkInterfaceId=interface_id, Groups=[third])
    assert groups() == [[third]] * 3


def test_groups_given_with_the_interface_are_the_instances_too(ec2):
    vpc_id, subnet_id = network(ec2)
    group_id = group(ec2, vpc_id)
    interface = {"DeviceIndex": 0, "SubnetId": subnet_id, "Groups": [group_id], "PrivateIpAddress": "10.20.1.10"}
    answer = ec2.run_instances(ImageId=IMAGE, InstanceType="t3.small", MinCount=1, MaxCount=1, NetworkInterfaces=[interface])
    shown = described(ec2, answer["Instances"][0]["InstanceId"])
    assert [there["GroupId"] for there in shown["SecurityGroups"]] == [group_id]
    assert shown["PrivateIpAddress"] == "10.20.1.10"
    ec2.terminate_instances(InstanceIds=[shown["InstanceId"]])
    ec2.delete_subnet(SubnetId=subnet_id)


def test_a_root_disk_has_the_speed_that_was_asked_for(ec2):
    _, subnet_id = network(ec2)
    disk = {"VolumeType": "gp3", "VolumeSize": 16, "Encrypted": True, "Iops": 4000, "Throughput": 250}
    plain = {"VolumeType": "gp3", "VolumeSize": 16}
    for ebs, expected in ((disk, (True, 4000, 250)), (plain, (False, 3000, 125))):
        mapping = [{"DeviceName": "/dev/xvda", "Ebs": ebs}]
        shown = described(ec2, launch(ec2, subnet_id, BlockDeviceMappings=mapping))["BlockDeviceMappings"][0]
        volume = ec2.describe_volumes(VolumeIds=[shown["Ebs"]["VolumeId"]])["Volumes"][0]
        assert (volume["Encrypted"], volume["Iops"], volume["Throughput"]) == expected
        assert shown["Ebs"]["DeleteOnTermination"] is True


def test_monitoring_is_switched(ec2):
    _, subnet_id = network(ec2)
    instance_id = launch(ec2, subnet_id)
    answer = ec2.monitor_instances(InstanceIds=[instance_id])["InstanceMonitorings"]
    assert answer == [{"InstanceId": instance_id, "Monitoring": {"State": "pending"}}]
    assert described(ec2, instance_id)["Monitoring"]["State"] == "enabled"
    ec2.unmonitor_instances(InstanceIds=[instance_id])
    assert described(ec2, instance_id)["Monitoring"]["State"] == "disabled"


def test_every_mutating_call_tells_the_host_and_reading_does_not(ec2, host):
    vpc_id, subnet_id = network(ec2)
    group_id = group(ec2, vpc_id)
    before = host.changes
    described(ec2, launch(ec2, subnet_id))
    assert host.changes == before + 1
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[rule])
    ec2.revoke_security_group_ingress(GroupId=group_id, IpPermissions=[rule])
    assert host.changes == before + 3


def test_a_network_is_taken_down_in_aws_order_only(ec2):
    vpc_id, subnet_id = network(ec2)
    gateway_id = gateway(ec2, vpc_id)
    group_id, referring = group(ec2, vpc_id), group(ec2, vpc_id, "referring")
    pair = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": group_id}]}
    ec2.authorize_security_group_ingress(GroupId=referring, IpPermissions=[pair])
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnet_id, AllocationId=address)["NatGateway"]["NatGatewayId"]
    instance_id = launch(ec2, subnet_id, SecurityGroupIds=[referring])
    with refused("DependencyViolation", "dependent object"):
        ec2.delete_security_group(GroupId=group_id)
    with refused("DependencyViolation", "dependent object"):
        ec2.delete_security_group(GroupId=referring)
    with refused("DependencyViolation", "mapped public address"):
        ec2.detach_internet_gateway(InternetGatewayId=gateway_id, VpcId=vpc_id)
    with refused("DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc_id)
    ec2.terminate_instances(InstanceIds=[instance_id])
    ec2.delete_security_group(GroupId=referring)
    ec2.delete_security_group(GroupId=group_id)
    with refused("DependencyViolation", "has dependencies"):
        ec2.delete_subnet(SubnetId=subnet_id)
    for _ in range(2):
        ec2.delete_nat_gateway(NatGatewayId=nat)
    ec2.release_address(AllocationId=address)
    ec2.delete_subnet(SubnetId=subnet_id)
    with refused("DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc_id)
    ec2.detach_internet_gateway(InternetGatewayId=gateway_id, VpcId=vpc_id)
    ec2.delete_internet_gateway(InternetGatewayId=gateway_id)
    ec2.delete_vpc(VpcId=vpc_id)


def test_a_nat_gateway_has_a_free_address_of_its_subnet(ec2):
    vpc_id, subnet_id = network(ec2)
    gateway(ec2, vpc_id)
    allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = ec2.create_nat_gateway(SubnetId=subnet_id, AllocationId=allocation)["NatGateway"]
    assert made["NatGatewayAddresses"][0]["PrivateIp"].startswith("10.20.1.")
    other = subnet(ec2, vpc_id, "10.20.2.0/28")
    taken = {described(ec2, launch(ec2, other))["PrivateIpAddress"] for _ in range(5)}
    assert len(taken) == 5


def test_two_questions_at_once_free_a_terminated_machine_once(ec2, host, monkeypatch):
    _, subnet_id = network(ec2)
    instance_id = launch(ec2, subnet_id)
    host.states[instance_id] = "shutting-down"
    ec2.terminate_instances(InstanceIds=[instance_id])
    both = threading.Barrier(2, timeout=10)
    free = instances.free
    # Both have seen that the machine is gone before either frees anything.
    monkeypatch.setattr(instances, "free", lambda *arguments: (both.wait(), free(*arguments)))
    host.states.clear()
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: state(ec2, instance_id), range(2)))
    assert answers == ["terminated", "terminated"]
