"""Fixtures of the agent's tests: an empty server, two databases, and what the program has put in the cloud."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from agent.system import Failed
from tests.unit.agent.fakes import PEERS, Bucket, FakeSystem, identity
from tests.unit.agent.mysql_world import World
from tests.unit.agent.web_server import FIRST, Web


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSystem:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # no power cut here
    system = FakeSystem(tmp_path)
    for folder in ("etc", "run", "var/lib/haproxy"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/distributed-web").mkdir()
    (tmp_path / "etc/distributed-web/server.json").write_text(json.dumps(asdict(identity("web-a"))))
    monkeypatch.setattr("agent.operator.lease", _no_unit)
    return system


def _no_unit() -> dict:
    raise Failed("the failover unit does not answer")


@pytest.fixture
def world() -> World:
    return World(PEERS)


@pytest.fixture
def bucket() -> Bucket:
    return Bucket("web-a")


@pytest.fixture
def web(system: FakeSystem, world: World) -> Web:
    system.active = {"nginx", "haproxy", "mysql"}  # as the packages leave them
    return Web("web-a", system, world)


@pytest.fixture
def applied(web: Web) -> Web:
    web.release(FIRST)
    web.apply()
    return web


@pytest.fixture
def predecessors(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Which release each other server reports."""
    reported: dict[str, str] = {}
    monkeypatch.setattr("agent.rollout._reports", lambda manifest, name: reported.get(name) == manifest.release)
    return reported
