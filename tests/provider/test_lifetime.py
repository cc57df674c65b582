"""A plugin never outlives the engine that started it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

DEADLINE_S = 20


@pytest.fixture
def plugin() -> Iterator[subprocess.Popen]:
    command = [sys.executable, "-m", "local.provider", "random", "127.0.0.1:1"]  # the engine adds its address
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert int(process.stdout.readline()) > 0
        yield process
        process.kill()


@pytest.mark.subprocess
def test_a_plugin_ends_when_the_engine_is_gone(plugin: subprocess.Popen) -> None:
    plugin.stdin.close()
    assert plugin.wait(DEADLINE_S) == 0


@pytest.mark.subprocess
def test_a_plugin_ends_when_the_engine_says_so(plugin: subprocess.Popen) -> None:
    plugin.send_signal(signal.SIGINT)
    assert plugin.wait(DEADLINE_S) == 0
