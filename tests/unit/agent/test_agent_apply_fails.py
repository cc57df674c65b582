"""Applies that fail: what is refused before anything is done, and what is put back."""

from __future__ import annotations

import pytest

from agent.apply import fetch
from agent.state import State, current
from agent.system import Completed, Failed
from tests.unit.agent.fakes import identity
from tests.unit.agent.web_server import CHECKS, FIRST, HAPROXY, RELOAD, SECOND, Web, drains


def test_a_refused_configuration_changes_nothing_and_is_refused_again(applied: Web, predecessors: dict[str, str]) -> None:
    before = applied.running()
    applied.system.answers["haproxy -c"] = Completed(1, "", "[ALERT] haproxy.cfg:9 : unknown keyword 'bogus'\n")
    applied.release(SECOND, {HAPROXY: "bogus", "/etc/nginx/nginx.conf": "nginx 2"})
    for _ in range(2):
        with pytest.raises(Failed, match="unknown keyword 'bogus'"):
            applied.apply(SECOND)
        assert applied.system.commands == [CHECKS["haproxy"]]
        assert applied.running() == before
        assert current(applied.system) == State.load(applied.system).release == FIRST
    assert not applied.system.path("/run/distributed-web/candidate").exists()


def test_a_release_whose_application_never_answers_is_taken_back_and_fails_again(
    applied: Web, predecessors: dict[str, str]
) -> None:
    before = applied.running()
    applied.system.answers["/run/app/app.sock"] = "HTTP/1.1 500 Internal Server Error\r\n\r\nno such table"
    applied.system.answers["journalctl --unit app"] = Completed(0, "Traceback", "")
    applied.release(SECOND, {HAPROXY: "haproxy 2"}, app={"wsgi.py": b"v2"})
    for _ in range(2):
        with pytest.raises(Failed, match="500 Internal Server Error: no such table; last words: Traceback"):
            applied.apply(SECOND)
        assert applied.running() == before
        assert current(applied.system) == State.load(applied.system).release == FIRST
        assert applied.system.commands[-5:] == [
            *RELOAD,
            "systemctl enable app",
            "systemctl reset-failed app",
            "systemctl restart app",
        ]
    del applied.system.answers["/run/app/app.sock"]
    applied.apply(SECOND)
    assert current(applied.system) == SECOND


def test_a_nginx_that_restarts_on_the_way_back_is_drained_as_well(applied: Web, predecessors: dict[str, str]) -> None:
    drained = drains(applied.system, "restart nginx", "restart app")
    applied.system.answers["/run/app/app.sock"] = "HTTP/1.1 500 Internal Server Error\r\n\r\n"
    applied.release(SECOND, {"/etc/systemd/system/nginx.service.d/restart.conf": "1"}, app={"wsgi.py": b"v2"})
    with pytest.raises(Failed, match="500 Internal Server Error"):
        applied.apply()
    assert drained == [f"restart {unit}, out of rotation" for unit in ("nginx", "app") * 2]
    assert not applied.system.path("/run/distributed-web/drain").exists()


def test_a_reload_that_haproxy_itself_refuses_is_a_failure(applied: Web, predecessors: dict[str, str]) -> None:
    applied.system.answers["/run/haproxy-master.sock"] = "Success=0\n--\n[ALERT] cannot bind socket"
    applied.release(SECOND, {HAPROXY: "haproxy 2"})
    with pytest.raises(Failed, match="cannot bind socket"):
        applied.apply()
    assert applied.running()[HAPROXY] == "haproxy 1"


def test_a_failed_setup_leaves_the_old_application_running(applied: Web, predecessors: dict[str, str]) -> None:
    applied.system.answers["/bin/sh -c flask migrate"] = Completed(1, "", "Traceback\nno such column")
    applied.release(SECOND, app={"wsgi.py": b"v2"}, setup="flask migrate")
    for _ in range(2):
        with pytest.raises(Failed, match=r"flask migrate: exit code 1: Traceback \| no such column"):
            applied.apply()
        assert "systemctl restart app" not in applied.system.commands
        assert current(applied.system) == FIRST


def test_a_first_release_that_failed_is_followed_by_one_that_starts_everything(web: Web) -> None:
    web.system.answers["systemctl restart mysql"] = Completed(1, "", "no")
    web.release(FIRST)
    with pytest.raises(Failed, match="mysql: does not start"):
        web.apply()
    assert "systemctl restart agent" not in web.system.commands
    del web.system.answers["systemctl restart mysql"]
    web.release(SECOND, {HAPROXY: "haproxy 2"})
    started = [command for command in web.apply() if command.startswith("systemctl restart")]
    units = ("mysql", "failover", "handover", "agent", "haproxy", "nginx", "app", "rotation")
    assert started == [f"systemctl restart {unit}" for unit in units]
    assert current(web.system) == State.load(web.system).release == SECOND


def test_a_tampered_file_is_refused_before_anything_is_done(applied: Web, predecessors: dict[str, str]) -> None:
    applied.release(SECOND, {HAPROXY: "haproxy 2"})
    applied.bucket.put(f"servers/web-a{HAPROXY}", b"evil")
    with pytest.raises(Failed, match=r"haproxy.cfg: SHA-256 is \w{64}, the manifest says \w{64}"):
        applied.apply()
    assert applied.system.commands == []


def test_a_tampered_archive_is_refused_and_leaves_no_folder(applied: Web, predecessors: dict[str, str]) -> None:
    applied.release(SECOND, app={"wsgi.py": b"v2"})
    applied.bucket.put("app.zip", b"evil")
    with pytest.raises(Failed, match=r"app\.zip: SHA-256"):
        applied.apply()
    assert not applied.system.path(f"/var/lib/distributed-web/releases/{SECOND}").exists()


def test_another_release_than_the_one_asked_for_is_refused(applied: Web) -> None:
    with pytest.raises(Failed, match=f"release {SECOND} was asked for, the bucket holds {FIRST}"):
        applied.apply(SECOND)


def test_a_manifest_made_for_another_server_is_refused(applied: Web) -> None:
    with pytest.raises(Failed, match="made for web-a, this is web-b"):
        fetch(identity("web-b"), applied.bucket.store, None)


def test_a_service_that_does_not_start_says_its_last_words(applied: Web, predecessors: dict[str, str]) -> None:
    applied.system.answers["systemctl restart mysql"] = Completed(1, "", "Job for mysql.service failed")
    applied.system.answers["journalctl --unit mysql"] = Completed(0, "[ERROR] unknown variable 'bogus=1'\n", "")
    applied.release(SECOND, {"/etc/mysql/mysql.conf.d/zz.cnf": "bogus=1"})
    log = applied.system.path("/var/log/mysql/error.log")
    log.parent.mkdir(parents=True)
    log.write_text("[System] starting\n[ERROR] [InnoDB] no space left\n")
    with pytest.raises(Failed) as failed:
        applied.apply()
    assert str(failed.value) == "mysql: does not start: [ERROR] [InnoDB] no space left | [ERROR] unknown variable 'bogus=1'"
    assert applied.running()["/etc/mysql/mysql.conf.d/zz.cnf"] == "mysql 1"
