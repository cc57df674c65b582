"""EBS volumes through boto3: what AWS refuses, and what it fills in."""

import pytest

from tests.api.worlds import described, launch, network, refused, subnet


def volume(ec2, zone="a", **settings):
    return ec2.create_volume(AvailabilityZone=f"eu-central-1{zone}", **{"Size": 20, "VolumeType": "gp3", **settings})["VolumeId"]


def test_a_gp3_volume_has_aws_defaults(ec2):
    made = ec2.describe_volumes(VolumeIds=[volume(ec2)])["Volumes"][0]
    assert (made["Iops"], made["Throughput"], made["State"], made["Attachments"]) == (3000, 125, "available", [])


@pytest.mark.parametrize(
    ("settings", "code", "message"),
    [
        ({"Iops": 100}, "InvalidParameterValue", "iops of 100 is too low; minimum is 3000"),
        ({"Iops": 90000, "Size": 1000}, "InvalidParameterValue", "iops of 90000 is too high; maximum is 80000"),
        ({"Iops": 20000}, "InvalidParameterCombination", "Iops to volume size ratio"),
        ({"Throughput": 100}, "InvalidParameterValue", "throughput of 100 is too low; minimum is 125"),
        ({"Throughput": 3000}, "InvalidParameterValue", "throughput of 3000 is too high; maximum is 2000"),
        ({"Throughput": 800}, "InvalidParameterCombination", "Throughput (MiBps) to iops ratio"),
    ],
)
def test_a_gp3_volume_out_of_range_is_refused(ec2, settings, code, message):
    with refused(code, message):
        volume(ec2, **settings)


def test_a_root_disk_out_of_range_is_refused(ec2):
    _, subnet_id = network(ec2)
    disk = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeType": "gp3", "VolumeSize": 16, "Iops": 1000}}
    with refused("InvalidParameterValue", "minimum is 3000"):
        launch(ec2, subnet_id, BlockDeviceMappings=[disk])


def test_a_volume_grows_but_never_shrinks(ec2):
    volume_id = volume(ec2)
    ec2.modify_volume(VolumeId=volume_id, Size=30)
    assert ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"][0]["Size"] == 30
    with refused("InvalidParameterValue", "cannot be smaller"):
        ec2.modify_volume(VolumeId=volume_id, Size=20)
    with refused("InvalidParameterValue", "too high"):
        ec2.modify_volume(VolumeId=volume_id, Throughput=3000)


def test_a_volume_is_attached_and_detached(ec2):
    _, subnet_id = network(ec2)
    instance_id, volume_id = launch(ec2, subnet_id), volume(ec2)
    ec2.attach_volume(VolumeId=volume_id, InstanceId=instance_id, Device="/dev/sdf")
    shown = ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"][0]
    assert shown["State"] == "in-use"
    attachment = shown["Attachments"][0]
    assert (attachment["State"], attachment["InstanceId"], attachment["Device"]) == ("attached", instance_id, "/dev/sdf")
    assert {disk["DeviceName"] for disk in described(ec2, instance_id)["BlockDeviceMappings"]} == {"/dev/xvda", "/dev/sdf"}
    ec2.detach_volume(VolumeId=volume_id)
    assert ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"][0]["State"] == "available"
    ec2.delete_volume(VolumeId=volume_id)


def test_attachments_aws_does_not_make_are_refused(ec2, host):
    vpc_id, subnet_id = network(ec2)
    instance_id, volume_id = launch(ec2, subnet_id), volume(ec2)
    other = launch(ec2, subnet(ec2, vpc_id, "10.20.2.0/24", "b"))
    with refused("InvalidVolume.ZoneMismatch", "not in the same availability zone"):
        ec2.attach_volume(VolumeId=volume_id, InstanceId=other, Device="/dev/sdf")
    host.states[instance_id] = "pending"
    with refused("IncorrectState"):
        ec2.attach_volume(VolumeId=volume_id, InstanceId=instance_id, Device="/dev/sdf")
    host.states.clear()
    ec2.attach_volume(VolumeId=volume_id, InstanceId=instance_id, Device="/dev/sdf")
    with refused("VolumeInUse", "already attached"):
        ec2.attach_volume(VolumeId=volume_id, InstanceId=instance_id, Device="/dev/sdg")
    with refused("InvalidParameterValue", "already in use"):
        ec2.attach_volume(VolumeId=volume(ec2), InstanceId=instance_id, Device="/dev/sdf")
    with refused("VolumeInUse"):
        ec2.delete_volume(VolumeId=volume_id)
