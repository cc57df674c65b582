"""RunInstances: the inputs of an Instance as its arguments, and what follows until the machine runs."""

from __future__ import annotations

import base64
from typing import Any

from local.provider.aws import instance_state
from local.provider.aws.fields import Block, to_api
from local.provider.resource import Inputs
from local.provider.session import Aws
from local.provider.tags import as_list, ec2_specification

METADATA_OPTIONS = {
    "httpEndpoint": "HttpEndpoint",
    "httpProtocolIpv6": "HttpProtocolIpv6",
    "httpPutResponseHopLimit": "HttpPutResponseHopLimit",
    "httpTokens": "HttpTokens",
    "instanceMetadataTags": "InstanceMetadataTags",
}
ROOT_DEVICE = {
    "deleteOnTermination": "DeleteOnTermination",
    "encrypted": "Encrypted",
    "iops": "Iops",
    "kmsKeyId": "KmsKeyId",
    "throughput": "Throughput",
    "volumeSize": "VolumeSize",
    "volumeType": "VolumeType",
}
ARGUMENTS = {
    "ami": "ImageId",
    "disableApiStop": "DisableApiStop",
    "disableApiTermination": "DisableApiTermination",
    "ebsOptimized": "EbsOptimized",
    "instanceInitiatedShutdownBehavior": "InstanceInitiatedShutdownBehavior",
    "instanceType": "InstanceType",
    "keyName": "KeyName",
    "metadataOptions": Block("MetadataOptions", METADATA_OPTIONS),
}
PLACEMENT = {"availabilityZone": "AvailabilityZone", "tenancy": "Tenancy"}


def create(aws: Aws, inputs: Inputs) -> str:
    answer = aws.client("ec2").run_instances(MinCount=1, MaxCount=1, **arguments(aws, inputs))
    return answer["Instances"][0]["InstanceId"]


def ready(aws: Aws, id: str, inputs: Inputs) -> None:
    instance_state.wait_until(aws, id, "running")
    tag_root_volume(aws, id, inputs)
    if inputs.get("sourceDestCheck") is False:
        aws.client("ec2").modify_instance_attribute(InstanceId=id, SourceDestCheck={"Value": False})


def arguments(aws: Aws, inputs: Inputs) -> dict[str, Any]:
    """Keyword arguments of RunInstances."""
    wanted = {**to_api(inputs, ARGUMENTS), **_network(inputs), **ec2_specification("instance", inputs)}
    if placement := to_api(inputs, PLACEMENT):
        wanted["Placement"] = placement
    if profile := inputs.get("iamInstanceProfile"):
        wanted["IamInstanceProfile"] = {"Name": profile}
    if "monitoring" in inputs:
        wanted["Monitoring"] = {"Enabled": inputs["monitoring"]}
    if root := inputs.get("rootBlockDevice"):
        ebs = to_api(root, ROOT_DEVICE)
        wanted["BlockDeviceMappings"] = [{"DeviceName": _root_device_name(aws, inputs["ami"]), "Ebs": ebs}]
    if data := user_data(inputs):
        wanted["UserData"] = data  # boto3 encodes it
    return wanted


def user_data(inputs: Inputs) -> bytes:
    if "userDataBase64" in inputs:
        return base64.b64decode(inputs["userDataBase64"])
    return inputs.get("userData", "").encode()


def tag_root_volume(aws: Aws, id: str, inputs: Inputs) -> None:
    """The root volume gets its tags after launch; the provider's default tags go along with tags of its own only."""
    tags = (inputs.get("rootBlockDevice") or {}).get("tags")
    volume_id = root_volume_id(instance_state.describe(aws, id))
    if tags and volume_id:
        aws.client("ec2").create_tags(Resources=[volume_id], Tags=as_list({**aws.default_tags, **tags}))


def root_volume_id(instance: dict[str, Any] | None) -> str | None:
    for mapping in instance["BlockDeviceMappings"] if instance else ():
        if mapping["DeviceName"] == instance.get("RootDeviceName"):
            return mapping["Ebs"]["VolumeId"]
    return None


def _network(inputs: Inputs) -> dict[str, Any]:
    """As arguments of their own, or, to say whether there is a public address, as the first network interface."""
    if "associatePublicIpAddress" not in inputs:
        names = {"subnetId": "SubnetId", "privateIp": "PrivateIpAddress", "vpcSecurityGroupIds": "SecurityGroupIds"}
        return to_api(inputs, names)
    names = {"subnetId": "SubnetId", "privateIp": "PrivateIpAddress", "vpcSecurityGroupIds": "Groups"}
    interface = to_api(inputs, names) | {"AssociatePublicIpAddress": inputs["associatePublicIpAddress"]}
    return {"NetworkInterfaces": [{"DeviceIndex": 0, **interface}]}


def _root_device_name(aws: Aws, ami: str) -> str:
    images = aws.client("ec2").describe_images(ImageIds=[ami])["Images"]
    if not images:
        raise ValueError(f"image {ami} does not exist in {aws.region}: set one of this region's images")
    return images[0].get("RootDeviceName") or "/dev/sda1"
