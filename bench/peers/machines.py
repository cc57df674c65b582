"""Three machines of a local cloud of their own, a member of the group on each: launched, and taken down whatever happens.

Asked of EC2's API as the program's servers are, so that image, network, volumes and package proxy are the same.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from drills.run import uninterrupted
from local import cloud
from local.host import images, leftovers, machine
from local.host.packages import PackageProxy
from local.instance import Instance

from .configuration import MEMBERS

CIDR = "10.30.0.0/24"
ZONE = "eu-central-1a"
IMAGE = "ami-0d15717b0fedb0001"  # as Pulumi.local.yaml
TYPE, VOLUME_GIB = "t3.small", 20  # as web servers on AWS; what is not written takes no place here
ONLINE_S = 60


class NotPrepared(Exception):
    """A machine does not start, or a script on it failed. The text holds the end of what it said."""


@contextlib.contextmanager
def launched(home: Path) -> Iterator[tuple[Instance, dict[str, str]]]:
    """The local cloud in `home` and its instance ids by member, all online; afterwards nothing of it is left, no file either."""
    leftovers.forget(Instance.open(home))  # of a run that was killed
    instance = Instance.open(home)
    try:
        PackageProxy(instance).start()
        images.ensure(instance)
        cloud.ensure_running(instance)
        ids = launch(instance)
        wait_until_online(instance, ids)
        yield instance, ids
    finally:
        with uninterrupted():
            cloud.stop(instance)
            leftovers.forget(instance)


def launch(instance: Instance) -> dict[str, str]:
    """One subnet, one security group whose members reach each other, and a data volume for each machine."""
    ec2 = instance.client("ec2")
    vpc = ec2.create_vpc(CidrBlock=CIDR)["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=CIDR, AvailabilityZone=ZONE)["Subnet"]["SubnetId"]
    group = ec2.create_security_group(VpcId=vpc, GroupName="peers", Description="Members of the group")["GroupId"]
    everything = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[everything])
    ids = {}
    for member in MEMBERS:
        [launched] = ec2.run_instances(
            ImageId=IMAGE,
            InstanceType=TYPE,
            MinCount=1,
            MaxCount=1,
            SubnetId=subnet,
            SecurityGroupIds=[group],
            PrivateIpAddress=member.address,
            BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": VOLUME_GIB, "VolumeType": "gp3"}}],
        )["Instances"]
        ids[member.name] = launched["InstanceId"]
    return ids


def wait_until_online(instance: Instance, ids: dict[str, str]) -> None:
    end = time.monotonic() + ONLINE_S
    while waiting := [name for name, instance_id in ids.items() if not machine.found(instance, instance_id).online()]:
        if time.monotonic() > end:
            raise NotPrepared(f"not online within {ONLINE_S} s: {', '.join(waiting)}; see {instance.log / 'cloud.log'}")
        time.sleep(0.1)
