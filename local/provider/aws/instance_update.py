"""Changes of a running Instance. New user data or another type need a stop and a start; the rest happens while it runs."""

from __future__ import annotations

from typing import Any

from local.provider.aws import instance_state, volume
from local.provider.aws.fields import changed, to_api
from local.provider.aws.instance_launch import METADATA_OPTIONS, root_volume_id, tag_root_volume, user_data
from local.provider.resource import Inputs
from local.provider.session import Aws
from local.provider.tags import ec2_update

ROOT_CHANGEABLE = {"iops": "Iops", "throughput": "Throughput", "volumeSize": "Size", "volumeType": "VolumeType"}


def update(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    ec2_update(aws, id, olds, news)
    if changed(olds, news, "iamInstanceProfile"):
        _set_profile(aws, id, news.get("iamInstanceProfile"))
    if changed(olds, news, "vpcSecurityGroupIds") and news.get("vpcSecurityGroupIds"):
        _set_groups(aws, id, news["vpcSecurityGroupIds"])
    _set_attributes(aws, id, olds, news)
    if changed(olds, news, "metadataOptions"):
        options = to_api(news.get("metadataOptions") or {}, METADATA_OPTIONS)
        aws.client("ec2").modify_instance_metadata_options(InstanceId=id, **options)
    if changed(olds, news, "monitoring"):
        client = aws.client("ec2")
        set_monitoring = client.monitor_instances if news.get("monitoring") else client.unmonitor_instances
        set_monitoring(InstanceIds=[id])
    if changed(olds, news, "rootBlockDevice"):
        _update_root(aws, id, olds.get("rootBlockDevice") or {}, news)
    if changed(olds, news, "instanceType", "userData", "userDataBase64"):
        _change_while_stopped(aws, id, olds, news)


def _set_groups(aws: Aws, id: str, group_ids: list[str]) -> None:
    """On the first network interface: with several, EC2 refuses to change them through the instance."""
    instance = instance_state.describe(aws, id)
    if instance is None:
        raise RuntimeError(f"instance {id} does not exist any more")
    interface_id = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
    aws.client("ec2").modify_network_interface_attribute(NetworkInterfaceId=interface_id, Groups=group_ids)


def _set_attributes(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    """One attribute in a call."""
    values: dict[str, Any] = {}
    if changed(olds, news, "sourceDestCheck"):
        values["SourceDestCheck"] = {"Value": news.get("sourceDestCheck", True)}
    for name in ("disableApiStop", "disableApiTermination"):
        if changed(olds, news, name):
            values[name[0].upper() + name[1:]] = {"Value": bool(news.get(name))}
    if changed(olds, news, "instanceInitiatedShutdownBehavior") and news.get("instanceInitiatedShutdownBehavior"):
        values["InstanceInitiatedShutdownBehavior"] = {"Value": news["instanceInitiatedShutdownBehavior"]}
    for name, value in values.items():
        aws.client("ec2").modify_instance_attribute(InstanceId=id, **{name: value})


def _set_profile(aws: Aws, id: str, profile: str | None) -> None:
    client = aws.client("ec2")
    answer = client.describe_iam_instance_profile_associations(Filters=[{"Name": "instance-id", "Values": [id]}])
    associations = answer["IamInstanceProfileAssociations"]
    if not associations and profile:
        client.associate_iam_instance_profile(InstanceId=id, IamInstanceProfile={"Name": profile})
    elif associations and profile:
        client.replace_iam_instance_profile_association(
            AssociationId=associations[0]["AssociationId"], IamInstanceProfile={"Name": profile}
        )
    elif associations:
        client.disassociate_iam_instance_profile(AssociationId=associations[0]["AssociationId"])


def _update_root(aws: Aws, id: str, old: Inputs, news: Inputs) -> None:
    new = news.get("rootBlockDevice") or {}
    instance = instance_state.describe(aws, id)
    volume_id = root_volume_id(instance)
    if instance is None or volume_id is None:
        return
    names = {name: api_name for name, api_name in ROOT_CHANGEABLE.items() if changed(old, new, name)}
    volume.modify(aws, volume_id, to_api(new, names))
    if changed(old, new, "deleteOnTermination"):
        mapping = {
            "DeviceName": instance["RootDeviceName"],
            "Ebs": {"DeleteOnTermination": new.get("deleteOnTermination", True)},
        }
        aws.client("ec2").modify_instance_attribute(InstanceId=id, BlockDeviceMappings=[mapping])
    gone = [key for key in old.get("tags") or {} if key not in (new.get("tags") or {})]
    if gone:
        aws.client("ec2").delete_tags(Resources=[volume_id], Tags=[{"Key": key} for key in gone])
    tag_root_volume(aws, id, news)


def _change_while_stopped(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    """modifyInstanceAttributeWithStopStart; an instance that was not running before is not started."""
    client = aws.client("ec2")
    was_running = instance_state.state(aws, id) in ("pending", "running")
    instance_state.stop(aws, id)
    if changed(olds, news, "instanceType"):
        client.modify_instance_attribute(InstanceId=id, InstanceType={"Value": news["instanceType"]})
    if changed(olds, news, "userData", "userDataBase64"):
        client.modify_instance_attribute(InstanceId=id, UserData={"Value": user_data(news)})
    if was_running:
        instance_state.start(aws, id)
