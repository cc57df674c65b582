"""An Instance as EC2 tells it, in the shape of the program's inputs and outputs."""

from __future__ import annotations

import base64
from typing import Any

from local.provider.aws import ec2, instance_state
from local.provider.aws.fields import from_api
from local.provider.aws.instance_launch import METADATA_OPTIONS, root_volume_id
from local.provider.resource import Inputs, Outputs
from local.provider.session import Aws
from local.provider.tags import as_dict

ROOT_VOLUME = {
    "encrypted": "Encrypted",
    "iops": "Iops",
    "kmsKeyId": "KmsKeyId",
    "throughput": "Throughput",
    "volumeId": "VolumeId",
    "volumeSize": "Size",
    "volumeType": "VolumeType",
}
ATTRIBUTES = {
    "disableApiStop": "DisableApiStop",
    "disableApiTermination": "DisableApiTermination",
    "instanceInitiatedShutdownBehavior": "InstanceInitiatedShutdownBehavior",
}


def read(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    instance = instance_state.describe(aws, id)
    if instance is None or instance["State"]["Name"] == instance_state.GONE:
        return None
    interfaces = instance.get("NetworkInterfaces") or [{}]
    profile = instance.get("IamInstanceProfile", {}).get("Arn")
    return {
        "ami": instance["ImageId"],
        "arn": ec2.arn(aws, f"instance/{id}"),
        "associatePublicIpAddress": bool(interfaces[0].get("Association")),
        "availabilityZone": instance["Placement"]["AvailabilityZone"],
        "ebsOptimized": instance.get("EbsOptimized", False),
        "iamInstanceProfile": profile.rsplit("/", 1)[-1] if profile else None,
        "instanceState": instance["State"]["Name"],
        "instanceType": instance["InstanceType"],
        "keyName": instance.get("KeyName") or None,
        "metadataOptions": from_api(instance.get("MetadataOptions") or {}, METADATA_OPTIONS),
        "monitoring": instance.get("Monitoring", {}).get("State") in ("enabled", "pending"),
        "primaryNetworkInterfaceId": interfaces[0].get("NetworkInterfaceId"),
        "privateDns": instance.get("PrivateDnsName"),
        "privateIp": instance.get("PrivateIpAddress"),
        "publicDns": instance.get("PublicDnsName"),
        "publicIp": instance.get("PublicIpAddress"),
        "rootBlockDevice": _root_block_device(aws, instance, inputs),
        "sourceDestCheck": instance.get("SourceDestCheck", True),
        "subnetId": instance.get("SubnetId"),
        "tenancy": instance["Placement"].get("Tenancy", "default"),
        "vpcSecurityGroupIds": [group["GroupId"] for group in interfaces[0].get("Groups", [])],
        **{name: _attribute(aws, id, name, api_name) for name, api_name in ATTRIBUTES.items()},
        **_user_data(aws, id, inputs),
        "tags": as_dict(instance.get("Tags")),
    }


def _attribute(aws: Aws, id: str, name: str, api_name: str) -> Any:
    answer = aws.client("ec2").describe_instance_attribute(InstanceId=id, Attribute=name)
    return answer.get(api_name, {}).get("Value")


def _user_data(aws: Aws, id: str, inputs: Inputs) -> Outputs:
    """Under the name under which the program set it; as text where nobody has said."""
    encoded = _attribute(aws, id, "userData", "UserData") or ""
    if "userDataBase64" in inputs:
        return {"userDataBase64": encoded}
    try:
        return {"userData": base64.b64decode(encoded).decode()}
    except UnicodeDecodeError:
        return {"userDataBase64": encoded}


def _root_block_device(aws: Aws, instance: dict[str, Any], inputs: Inputs) -> Outputs | None:
    volume_id = root_volume_id(instance)
    if volume_id is None:
        return None
    volume = ec2.describe(aws, "describe_volumes", "Volumes", "InvalidVolume.NotFound", VolumeIds=[volume_id])
    if volume is None:
        return None
    mappings = {mapping["DeviceName"]: mapping["Ebs"] for mapping in instance["BlockDeviceMappings"]}
    device = instance["RootDeviceName"]
    all_tags, asked = as_dict(volume.get("Tags")), (inputs.get("rootBlockDevice") or {}).get("tags") or {}
    own_tags = {key: value for key, value in all_tags.items() if key in asked or aws.default_tags.get(key) != value}
    return {
        **from_api(volume, ROOT_VOLUME),
        "deviceName": device,
        "deleteOnTermination": mappings[device].get("DeleteOnTermination", True),
        "tags": own_tags,
        "tagsAll": all_tags,
    }
