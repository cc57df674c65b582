"""Flow logs: a record of the connections of a VPC, a subnet or an interface."""

from __future__ import annotations

import hashlib
from typing import Any

from pulumi_aws import ec2

from local.provider.aws.fields import Block, Fields, from_api, to_api
from local.provider.resource import Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found
from local.provider.tags import as_dict, ec2_marked, ec2_specification, ec2_update

GONE = "InvalidFlowLogId.NotFound"
WATCHED = {"vpcId": "VPC", "subnetId": "Subnet", "eniId": "NetworkInterface"}
FLOW_LOG: Fields = {
    "destinationOptions": Block(
        "DestinationOptions",
        {
            "fileFormat": "FileFormat",
            "hiveCompatiblePartitions": "HiveCompatiblePartitions",
            "perHourPartition": "PerHourPartition",
        },
    ),
    "iamRoleArn": "DeliverLogsPermissionArn",
    "logDestination": "LogDestination",
    "logDestinationType": "LogDestinationType",
    "logFormat": "LogFormat",
    "maxAggregationInterval": "MaxAggregationInterval",
    "trafficType": "TrafficType",
}


def create(aws: Aws, inputs: Inputs) -> str:
    """The client token makes a repeated create of this resource, with the same inputs, the same flow log."""
    name = next((name for name in WATCHED if inputs.get(name)), None)
    if name is None:
        raise ValueError(f"a flow log needs one of {', '.join(WATCHED)}")
    arguments = to_api({**inputs, "logDestination": destination(inputs)}, FLOW_LOG)
    answer = aws.client("ec2").create_flow_logs(
        **arguments,
        **ec2_specification("vpc-flow-log", inputs),
        ClientToken=hashlib.sha256(f"{aws.urn}{arguments}".encode()).hexdigest()[:32],
        ResourceIds=[inputs[name]],
        ResourceType=WATCHED[name],
    )
    refuse(answer)
    return answer["FlowLogIds"][0]


def destination(inputs: Inputs) -> str:
    return (inputs.get("logDestination") or "").removesuffix(":*")


def refuse(answer: dict[str, Any]) -> None:
    """These calls answer 200 and list what they did not do."""
    for item in answer.get("Unsuccessful") or ():
        if item["Error"]["Code"] != GONE:
            raise RuntimeError(f"{item['Error']['Code']}: {item['Error']['Message']}")


def read(aws: Aws, id: str, _inputs: Inputs) -> Outputs | None:
    answer = found(lambda: aws.client("ec2").describe_flow_logs(FlowLogIds=[id]), GONE)
    if not answer or not answer["FlowLogs"]:
        return None
    log = answer["FlowLogs"][0]
    prefix = log["ResourceId"].split("-", 1)[0]
    watched = {"vpc": "vpcId", "subnet": "subnetId", "eni": "eniId"}[prefix]
    return {
        **from_api(log, FLOW_LOG),
        "arn": f"arn:aws:ec2:{aws.region}:{aws.account}:vpc-flow-log/{id}",
        "tags": as_dict(log.get("Tags")),
        watched: log["ResourceId"],
    }


def delete(aws: Aws, id: str, _inputs: Inputs) -> None:
    if answer := found(lambda: aws.client("ec2").delete_flow_logs(FlowLogIds=[id]), GONE):
        refuse(answer)


def replaced(**rows: Any) -> Property:
    return Property(force_new=True, **rows)


RESOURCES = (
    Resource(
        token="aws:ec2/flowLog:FlowLog",
        source="internal/service/ec2/vpc_flow_log.go",
        args=ec2.FlowLogArgs,
        properties={
            "destinationOptions": replaced(),
            "destinationOptions.fileFormat": replaced(default="plain-text"),
            "destinationOptions.hiveCompatiblePartitions": replaced(default=False),
            "destinationOptions.perHourPartition": replaced(default=False),
            "eniId": replaced(),
            "iamRoleArn": replaced(),
            "logDestination": replaced(computed=True),
            "logDestinationType": replaced(default="cloud-watch-logs"),
            "logFormat": replaced(computed=True),
            "maxAggregationInterval": replaced(default=600),
            "subnetId": replaced(),
            "trafficType": replaced(),
            "vpcId": replaced(),
        },
        outputs_unknown=("arn", "logFormat"),
        create=create,
        read=read,
        update=ec2_update,
        delete=delete,
        find=ec2_marked,
    ),
)
