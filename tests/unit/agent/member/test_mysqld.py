"""mysqld as a process: found, recognised as stopped or starting, and killed for certain."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.member import mysqld as module
from agent.member.mysqld import Mysqld
from agent.system import Completed, Failed
from tests.unit.agent.fakes import FakeSystem


def process(system: FakeSystem, pid: int, *, comm: str = "mysqld", state: str = "S") -> None:
    """As its pid file and proc(5) show it."""
    files = {
        "/run/mysqld/mysqld.pid": f"{pid}\n",
        f"/proc/{pid}/comm": f"{comm}\n",
        f"/proc/{pid}/stat": f"{pid} (a) b) {state} 1",
    }
    for path, text in files.items():
        system.path(path).parent.mkdir(parents=True, exist_ok=True)
        system.path(path).write_text(text)


def test_a_mysqld_is_found_by_its_pid_file(system: FakeSystem) -> None:
    assert Mysqld(system).pid() is None
    process(system, 7)
    assert Mysqld(system).pid() == 7


def test_another_process_with_a_left_over_number_is_not_mysqld(system: FakeSystem) -> None:
    process(system, 7, comm="cron")
    assert Mysqld(system).pid() is None
    Mysqld(system).kill(1)


@pytest.mark.parametrize(("state", "stopped"), [("T", True), ("t", True), ("S", False), ("R", False), ("D", False)])
def test_a_stopped_mysqld_is_recognised(system: FakeSystem, state: str, stopped: bool) -> None:
    process(system, 7, state=state)
    assert Mysqld(system).is_stopped() is stopped


def test_a_mysqld_that_is_not_there_is_not_stopped(system: FakeSystem) -> None:
    assert not Mysqld(system).is_stopped()


@pytest.mark.parametrize(
    ("state", "closed"),
    [("activating", True), ("inactive", True), ("failed", True), ("active", False), ("deactivating", False), ("", False)],
)
def test_which_mysqld_is_read_only_by_itself(system: FakeSystem, state: str, closed: bool) -> None:
    system.answers["systemctl show"] = Completed(0, f"{state}\n", "")
    assert Mysqld(system).is_closed_by_itself() is closed
    assert system.commands == ["systemctl show --property=ActiveState --value mysql"]


@pytest.mark.parametrize("active", [True, False])
def test_only_a_mysqld_that_systemd_has_given_up_is_started(system: FakeSystem, active: bool) -> None:
    system.active = {"mysql"} if active else set()
    Mysqld(system).start()
    assert system.commands == ([] if active else ["systemctl reset-failed mysql", "systemctl start --no-block mysql"])


def test_a_mysqld_that_somebody_stopped_can_be_left_alone(system: FakeSystem) -> None:
    system.active = set()
    Mysqld(system).start(if_in=("failed",))
    assert system.commands == []


@pytest.fixture
def sleeper(system: FakeSystem) -> Iterator[subprocess.Popen]:
    """A real process that the files call mysqld."""
    sleeper = subprocess.Popen(["sleep", "60"])
    process(system, sleeper.pid)
    yield sleeper
    sleeper.kill()
    sleeper.wait()


@pytest.mark.subprocess
@pytest.mark.parametrize("stopped", [False, True])
def test_a_kill_is_over_when_the_process_is_gone_even_a_stopped_one(
    system: FakeSystem, sleeper: subprocess.Popen, stopped: bool
) -> None:
    if stopped:
        os.kill(sleeper.pid, signal.SIGSTOP)
    Mysqld(system).kill(5)
    assert sleeper.wait(0.5) == -signal.SIGKILL


@pytest.mark.subprocess
def test_a_mysqld_without_its_file_is_killed_by_what_systemd_knows(system: FakeSystem, sleeper: subprocess.Popen) -> None:
    system.path(module.PID_FILE).unlink()
    system.answers["systemctl show --property=MainPID"] = Completed(0, f"{sleeper.pid}\n", "")
    Mysqld(system).kill(5)
    assert sleeper.wait(0.5) == -signal.SIGKILL


def test_nobody_is_killed_when_systemd_knows_of_none(system: FakeSystem) -> None:
    system.answers["systemctl show --property=MainPID"] = Completed(0, "0\n", "")
    Mysqld(system).kill(5)


def test_the_servers_configuration_puts_the_file_where_the_unit_looks_for_it() -> None:
    text = (Path(__file__).parents[4] / "cloud_init/templates/mysql.cnf.j2").read_text()
    assert f"pid_file = {module.PID_FILE}" in text.splitlines()


@pytest.mark.subprocess
def test_a_process_that_is_gone_already_is_a_kill_that_is_over(system: FakeSystem, sleeper: subprocess.Popen) -> None:
    sleeper.kill()
    sleeper.wait()
    Mysqld(system).kill(5)


@pytest.mark.subprocess
def test_a_process_that_outlives_its_kill_is_told(
    system: FakeSystem, sleeper: subprocess.Popen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.signal, "pidfd_send_signal", lambda *_: None)  # as in an uninterruptible sleep
    with pytest.raises(Failed, match=rf"mysqld {sleeper.pid} is not gone 0\.01 s after SIGKILL"):
        Mysqld(system).kill(0.01)
