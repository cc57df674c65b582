"""CloudWatch: alarms on one metric."""

from __future__ import annotations

from typing import Any

from pulumi_aws import cloudwatch

from local.provider.aws.fields import Fields, changed, from_api, to_api
from local.provider.aws.tagging import update_tags
from local.provider.resource import AutoName, Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found
from local.provider.tags import as_dict, as_list

GONE = "ResourceNotFound"
ALARM: Fields = {
    "actionsEnabled": "ActionsEnabled",
    "alarmActions": "AlarmActions",
    "alarmDescription": "AlarmDescription",
    "comparisonOperator": "ComparisonOperator",
    "datapointsToAlarm": "DatapointsToAlarm",
    "evaluateLowSampleCountPercentiles": "EvaluateLowSampleCountPercentile",
    "evaluationPeriods": "EvaluationPeriods",
    "extendedStatistic": "ExtendedStatistic",
    "insufficientDataActions": "InsufficientDataActions",
    "metricName": "MetricName",
    "name": "AlarmName",
    "namespace": "Namespace",
    "okActions": "OKActions",
    "period": "Period",
    "statistic": "Statistic",
    "threshold": "Threshold",
    "treatMissingData": "TreatMissingData",
    "unit": "Unit",
}


def put(aws: Aws, inputs: Inputs, **tags: Any) -> None:
    dimensions = [{"Name": name, "Value": value} for name, value in (inputs.get("dimensions") or {}).items()]
    aws.client("cloudwatch").put_metric_alarm(**to_api(inputs, ALARM), Dimensions=dimensions, **tags)


def create(aws: Aws, inputs: Inputs) -> str:
    """PutMetricAlarm overwrites; terraform (and so this) refuses to take somebody else's alarm that way."""
    if describe(aws, inputs["name"]):
        raise ValueError(f"CloudWatch metric alarm {inputs['name']!r} already exists")
    put(aws, inputs, Tags=as_list(inputs["tagsAll"]))
    return inputs["name"]


def describe(aws: Aws, name: str) -> dict[str, Any] | None:
    alarms = aws.client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    return alarms[0] if alarms else None


def read(aws: Aws, id: str, _inputs: Inputs) -> Outputs | None:
    alarm = describe(aws, id)
    if alarm is None:
        return None
    tags = aws.client("cloudwatch").list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
    return {
        "treatMissingData": "missing",
        **from_api(alarm, {**ALARM, "arn": "AlarmArn"}),
        "dimensions": {dimension["Name"]: dimension["Value"] for dimension in alarm.get("Dimensions") or ()},
        "tags": as_dict(tags),
    }


def update(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    client = aws.client("cloudwatch")
    if changed(olds, news, *ALARM, "dimensions"):
        put(aws, news)
    arn = f"arn:aws:cloudwatch:{aws.region}:{aws.account}:alarm:{id}"
    update_tags(
        olds,
        news,
        put=lambda tags: client.tag_resource(ResourceARN=arn, Tags=tags),
        remove=lambda keys: client.untag_resource(ResourceARN=arn, TagKeys=keys),
    )


def delete(aws: Aws, id: str, _inputs: Inputs) -> None:
    found(lambda: aws.client("cloudwatch").delete_alarms(AlarmNames=[id]), GONE)


RESOURCES = (
    Resource(
        token="aws:cloudwatch/metricAlarm:MetricAlarm",
        source="internal/service/cloudwatch/metric_alarm.go",
        args=cloudwatch.MetricAlarmArgs,
        name=AutoName(),
        properties={
            "actionsEnabled": Property(default=True),
            "alarmActions": Property(unordered=True),
            "alarmDescription": Property(),
            "comparisonOperator": Property(),
            "datapointsToAlarm": Property(),
            "dimensions": Property(),
            "evaluateLowSampleCountPercentiles": Property(computed=True),
            "evaluationPeriods": Property(),
            "extendedStatistic": Property(),
            "insufficientDataActions": Property(unordered=True),
            "metricName": Property(),
            "name": Property(force_new=True),
            "namespace": Property(),
            "okActions": Property(unordered=True),
            "period": Property(),
            "statistic": Property(),
            "threshold": Property(),
            "treatMissingData": Property(default="missing"),
            "unit": Property(),
        },
        outputs_unknown=("arn",),
        create=create,
        read=read,
        update=update,
        delete=delete,
        find=lambda _aws, inputs: [inputs["name"]],
    ),
)
