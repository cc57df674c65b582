"""EBS volumes: sizes and speeds AWS refuses, and attachments it does not make."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.elastic_block_store import EBSBackend

from local.api.overlay.calls import Call, Refusal, patches, refuses

# EBS User Guide, "General Purpose SSD volumes", gp3 (sizes in GiB, throughput in MiB/s)
GP3_SIZE = (1, 65536)
GP3_IOPS = (3000, 80000)
GP3_THROUGHPUT = (125, 2000)
GP3_IOPS_PER_GIB = 500
GP3_THROUGHPUT_PER_IOPS = 0.25


@patches(EBSBackend, "create_volume")
def create_volume(moto: Any, backend: EBSBackend, *args: Any, **kwargs: Any) -> Any:
    """gp3 has a throughput even when none was asked for (EC2 API, CreateVolume)."""
    volume = moto(backend, *args, **kwargs)
    if volume.volume_type == "gp3" and not volume.throughput:
        volume.throughput = GP3_THROUGHPUT[0]
    return volume


@patches(EBSBackend, "detach_volume")
def detach_volume(moto: Any, ec2: Any, volume_id: str, instance_id: str | None, device: str | None) -> Any:
    """The instance may be left out (EC2 API, DetachVolume); moto insists on it."""
    attachment = ec2.get_volume(volume_id).attachment
    return moto(ec2, volume_id, instance_id or (attachment and attachment.instance.id), device)


@refuses("ec2", "CreateVolume")
def refuse_impossible_volumes(call: Call) -> None:
    if call.params.get("VolumeType") == "gp3":
        refuse_impossible_gp3(call.params.get("Size"), call.params.get("Iops"), call.params.get("Throughput"))


@refuses("ec2", "RunInstances")
def refuse_impossible_disks(call: Call) -> None:
    for mapping in call.params.get("BlockDeviceMappings", []):
        disk = mapping.get("Ebs", {})
        if disk.get("VolumeType") == "gp3":
            refuse_impossible_gp3(disk.get("VolumeSize"), disk.get("Iops"), disk.get("Throughput"))


@refuses("ec2", "ModifyVolume")
def refuse_impossible_changes(call: Call) -> None:
    """EC2 API, ModifyVolume: a volume never becomes smaller."""
    volume = call.state().get_volume(call.params["VolumeId"])
    size = call.params.get("Size", volume.size)
    if size < volume.size:
        raise Refusal("InvalidParameterValue", "New size cannot be smaller than existing size")
    if call.params.get("VolumeType", volume.volume_type) == "gp3":
        iops, throughput = call.params.get("Iops", volume.iops), call.params.get("Throughput", volume.throughput)
        refuse_impossible_gp3(size, iops, throughput)


def refuse_impossible_gp3(size: int | None, iops: int | None, throughput: int | None) -> None:
    for name, value, (least, most) in (
        ("size", size, GP3_SIZE),
        ("iops", iops, GP3_IOPS),
        ("throughput", throughput, GP3_THROUGHPUT),
    ):
        if value is not None and value < least:
            raise Refusal("InvalidParameterValue", f"Volume {name} of {value} is too low; minimum is {least}.")
        if value is not None and value > most:
            raise Refusal("InvalidParameterValue", f"Volume {name} of {value} is too high; maximum is {most}.")
    iops, throughput = iops or GP3_IOPS[0], throughput or GP3_THROUGHPUT[0]
    if size and iops > max(GP3_IOPS[0], size * GP3_IOPS_PER_GIB):
        ratio = f"Iops to volume size ratio of {iops / size:f} is too high; maximum is {GP3_IOPS_PER_GIB}"
        raise Refusal("InvalidParameterCombination", ratio)
    if throughput > iops * GP3_THROUGHPUT_PER_IOPS:
        raise Refusal(
            "InvalidParameterCombination",
            f"Throughput (MiBps) to iops ratio of {throughput / iops:f} is too high; "
            f"maximum is {GP3_THROUGHPUT_PER_IOPS} MiBps per iops.",
        )


@refuses("ec2", "AttachVolume")
def refuse_impossible_attachments(call: Call) -> None:
    """EC2 API, AttachVolume and "Error codes"."""
    ec2 = call.state()
    volume, instance = ec2.get_volume(call.params["VolumeId"]), ec2.get_instance(call.params["InstanceId"])
    device = call.params["Device"]
    if volume.attachment:
        raise Refusal("VolumeInUse", f"{volume.id} is already attached to an instance")
    if volume.availability_zone != instance.availability_zone:
        raise Refusal(
            "InvalidVolume.ZoneMismatch",
            f"The volume '{volume.id}' is not in the same availability zone as instance '{instance.id}'",
        )
    if instance.state not in ("running", "stopped"):
        raise Refusal("IncorrectState", f"Instance '{instance.id}' is not 'running'.")
    if device in instance.block_device_mapping:
        raise Refusal(
            "InvalidParameterValue",
            f"Invalid value '{device}' for unixDevice. Attachment point {device} is already in use",
        )
