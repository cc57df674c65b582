"""What the failover unit's tests share: two members, a clock that only tests move, and a record of the lease."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import pytest

from agent.lease.record import Record
from agent.lease.view import Local, Settings
from agent.member.config import Config
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
TICKING = ("hands", "loop", "look", "peers", "rejoin", "switchover", "answers", "database")  # modules that read the clock


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """CLOCK_BOOTTIME of every module of the unit."""
    clock = Clock()
    for name in TICKING:
        monkeypatch.setattr(importlib.import_module(f"agent.member.{name}"), "boottime", clock)
    return clock


@pytest.fixture
def config() -> Callable[..., Config]:
    """A function that gives one member's configuration, with some of the settings changed."""

    def make(server: str = "web-a", **settings) -> Config:
        return Config(server=server, domain="test.internal", members=MEMBERS, settings=Settings(**settings), read_lag_s=10)

    return make


def status(name: str = "web-b", **changes) -> Status:
    """A replica of the other one that has everything."""
    values = {
        "name": name,
        "boot_nonce": f"nonce-{name[-1]}",
        "ttl_s": 5,
        "local": DATA,
        "source": "web-a",
        "receiving": True,
        "received": DATA.executed,
        "leads": False,
    }
    return Status(**values | changes)
