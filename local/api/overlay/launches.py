"""RunInstances: launches that AWS refuses and moto accepts, and what AWS fills in."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from moto.core.types import Base64EncodedString
from moto.ec2.models.instances import Instance
from moto.ec2.responses import instances as responses

from local.api.overlay.calls import Call, Refusal, follows, patches, refuses
from local.api.overlay.groups import refuse_groups_outside

USER_DATA_BYTES = 16 * 1024  # EC2 User Guide, "Run commands at launch": before base64
DEFAULT_ROOT_GIB = 8


@refuses("ec2", "RunInstances", "ModifyInstanceAttribute")
def refuse_long_user_data(call: Call) -> None:
    user_data = call.params.get("UserData")
    if isinstance(user_data, Mapping):
        user_data = user_data.get("Value")
    plain = user_data if isinstance(user_data, bytes) else base64.b64decode(user_data or "")
    if len(plain) > USER_DATA_BYTES:
        raise Refusal("InvalidParameterValue", f"User data is limited to {USER_DATA_BYTES} bytes")


@patches(responses, "parse_user_data")
def parse_user_data(moto: Any, value: Any) -> Base64EncodedString | None:
    """ModifyInstanceAttribute has a blob, which moto has decoded already (EC2 API, BlobAttributeValue)."""
    return moto(base64.b64encode(value) if isinstance(value, bytes) else value)


def interfaces(call: Call) -> Iterator[Mapping[str, Any]]:
    """The interfaces a launch creates, however it names them (EC2 API, RunInstances)."""
    requested = call.params.get("NetworkInterfaces") or []
    for interface in requested:
        if "NetworkInterfaceId" not in interface:
            yield {**interface, "Groups": interface.get("Groups", [])}
    if not requested and call.params.get("SubnetId"):
        yield {**call.params, "Groups": call.params.get("SecurityGroupIds", [])}


@refuses("ec2", "RunInstances")
def refuse_addresses_and_groups_of_elsewhere(call: Call) -> None:
    ec2 = call.state()
    for interface in interfaces(call):
        subnet = ec2.get_subnet(interface["SubnetId"])
        refuse_groups_outside(ec2, subnet.vpc_id, interface["Groups"], f"subnet {subnet.id}")
        if address := interface.get("PrivateIpAddress"):
            refuse_address(ec2, subnet, address)


def refuse_address(ec2: Any, subnet: Any, address: str) -> None:
    """VPC User Guide, "Subnet CIDR blocks": the first four addresses and the last of a subnet are AWS's own."""
    network = ipaddress.ip_network(subnet.cidr_block)
    if ipaddress.ip_address(address) not in network:
        message = f"Address {address} does not fall within the subnet's address range"
        raise Refusal("InvalidParameterValue", message)
    offset = int(ipaddress.ip_address(address)) - int(network.network_address)
    if offset < 4 or offset == network.num_addresses - 1:
        raise Refusal("InvalidParameterValue", f"Address {address} is in subnet's reserved address range")
    for interface in ec2.enis.values():
        if interface.subnet.id == subnet.id and interface.private_ip_address == address:
            raise Refusal("InvalidIPAddress.InUse", f"Address {address} is in use.")


@refuses("ec2", "RunInstances")
def refuse_an_image_of_another_architecture(call: Call) -> None:
    ec2 = call.state()
    kinds = ec2.describe_instance_types([call.params["InstanceType"]]) if "InstanceType" in call.params else []
    images = ec2.describe_images(ami_ids=[call.params["ImageId"]]) if "ImageId" in call.params else []
    for kind, image in zip(kinds, images, strict=False):
        offered = kind["ProcessorInfo"]["SupportedArchitectures"]
        if image.architecture not in offered:
            raise Refusal(
                "InvalidParameterValue",
                f"The architecture '{','.join(offered)}' of the specified instance type does not match the architecture "
                f"'{image.architecture}' of the specified AMI. Specify an instance type and an AMI that have matching "
                "architectures, and try again.",
            )


@patches(Instance, "setup_defaults")
def create_root_disk(moto: Any, instance: Instance) -> None:
    """Without a mapping the root disk is where the image says (EC2 API, Image.RootDeviceName); moto's is /dev/sda1."""
    ec2 = instance.ec2_backend
    volume = ec2.create_volume(size=DEFAULT_ROOT_GIB, zone_name=instance.availability_zone, volume_type="gp3")
    ec2.attach_volume(volume.id, instance.id, instance.root_device_name, True)


@follows("ec2", "RunInstances")
def complete(call: Call) -> None:
    """What AWS fills in and moto does not: groups, disks' speed, and that root disk and interfaces go with the instance.

    EC2 API, EbsBlockDevice (gp3: 3,000 IOPS, 125 MiB/s unless asked for) and InstanceNetworkInterfaceSpecification.
    """
    ec2 = call.state()
    reservation = next(reversed(ec2.reservations.values()))
    kept = {nic.get("DeviceIndex", 0) for nic in call.params.get("NetworkInterfaces", [])
            if nic.get("DeleteOnTermination") is False or "NetworkInterfaceId" in nic}  # fmt: skip
    disks = {disk["DeviceName"]: disk.get("Ebs", {}) for disk in call.params.get("BlockDeviceMappings", [])}
    for instance in reservation.instances:
        instance.security_groups = list(instance.nics[0].group_set)
        for index, interface in instance.nics.items():
            interface.delete_on_termination = index not in kept
        for device, disk in instance.block_device_mapping.items():
            asked, volume = disks.get(device, {}), ec2.volumes[disk.volume_id]
            disk.delete_on_termination = asked.get("DeleteOnTermination", True)
            volume.volume_type = asked.get("VolumeType", volume.volume_type)
            volume.iops = asked.get("Iops", volume.iops)
            volume.throughput = asked.get("Throughput", volume.throughput)
