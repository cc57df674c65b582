"""The command as an association runs it: exit code, last line, report. And the few things that touch the real system."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from agent import __main__ as command
from agent import system as system_module
from agent.system import Failed, Stopped, System, inside_cloud_init
from tests.unit.agent.fakes import Bucket, FakeSystem

FIRST, SECOND = "1" * 16, "2" * 16


@pytest.fixture
def released(bucket: Bucket, system: FakeSystem, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A release without application, for a server whose name is web-a."""
    monkeypatch.setattr(command, "System", lambda: system)
    monkeypatch.setattr(command, "inside_cloud_init", lambda: False)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setenv("PATH", os.environ["PATH"])
    monkeypatch.setattr("agent.store.Store", lambda server: bucket.store)
    bucket.release(FIRST, {"/etc/haproxy/haproxy.cfg": "haproxy 1"}, secrets={})
    return bucket


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["agent", *arguments])
    return command.main()


def test_a_good_apply_exits_zero_and_reports(released: Bucket, system: FakeSystem, monkeypatch, capsys) -> None:
    assert run(monkeypatch, "apply", FIRST) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"release {FIRST}: applied"
    assert released.report() == {
        "release": FIRST,
        "server": "web-a",
        "ok": True,
        "reason": None,
        "log": system.lines,
        "at": "2023-11-14T22:30:00+00:00",
    }


def test_a_failed_apply_exits_one_and_its_last_line_is_the_reason(released: Bucket, monkeypatch, capsys) -> None:
    assert run(monkeypatch, "apply", SECOND) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"release {SECOND} was asked for, the bucket holds {FIRST}")
    assert (released.report()["reason"], released.report()["release"]) == (last, SECOND)


def test_an_apply_without_a_release_reports_the_one_it_found(released: Bucket, system: FakeSystem, monkeypatch) -> None:
    system.answers["haproxy -c"] = Failed("haproxy: is not there")
    assert run(monkeypatch, "apply") == 1
    assert (released.report()["reason"], released.report()["release"]) == ("haproxy: is not there", FIRST)


def test_a_fault_of_the_agent_itself_is_a_reason_too(released: Bucket, monkeypatch, capsys) -> None:
    monkeypatch.setattr("agent.apply.apply", lambda *_: 1 / 0)
    assert run(monkeypatch, "apply") == 1
    assert capsys.readouterr().out.splitlines()[-1] == "agent: ZeroDivisionError('division by zero')"


def test_an_apply_somebody_ends_reports_that(released: Bucket, monkeypatch) -> None:
    monkeypatch.setattr("agent.apply.apply", lambda *_: command._stop(signal.SIGTERM, None))
    assert run(monkeypatch, "apply") == 1
    assert released.report()["reason"] == "stopped by SIGTERM"


def test_without_user_data_the_reason_is_that(system: FakeSystem, monkeypatch, capsys) -> None:
    system.path("/etc/distributed-web/server.json").unlink()
    monkeypatch.setattr(command, "System", lambda: system)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert run(monkeypatch, "apply") == 1
    assert "cloud-init writes it from the user data" in capsys.readouterr().out.splitlines()[-1]


def test_only_an_apply_outside_cloud_init_waits_for_it(released: Bucket, system: FakeSystem, monkeypatch) -> None:
    run(monkeypatch, "apply")
    assert system.commands[0] == "cloud-init status --wait"
    system.commands.clear()
    monkeypatch.setattr(command, "inside_cloud_init", lambda: True)
    run(monkeypatch, "apply")
    assert "cloud-init status --wait" not in system.commands


@pytest.mark.parametrize(
    ("line", "called"),
    [
        ("serve", "agent.serve.serve"),
        ("failover", "agent.member.unit.run"),
        ("fence", "agent.member.fence.fence"),
        ("resign", "agent.operator.resign"),
        ("lease", "agent.operator.show"),
        ("switchover", "agent.operator.switchover None"),
        ("switchover web-b", "agent.operator.switchover web-b"),
        ("promote", "agent.operator.promote None"),
        ("promote --force 3", "agent.operator.promote 3"),
        ("stay 45", "agent.rotation.stay 45.0"),
        ("leave 1.5", "agent.rotation.leave 1.5"),
        ("join 60", "agent.rotation.join 60.0"),
    ],
)
@pytest.mark.parametrize("refused", [False, True])
def test_each_verb_does_one_thing_and_says_what_came_of_it(
    system: FakeSystem, monkeypatch, capsys, line: str, called: str, refused: bool
) -> None:
    name, *_ = called.split()

    def act(_: System, *arguments: object) -> str:
        if refused:
            raise Failed("web-a: the reason")
        return " ".join([name, *map(str, arguments)])

    monkeypatch.setattr(command, "System", lambda: system)
    monkeypatch.setenv("PATH", os.environ["PATH"])
    monkeypatch.setattr(name, act)
    assert run(monkeypatch, *line.split()) == int(refused)
    silent = line.split()[0] in ("serve", "failover", "fence", "stay", "leave", "join")
    assert capsys.readouterr().out == ("web-a: the reason\n" if refused else "" if silent else f"{called}\n")


@pytest.mark.subprocess
def test_a_fence_comes_quickly_and_no_server_of_health_holds_boto3() -> None:
    """Watchdog and fence have a fifth of the lease together; boto3 alone takes half a second to import."""
    modules = "agent.member.fence, agent.operator, agent.rotation, agent.serve"
    told = System().run(sys.executable, "-c", f"import sys, {modules}; print('boto3' in sys.modules)", timeout_s=60)
    assert told.strip() == "False"


def test_cloud_init_is_found_among_the_ancestors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for pid, parent, line in ((30, 20, "sh\0apply"), (20, 10, "/usr/bin/python3\0/usr/bin/cloud-init\0modules"), (10, 1, "x")):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cmdline").write_text(line)
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (a) b) S {parent} 0 0")
    monkeypatch.setattr(system_module, "PROC", tmp_path)
    assert inside_cloud_init(30)
    assert not inside_cloud_init(10)
    assert not inside_cloud_init(99)


@pytest.mark.subprocess
def test_a_command_that_fails_is_named_with_its_exit_code_and_last_words() -> None:
    with pytest.raises(Failed, match=r"^sh -c echo first >&2; echo last >&2; exit 3: exit code 3: first \| last$"):
        System().run("sh", "-c", "echo first >&2; echo last >&2; exit 3")


@pytest.mark.subprocess
def test_a_command_that_does_not_end_is_ended() -> None:
    with pytest.raises(Failed, match=r"sleep 60: no end after 0\.1 s"):
        System().run("sleep", "60", timeout_s=0.1)


@pytest.mark.subprocess
def test_a_command_that_is_not_there_is_a_reason() -> None:
    with pytest.raises(Failed, match=r"^no-such-command: cannot be started: .*No such file"):
        System().run("no-such-command")


def test_a_wait_ends_with_the_last_reason_and_is_stopped_at_once(system: FakeSystem) -> None:
    def fails() -> bool:
        raise Failed("not yet")

    def stops() -> bool:
        raise Stopped("SIGTERM")

    with pytest.raises(Failed, match=r"^coffee: not within 10 s: not yet$"):
        system.until(fails, deadline_s=10, what="coffee")
    assert system.clock == 1010
    with pytest.raises(Stopped):
        system.until(stops, deadline_s=10, what="coffee")
