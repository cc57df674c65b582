"""Faults of the lease store: DynamoDB is out, and DynamoDB is back as it was some time ago.

The local API is asked as any AWS client asks it; that it is out is a file, see `local/api/outage.py`.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import ClassVar

from botocore.exceptions import ClientError

from drills.faults import Fault, FaultFailed, command
from drills.faults.operations import PROMOTE, SWITCHOVER
from drills.server import Server
from drills.site import Site
from local.api import outage

SERVICE = "dynamodb"
OUT_PART = 0.5  # of the lease's ttl: nobody restores a table in less than a watch may have a gap, 0.3 ttl


@dataclass(frozen=True, kw_only=True)
class StoreOutage(Fault):
    """Every call of DynamoDB is answered with an error 500."""

    undone: ClassVar[str] = "the lease store answers again"

    def begin(self, site: Site, server: Server) -> None:
        outage.begin(site.instance, SERVICE)
        with contextlib.suppress(ClientError):
            lease(site)
            raise FaultFailed("the lease store answers although it is out")

    def end(self, site: Site, server: Server) -> None:
        outage.end(site.instance, SERVICE)


@dataclass(frozen=True, kw_only=True)
class StoreRollback(Fault):
    """The lease's record is once more what it was `seconds` ago, or, `past_switchover`, before the primary was another.

    The holder goes on with its own epoch: its renewals are newer. Past a switchover the record names a former holder, and
    nobody takes one older than he saw, so the end is the operator's: he promotes one that has everything.
    """

    seconds: float
    past_switchover: bool = False
    undone: ClassVar[str] = "where the record names a former holder, an operator promotes a server that has everything"

    def begin(self, site: Site, server: Server) -> None:
        table, old = lease(site)
        if self.past_switchover:
            command(server, SWITCHOVER)
        time.sleep(self.seconds)
        outage.begin(site.instance, SERVICE)
        time.sleep(OUT_PART * float(old["ttl_s"]["N"]))
        outage.end(site.instance, SERVICE)
        site.instance.client(SERVICE).put_item(TableName=table, Item=old)

    def end(self, site: Site, server: Server) -> None:
        outage.end(site.instance, SERVICE)
        if self.past_switchover:
            epoch = lease(site)[1]["epoch"]["N"]
            command(latest(site), f"{PROMOTE} --force {epoch}")


def lease(site: Site) -> tuple[str, dict]:
    """The table, and the lease's item in it as DynamoDB has it now."""
    store = site.instance.client(SERVICE)
    for table in store.list_tables()["TableNames"]:
        for item in store.scan(TableName=table, ConsistentRead=True)["Items"]:
            if {"holder", "epoch"} <= item.keys():
                return table, item
    raise FaultFailed("the cluster's table holds no lease")


def latest(site: Site) -> Server:
    """Who has the most transactions: every other's are among them."""
    executed = {server.name: server.query("SELECT @@global.gtid_executed")[0][0] for server in site.databases}
    for server in site.databases:
        rest = [f"GTID_SUBSET('{text}', @@global.gtid_executed)" for text in executed.values()]
        if server.query(f"SELECT {' AND '.join(rest)}")[0][0]:
            return server
    raise FaultFailed("each database server has transactions that the other lacks")
