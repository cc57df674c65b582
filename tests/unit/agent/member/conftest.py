"""Fixtures of the failover unit's tests: time, configuration, and conversations on loopback with real TLS."""

from __future__ import annotations

import importlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agent.endpoints import Server
from agent.lease.view import Settings
from agent.member import tls
from agent.member.config import MEMBERS_PORT, Config
from agent.member.peers import Peers
from tests.unit.agent.fakes import FakeSystem
from tests.unit.agent.member.certificates import Authority
from tests.unit.agent.member.partner import Member
from tests.unit.agent.member.scene import MEMBERS, Clock
from tests.unit.agent.mysql_world import World

CONNECT = socket.create_connection  # to where it says, whatever a test makes of it
TICKING = ("hands", "loop", "look", "peers", "rejoin", "switchover", "answers", "database")  # modules that read the clock


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


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def stranger() -> Authority:
    return Authority()


@pytest.fixture
def member(system: FakeSystem, config, world: World, authority: Authority) -> Member:
    authority.install(system, "web-b.test.internal", "db.test.internal")
    world.here = "web-b"
    return Member(system, config, world)


@pytest.fixture
def port(member: Member, system: FakeSystem, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """web-b's server; its name leads there."""
    server = Server(("127.0.0.1", 0), member.answers.peers(), lambda: tls.server_context(system))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    port = server.server_address[1]

    def connect(address: tuple[str, int], *arguments: Any) -> socket.socket:
        assert address == ("web-b.test.internal", MEMBERS_PORT)
        return CONNECT(("127.0.0.1", port), *arguments)

    monkeypatch.setattr(socket, "create_connection", connect)
    yield port
    server.shutdown()
    server.server_close()


@pytest.fixture
def asking(tmp_path_factory, config, authority: Authority, port: int) -> Callable[..., Peers]:
    """A function that gives the way to ask web-b, from a server whose certificate has that name."""

    def make(name: str = "web-a", signed_by: Authority | None = None, trusts: Authority | None = None) -> Peers:
        system = FakeSystem(tmp_path_factory.mktemp(name))
        (signed_by or authority).install(system, f"{name}.test.internal", trusts=trusts or authority)
        return Peers(system, config("web-a"), timeout_s=5)

    return make
