"""What CloudWatch hears of this server's database every minute: is it of use, as the primary or as one that could take over?

A backup that broke is missed by nobody until the primary dies; the alarm (components/monitoring.py) tells before.
"""

from __future__ import annotations

from collections.abc import Callable

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ..server import Server
from ..system import System

NAMESPACE = "distributed-web"  # components/naming.py, PROJECT
METRIC = "DatabaseOfUse"  # components/monitoring.py, OF_USE
PERIOD_S = 60  # CloudWatch keeps no more than a value a minute
CONFIG = Config(connect_timeout=5, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})


class Gauge:
    def __init__(self, system: System, server: Server) -> None:
        self._system = system
        self._dimensions = [{"Name": "Stack", "Value": server.stack}, {"Name": "Server", "Value": server.server}]
        self._client = boto3.client("cloudwatch", region_name=server.region, config=CONFIG)

    def run(self, of_use: Callable[[], bool]) -> None:
        """For ever; in a thread of its own."""
        while True:
            self.tell(of_use())
            self._system.sleep(PERIOD_S)

    def tell(self, of_use: bool) -> None:
        """What cannot be told is logged: a missing value raises the alarm too."""
        value = {"MetricName": METRIC, "Dimensions": self._dimensions, "Value": int(of_use), "Unit": "None"}
        try:
            self._client.put_metric_data(Namespace=NAMESPACE, MetricData=[value])
        except (ClientError, BotoCoreError) as error:
            self._system.log(f"gauge: cloudwatch put_metric_data: {error}")
