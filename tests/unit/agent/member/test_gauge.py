"""What CloudWatch is told of a database, and that nothing else depends on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from agent.member.gauge import METRIC, NAMESPACE, Gauge
from components import monitoring, naming
from tests.unit.agent.fakes import REGION, FakeSystem, identity


@pytest.fixture
def gauge(system: FakeSystem, monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield Gauge(system, identity("web-a"))


@pytest.mark.parametrize("of_use", [True, False])
def test_a_database_of_use_counts_as_one_and_another_as_none(gauge: Gauge, of_use: bool) -> None:
    gauge.tell(of_use)
    now = datetime.now(UTC)
    told = boto3.client("cloudwatch", REGION).get_metric_statistics(
        Namespace="distributed-web",
        MetricName="DatabaseOfUse",
        Dimensions=[{"Name": "Stack", "Value": "test"}, {"Name": "Server", "Value": "web-a"}],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        Period=60,
        Statistics=["Maximum"],
    )
    assert [point["Maximum"] for point in told["Datapoints"]] == [int(of_use)]


def test_a_refusal_is_logged_and_the_next_minute_is_told_again(gauge: Gauge, system: FakeSystem, monkeypatch) -> None:
    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutMetricData")

    class Over(Exception):
        pass

    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            raise Over

    monkeypatch.setattr(gauge._client, "put_metric_data", refuse)
    monkeypatch.setattr(system, "sleep", sleep)
    with pytest.raises(Over):
        gauge.run(lambda: True)
    assert slept == [60, 60]
    assert (
        system.lines
        == ["gauge: cloudwatch put_metric_data: An error occurred (AccessDenied) when calling the PutMetricData operation: no"]
        * 2
    )


def test_the_alarm_watches_what_is_told() -> None:
    assert (NAMESPACE, METRIC) == (naming.PROJECT, monitoring.OF_USE)
