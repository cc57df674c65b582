"""The operator's verbs on the running site: the primary changes there and back, and the status shows it."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from .conftest import eventually

pytestmark = [pytest.mark.live, pytest.mark.subprocess]


def roles(site) -> dict[str, str]:
    """Web server -> its database's role, as `make status` shows it."""
    return dict(re.findall(r"^(web-[ab]) .* (primary|replica) ", site.make("status"), re.MULTILINE))


@pytest.mark.parametrize(("to", "primary", "replica"), [((), "web-b", "web-a"), (("TO=web-a",), "web-a", "web-b")])
def test_a_switchover_changes_the_primary_and_the_status_shows_it(site, to, primary, replica):
    assert f"{primary} is the primary" in site.make("switchover", *to)
    eventually(lambda: roles(site) == {primary: "primary", replica: "replica"}, 60)
    assert re.search(rf"^lease: {primary}, epoch \d+, renewed \d+\.\d s ago, ttl \d+ s$", site.make("status"), re.MULTILINE)
    status, _, text = site.request("/api/notes", {"text": f"written on {primary}"})
    assert status == 201 and f'"host":"{primary}"' in text.replace(" ", "")


def test_each_database_tells_cloudwatch_that_it_is_of_use(site):
    cloudwatch = site.instance.client("cloudwatch")
    now = datetime.now(UTC)

    def latest(server: str) -> list[float]:
        points = cloudwatch.get_metric_statistics(
            Namespace="distributed-web",
            MetricName="DatabaseOfUse",
            Dimensions=[{"Name": "Stack", "Value": "local"}, {"Name": "Server", "Value": server}],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=5),
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
        return [point["Maximum"] for point in sorted(points, key=lambda point: point["Timestamp"])][-1:]

    eventually(lambda: (latest("web-a"), latest("web-b")) == ([1], [1]), 150)


def test_a_promotion_without_an_epoch_changes_nothing(site):
    before = roles(site)
    assert "make promote TO=web-b FORCE=" in site.make("promote", "TO=web-b", check=False)
    assert roles(site) == before
