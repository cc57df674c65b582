"""What systemd hears of a unit: that it is ready, once, and that its loop turns."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent import serve
from agent.notify import Notifier
from tests.unit.agent.fakes import FakeSystem


@pytest.fixture(params=["a path", "an abstract name"])
def heard(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[bytes]]]:
    """A function that gives all that systemd has been told, on either kind of socket."""
    name = f"@{tmp_path}/notify" if request.param == "an abstract name" else f"{tmp_path}/notify"
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(name.replace("@", "\0", 1))
        systemd.setblocking(False)
        yield lambda: list(_received(systemd))


def _received(systemd: socket.socket) -> Iterator[bytes]:
    try:
        while True:
            yield systemd.recv(100)
    except BlockingIOError:
        return


def test_a_loop_is_ready_with_its_first_turn_and_alive_with_each(heard) -> None:
    notifier = Notifier()
    notifier.alive(), notifier.alive()
    assert heard() == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]


def test_a_systemd_that_does_not_read_keeps_no_loop_waiting(heard) -> None:
    notifier = Notifier()
    for _ in range(5000):  # more than any socket holds
        notifier.alive()
    assert 2 <= len(heard()) < 5000


def test_the_agent_is_ready_when_its_port_is_open(heard, system: FakeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    class Open:
        def __init__(self, *_: object) -> None:
            assert heard() == []

        def serve_forever(self) -> None:
            assert heard() == [b"READY=1"]

    monkeypatch.setattr(serve, "Server", Open)
    serve.serve(system)


def test_without_systemd_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    Notifier().alive()
