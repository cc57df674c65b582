"""Table of virtual machines: Instance."""

from __future__ import annotations

import pulumi_aws

from local.provider.aws import instance_launch, instance_read, instance_state, instance_update
from local.provider.resource import Inputs, Property, Resource
from local.provider.tags import ec2_marked


def replaces(olds: Inputs, news: Inputs) -> tuple[str, ...]:
    """customdiff.ForceNewIf: new user data makes a new machine when the program says so."""
    return ("userData", "userDataBase64") if news.get("userDataReplaceOnChange") else ()


RESOURCES = (
    Resource(
        token="aws:ec2/instance:Instance",
        source="internal/service/ec2/ec2_instance.go",
        args=pulumi_aws.ec2.InstanceArgs,
        properties={
            "ami": Property(force_new=True, computed=True),
            "associatePublicIpAddress": Property(force_new=True, computed=True),
            "availabilityZone": Property(force_new=True, computed=True),
            "disableApiStop": Property(computed=True),
            "disableApiTermination": Property(computed=True),
            "ebsOptimized": Property(force_new=True, computed=True),
            "getPasswordData": Property(default=False),
            "iamInstanceProfile": Property(computed=True),
            "instanceInitiatedShutdownBehavior": Property(computed=True),
            "instanceType": Property(computed=True),
            "keyName": Property(force_new=True, computed=True),
            "metadataOptions": Property(computed=True),
            "metadataOptions.httpEndpoint": Property(computed=True),
            "metadataOptions.httpProtocolIpv6": Property(computed=True),
            "metadataOptions.httpPutResponseHopLimit": Property(computed=True),
            "metadataOptions.httpTokens": Property(computed=True),
            "metadataOptions.instanceMetadataTags": Property(computed=True),
            "monitoring": Property(computed=True),
            "privateIp": Property(force_new=True, computed=True),
            "rootBlockDevice": Property(computed=True),
            "rootBlockDevice.deleteOnTermination": Property(default=True),
            "rootBlockDevice.encrypted": Property(force_new=True, computed=True),
            "rootBlockDevice.iops": Property(computed=True),
            "rootBlockDevice.kmsKeyId": Property(force_new=True, computed=True),
            "rootBlockDevice.tags": Property(),
            "rootBlockDevice.throughput": Property(computed=True),
            "rootBlockDevice.volumeSize": Property(computed=True),
            "rootBlockDevice.volumeType": Property(computed=True),
            "sourceDestCheck": Property(default=True),
            "subnetId": Property(force_new=True, computed=True),
            "tenancy": Property(force_new=True, computed=True),
            "userData": Property(computed=True),
            "userDataBase64": Property(computed=True),
            "userDataReplaceOnChange": Property(default=False),
            "vpcSecurityGroupIds": Property(computed=True, unordered=True),
        },
        replaces=replaces,
        outputs_unknown=(
            "arn",
            "instanceState",
            "primaryNetworkInterfaceId",
            "privateDns",
            "publicDns",
            "publicIp",
        ),
        create=instance_launch.create,
        ready=instance_launch.ready,
        read=instance_read.read,
        update=instance_update.update,
        delete=lambda aws, id, inputs: instance_state.terminate(aws, id),
        find=ec2_marked,
    ),
)
