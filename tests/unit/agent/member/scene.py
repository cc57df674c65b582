"""What the failover unit's tests share: two members, a record of the lease, and a clock that only tests move."""

from __future__ import annotations

from dataclasses import replace

from agent.lease.record import Record
from agent.lease.view import Local
from agent.member.peers import Status

MEMBERS = {"web-a": "10.20.1.10", "web-b": "10.20.2.10"}
RECORD = Record(
    cluster_id="cluster-1",
    members=("web-a", "web-b"),
    holder="web-a",
    boot_nonce="nonce-a",
    epoch=3,
    counter=7,
    ttl_s=5,
    failover=False,
    sync=False,
    gtid_executed="a:1-10",
    published_at_counter=7,
)
DATA = Local(alive=True, executed="a:1-10", cluster_id="cluster-1")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def status(name: str = "web-b", **changes) -> Status:
    """A replica of the other one that has everything, and has had it since its mysqld started."""
    values = {
        "name": name,
        "boot_nonce": f"nonce-{name[-1]}",
        "ttl_s": 5,
        "local": replace(DATA, complete=True),
        "source": "web-a",
        "receiving": True,
        "received": DATA.executed,
        "leads": False,
    }
    return Status(**values | changes)
