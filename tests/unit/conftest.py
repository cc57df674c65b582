"""Unit tests are decided by values alone: no process is started unless a test is marked `subprocess`."""

import subprocess

import pytest


@pytest.fixture(autouse=True)
def no_process_is_started(request, monkeypatch):
    if request.node.get_closest_marker("subprocess"):
        return

    def refuse(self, args, *rest, **options):
        raise AssertionError(f"a unit test started {args!r}; mark it @pytest.mark.subprocess if it must")

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
