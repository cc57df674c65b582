"""Whose turn it is: the process's nice value and its session's, on a /proc made up."""

import pytest

from local.host import priority


@pytest.fixture
def nices(monkeypatch, tmp_path):
    """This process's nice values, the newest last."""
    given = [3]
    monkeypatch.setattr(priority, "AUTOGROUP", tmp_path / "autogroup")
    monkeypatch.setattr(priority.os, "getpriority", lambda which, pid: given[-1])
    monkeypatch.setattr(priority.os, "setpriority", lambda which, pid, nice: given.append(nice))
    return given


def test_who_stands_back_does_so_with_its_session_and_until_the_end_whatever_happens(nices):
    priority.AUTOGROUP.write_text("/autogroup-12 nice 3\n")
    with pytest.raises(RuntimeError), priority.last():
        assert (nices, priority.AUTOGROUP.read_text()) == ([3, 19], "19")
        raise RuntimeError
    assert (nices, priority.AUTOGROUP.read_text()) == ([3, 19, 3], "3")


def test_who_goes_first_does_so_with_its_session(nices):
    priority.AUTOGROUP.write_text("/autogroup-12 nice 3\n")
    priority.first()
    assert (nices, priority.AUTOGROUP.read_text()) == ([3, -10], "-10")


def test_where_the_kernel_groups_nobody_the_process_alone_stands_back(nices):
    with priority.last():
        assert nices == [3, 19]
    assert not priority.AUTOGROUP.exists()


def test_in_the_session_the_computer_began_with_the_process_alone_stands_back(nices):
    """The kernel answers EINVAL to whoever writes there."""
    priority.AUTOGROUP.touch()
    with priority.last():
        assert (nices, priority.AUTOGROUP.read_text()) == ([3, 19], "")
