"""Whose turn it is: the process's nice value and its session's, on a /proc made up."""

import os

import pytest

from local.host import priority


@pytest.fixture
def nices(monkeypatch, tmp_path):
    """Process id -> nice value."""
    given = {os.getpid(): 3, 7: 0}
    monkeypatch.setattr(priority, "PROC", tmp_path)
    monkeypatch.setattr(priority.os, "getpriority", lambda which, pid: given[pid or os.getpid()])
    monkeypatch.setattr(priority.os, "setpriority", lambda which, pid, nice: given.__setitem__(pid, nice))
    return given


def session(tmp_path, pid: int):
    (tmp_path / str(pid)).mkdir()
    (tmp_path / str(pid) / "autogroup").write_text("/autogroup-12 nice 0\n")
    return tmp_path / str(pid) / "autogroup"


def test_a_process_is_favoured_with_its_session(nices, tmp_path):
    group = session(tmp_path, 7)
    priority.set_nice(7, -10)
    assert (nices[7], group.read_text()) == (-10, "-10")


def test_where_the_kernel_groups_nobody_the_process_alone_is_favoured(nices):
    priority.set_nice(7, -10)
    assert nices[7] == -10


def test_who_stands_back_does_so_until_the_end_whatever_happens(nices, tmp_path):
    group = session(tmp_path, os.getpid())
    with pytest.raises(RuntimeError), priority.last():
        assert (nices[os.getpid()], group.read_text()) == (19, "19")
        raise RuntimeError
    assert (nices[os.getpid()], group.read_text()) == (3, "3")
