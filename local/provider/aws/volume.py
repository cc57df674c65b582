"""Tables of block storage: Volume and VolumeAttachment."""

from __future__ import annotations

import zlib
from typing import Any

import pulumi_aws

from local.provider.aws import ec2, instance_state
from local.provider.aws.fields import changed, to_api
from local.provider.resource import Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found
from local.provider.tags import as_dict, ec2_marked, ec2_specification, ec2_update

MISSING = "InvalidVolume.NotFound"
VOLUME_S = 300
DELETED_S = 600
ATTACHMENT_S = 300
FIELDS = {
    "availabilityZone": "AvailabilityZone",
    "encrypted": "Encrypted",
    "iops": "Iops",
    "kmsKeyId": "KmsKeyId",
    "multiAttachEnabled": "MultiAttachEnabled",
    "size": "Size",
    "snapshotId": "SnapshotId",
    "throughput": "Throughput",
    "type": "VolumeType",
}
CHANGEABLE = {"iops": "Iops", "size": "Size", "throughput": "Throughput", "type": "VolumeType"}


def create(aws: Aws, inputs: Inputs) -> str:
    return aws.client("ec2").create_volume(**to_api(inputs, FIELDS), **ec2_specification("volume", inputs))["VolumeId"]


def ready(aws: Aws, id: str, inputs: Inputs) -> None:
    def usable() -> bool:
        volume = _volume(aws, id)
        return volume is not None and volume["State"] in ("available", "in-use")

    aws.wait(f"volume {id} to become available", usable, VOLUME_S)


def read(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    volume = _volume(aws, id)
    if volume is None:
        return None
    return {
        **{name: volume.get(api_name) for name, api_name in FIELDS.items()},
        "snapshotId": volume.get("SnapshotId") or None,
        "arn": ec2.arn(aws, f"volume/{id}"),
        "createTime": volume["CreateTime"].isoformat().replace("+00:00", "Z"),
        "tags": as_dict(volume.get("Tags")),
    }


def update(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    names = {name: api_name for name, api_name in CHANGEABLE.items() if changed(olds, news, name)}
    modify(aws, id, to_api(news, names))
    ec2_update(aws, id, olds, news)


def modify(aws: Aws, id: str, arguments: dict[str, Any]) -> None:
    """ModifyVolume, waiting until the new size can be used."""
    if not arguments:
        return
    aws.client("ec2").modify_volume(VolumeId=id, **arguments)

    def modified() -> bool:
        answer = aws.client("ec2").describe_volumes_modifications(VolumeIds=[id])["VolumesModifications"]
        states = [modification["ModificationState"] for modification in answer]
        if "failed" in states:
            raise RuntimeError(f"changing volume {id} failed")
        return all(state in ("completed", "optimizing") for state in states)

    aws.wait(f"volume {id} to be modified", modified, VOLUME_S)


def delete(aws: Aws, id: str, inputs: Inputs) -> None:
    if inputs.get("finalSnapshot"):
        _snapshot(aws, id, inputs)
    ec2.delete(aws, "delete_volume", MISSING, VolumeId=id)
    aws.wait(f"volume {id} to be deleted", lambda: _volume(aws, id) is None, DELETED_S)


def _snapshot(aws: Aws, id: str, inputs: Inputs) -> None:
    client = aws.client("ec2")
    snapshot_id = client.create_snapshot(VolumeId=id, **ec2_specification("snapshot", inputs))["SnapshotId"]

    def completed() -> bool:
        return client.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"][0]["State"] == "completed"

    aws.wait(f"snapshot {snapshot_id} to be completed", completed, DELETED_S)


def _volume(aws: Aws, id: str) -> dict[str, Any] | None:
    volume = ec2.describe(aws, "describe_volumes", "Volumes", MISSING, VolumeIds=[id])
    return None if volume is None or volume["State"] == "deleted" else volume


def attachment_id(inputs: Inputs) -> str:
    """terraform's volumeAttachmentID: a CRC-32 of device, instance and volume."""
    text = f"{inputs['deviceName']}-{inputs['instanceId']}-{inputs['volumeId']}-"
    return f"vai-{zlib.crc32(text.encode())}"


def attach(aws: Aws, inputs: Inputs) -> str:
    if _attachment(aws, inputs) is None:
        instance_state.wait_until(aws, inputs["instanceId"], "running", "stopped")
        aws.client("ec2").attach_volume(Device=inputs["deviceName"], InstanceId=inputs["instanceId"], VolumeId=inputs["volumeId"])
    return attachment_id(inputs)


def wait_until_attached(aws: Aws, id: str, inputs: Inputs) -> None:
    def attached() -> bool:
        attachment = _attachment(aws, inputs)
        return attachment is not None and attachment["State"] == "attached"

    aws.wait(f"volume {inputs['volumeId']} to be attached to {inputs['instanceId']}", attached, ATTACHMENT_S)


def read_attachment(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    if "volumeId" not in inputs:
        raise ValueError("a volume attachment cannot be imported here: the stand-in finds it by its volume and instance only")
    return None if _attachment(aws, inputs) is None else {}


def detach(aws: Aws, id: str, inputs: Inputs) -> None:
    if inputs.get("skipDestroy") or _attachment(aws, inputs) is None:
        return
    if inputs.get("stopInstanceBeforeDetaching"):
        instance_state.stop(aws, inputs["instanceId"])
    call = {"VolumeId": inputs["volumeId"], "InstanceId": inputs["instanceId"], "Device": inputs["deviceName"]}
    missing = ("InvalidAttachment.NotFound", "IncorrectState")
    found(lambda: aws.client("ec2").detach_volume(**call, Force=bool(inputs.get("forceDetach"))), *missing)
    what = f"volume {inputs['volumeId']} to be detached from {inputs['instanceId']}"
    aws.wait(what, lambda: _attachment(aws, inputs) is None, ATTACHMENT_S)


def _attachment(aws: Aws, inputs: Inputs) -> dict[str, Any] | None:
    volume = _volume(aws, inputs["volumeId"])
    for attachment in volume["Attachments"] if volume else ():
        same_place = (attachment["InstanceId"], attachment["Device"]) == (inputs["instanceId"], inputs["deviceName"])
        if same_place and attachment["State"] != "detached":
            return attachment
    return None


RESOURCES = (
    Resource(
        token="aws:ebs/volume:Volume",
        source="internal/service/ec2/ebs_volume.go",
        args=pulumi_aws.ebs.VolumeArgs,
        properties={
            "availabilityZone": Property(force_new=True),
            "encrypted": Property(force_new=True, computed=True),
            "finalSnapshot": Property(default=False),
            "iops": Property(computed=True),
            "kmsKeyId": Property(force_new=True, computed=True),
            "multiAttachEnabled": Property(force_new=True),
            "size": Property(computed=True),
            "snapshotId": Property(force_new=True, computed=True),
            "throughput": Property(computed=True),
            "type": Property(computed=True),
        },
        outputs_unknown=("arn", "createTime"),
        create=create,
        ready=ready,
        read=read,
        update=update,
        delete=delete,
        find=ec2_marked,
    ),
    Resource(
        token="aws:ec2/volumeAttachment:VolumeAttachment",
        source="internal/service/ec2/ebs_volume_attachment.go",
        args=pulumi_aws.ec2.VolumeAttachmentArgs,
        properties={
            "deviceName": Property(force_new=True),
            "instanceId": Property(force_new=True),
            "volumeId": Property(force_new=True),
            "forceDetach": Property(),
            "skipDestroy": Property(),
            "stopInstanceBeforeDetaching": Property(),
        },
        tags=False,
        create=attach,
        ready=wait_until_attached,
        read=read_attachment,
        update=lambda aws, id, olds, news: None,  # the other three only say how to detach
        delete=detach,
    ),
)
