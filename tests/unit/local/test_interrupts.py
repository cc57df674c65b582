"""Ctrl-C of a long verb: whoever it started cleans up first."""

import os
import signal
import subprocess
import sys
import time

import pytest

from local.instance import CHECKOUT

LIVE_TEST = """
import threading
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def machines():
    yield
    threading.Event().wait(1)  # longer than subprocess waits before it kills: 0.25 s
    (HERE / "taken-down").touch()


def test_takes_long(machines):
    (HERE / "began").touch()
    threading.Event().wait(60)
"""
DEADLINE_S = 30


@pytest.mark.subprocess
def test_interrupted_tests_take_their_machines_down_before_make_test_ends(tmp_path):
    test = tmp_path / "test_live.py"
    test.write_text(LIVE_TEST)
    command = [sys.executable, "-m", "local.cli", "--home", str(tmp_path / "home"), "test", str(test)]
    with subprocess.Popen(command, cwd=CHECKOUT, start_new_session=True, stdout=subprocess.DEVNULL) as verb:
        deadline = time.monotonic() + DEADLINE_S
        while not (tmp_path / "began").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(verb.pid, signal.SIGINT)  # as a terminal does it
        assert verb.wait(DEADLINE_S) != 0
        assert (tmp_path / "taken-down").exists()
