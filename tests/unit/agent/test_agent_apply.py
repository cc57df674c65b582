"""Whole applies that succeed: what is done, in which order, and what is left alone."""

from __future__ import annotations

import pytest

from agent.apply import apply, fetch
from agent.state import State, current
from agent.system import Failed
from tests.unit.agent.fakes import Bucket, FakeSystem, identity
from tests.unit.agent.mysql_world import World
from tests.unit.agent.web_server import CHECKS, FILES, FIRST, HAPROXY, HEALTH, RELOAD, SECOND, SECRETS, THIRD, Web, drains


def second(system: FakeSystem, world: World) -> Web:
    """The other web server, after the first has made the database and the lease."""
    world.created("web-a")
    web = Web("web-b", system, world)
    web.bucket.items["lease"] = {"id": "lease", "holder": "web-a", "epoch": 0}
    return web


def test_the_first_release_on_the_primary_runs_in_this_order(web: Web) -> None:
    web.release(FIRST, setup="flask migrate", packages=("python3-flask",))
    assert web.apply(FIRST) == [
        CHECKS["mysql"],
        CHECKS["failover"],
        CHECKS["handover"],
        CHECKS["agent"],
        CHECKS["haproxy"],
        CHECKS["nginx"],
        CHECKS["app"],
        CHECKS["rotation"],
        "dpkg-query --show --showformat=${Package} ${db:Status-Status}\n python3-flask",
        "apt-get -o DPkg::Lock::Timeout=120 update",
        "apt-get -o DPkg::Lock::Timeout=120 install --yes --no-install-recommends python3-flask",
        "systemctl daemon-reload",
        "systemctl reset-failed mysql",
        "systemctl restart mysql",
        "systemctl enable failover",
        "systemctl reset-failed failover",
        "systemctl restart failover",
        "systemctl enable handover",
        "systemctl reset-failed handover",
        "systemctl restart handover",
        "systemctl enable agent",
        "systemctl reset-failed agent",
        "systemctl restart agent",
        "systemctl reset-failed haproxy",
        "systemctl restart haproxy",
        "systemctl reset-failed nginx",
        "systemctl restart nginx",
        "/bin/sh -c flask migrate",
        "systemctl enable app",
        "systemctl reset-failed app",
        "systemctl restart app",
        HEALTH,
        "systemctl enable rotation",
        "systemctl reset-failed rotation",
        "systemctl restart rotation",
    ]
    assert web.running() == FILES | {
        "/etc/distributed-web/tls/server.crt": "CRT",
        "/etc/distributed-web/tls/server.key": "KEY",
        "/etc/mysql/tls/server.key": "KEY",
        "/etc/distributed-web/database/app.password": "app-pw",
        "/etc/distributed-web/database/replication.password": "replication-pw",
    }
    pair = web.system.path("/etc/distributed-web/tls/server.pem")
    assert (pair.read_text(), pair.stat().st_mode & 0o777) == ("CRT\nKEY\n", 0o600)
    assert current(web.system) == State.load(web.system).release == FIRST
    folder = web.system.path("/var/lib/distributed-web/current")
    assert (folder / "agent.pyz").read_bytes() == b"agent"
    assert (folder / "app/wsgi.py").stat().st_mode & 0o777 == 0o644
    assert (folder / "app/bin/run.sh").stat().st_mode & 0o777 == 0o755
    assert not web.system.path("/run/distributed-web/candidate").exists()


def test_a_second_run_changes_nothing_and_says_so(applied: Web) -> None:
    assert applied.apply(FIRST) == [HEALTH]
    assert applied.world.writes == []
    assert applied.system.lines == [f"release {FIRST}: nothing to change"]


def test_a_changed_haproxy_file_reloads_haproxy_and_touches_nothing_else(applied: Web, predecessors: dict[str, str]) -> None:
    applied.release(SECOND, {HAPROXY: "haproxy 2"})
    applied.system.answers["/run/haproxy/admin.sock"] = "1\n# be_id be_name srv_id\n"
    assert applied.apply(SECOND) == [CHECKS["haproxy"], *RELOAD, HEALTH]
    assert applied.system.path("/var/lib/haproxy/servers.state").read_text() == "1\n# be_id be_name srv_id\n"
    assert applied.world.writes == []


def test_a_new_application_is_drained_restarted_and_asked(applied: Web, predecessors: dict[str, str]) -> None:
    drained = drains(applied.system, "restart app")
    applied.release(SECOND, app={"wsgi.py": b"v2"}, setup="flask migrate")
    assert applied.apply() == [
        "/bin/sh -c flask migrate",
        "systemctl enable app",
        "systemctl reset-failed app",
        "systemctl restart app",
        HEALTH,
    ]
    assert drained == ["restart app, out of rotation"]
    assert not applied.system.path("/run/distributed-web/drain").exists()
    assert applied.system.path("/var/lib/distributed-web/current/app/wsgi.py").read_bytes() == b"v2"


def test_a_nginx_that_must_restart_is_drained_and_one_that_reloads_is_not(applied: Web, predecessors: dict[str, str]) -> None:
    drained = drains(applied.system, "restart nginx", "reload nginx")
    applied.release(SECOND, {"/etc/nginx/nginx.conf": "nginx 2"})
    applied.apply()
    assert (drained, applied.system.clock) == (["reload nginx, in rotation"], 1000)
    drained.clear()
    applied.release(THIRD, {"/etc/nginx/nginx.conf": "nginx 2", "/etc/systemd/system/nginx.service.d/restart.conf": "1"})
    applied.apply()
    assert drained == ["restart nginx, out of rotation"]
    assert not applied.system.path("/run/distributed-web/drain").exists()


def test_what_a_server_does_before_it_stops_is_changed_without_taking_it_out(applied: Web, predecessors: dict[str, str]) -> None:
    applied.release(SECOND, {"/etc/systemd/system/rotation.service": "rotation 2"})
    assert applied.apply() == [CHECKS["rotation"], "systemctl daemon-reload", HEALTH]


def test_a_renewed_certificate_is_taken_up_without_a_restart(applied: Web, predecessors: dict[str, str]) -> None:
    applied.bucket.secret("key", "KEY 2")
    applied.release(SECOND)
    assert applied.apply() == [
        CHECKS["mysql"],
        CHECKS["haproxy"],
        CHECKS["nginx"],
        "mysql --user=root --execute=ALTER INSTANCE RELOAD TLS",
        *RELOAD,
        "systemctl reload nginx",
        HEALTH,
    ]
    assert applied.system.path("/etc/distributed-web/tls/server.pem").read_text() == "CRT\nKEY 2\n"


@pytest.mark.parametrize(
    ("changed", "units"),
    [
        ({"files": {"/etc/distributed-web/failover.json": "members 2"}}, ["failover"]),
        ({"agent": b"agent 2"}, ["failover", "agent"]),
    ],
)
def test_the_failover_unit_is_restarted_only_by_what_it_runs_with(
    applied: Web, predecessors: dict[str, str], changed: dict, units: list[str]
) -> None:
    applied.release(SECOND, changed.pop("files", None), **changed)
    restarted = [command for command in applied.apply() if command.startswith("systemctl restart")]
    assert restarted == [f"systemctl restart {unit}" for unit in units]


@pytest.mark.parametrize(
    ("unit", "path"),
    [("mysql", "/etc/mysql/mysql.conf.d/zz.cnf"), ("failover", "/etc/systemd/system/failover.service")],
)
def test_a_primary_whose_mysql_or_failover_unit_must_restart_hands_over_first(
    applied: Web, predecessors: dict[str, str], monkeypatch: pytest.MonkeyPatch, unit: str, path: str
) -> None:
    monkeypatch.setattr("agent.operator.lease", lambda: {"holds": True})
    monkeypatch.setattr("agent.operator.switchover", lambda system, to: system.commands.append(f"switchover {to}") or "done")
    applied.release(SECOND, {path: f"{path} 2"})
    commands = [command for command in applied.apply() if "switchover" in command or "restart" in command]
    assert commands == ["switchover None", f"systemctl restart {unit}"]
    assert "failover: done" in applied.system.lines


def test_setup_runs_once_per_release(web: Web) -> None:
    web.release(FIRST, setup="flask migrate")
    assert "/bin/sh -c flask migrate" in web.apply()
    assert "/bin/sh -c flask migrate" not in web.apply()


def test_a_run_cut_off_between_writing_and_reloading_is_made_good_by_the_next(applied: Web) -> None:
    state = State.load(applied.system)
    state.running["haproxy"]["loaded"] = "what ran before"
    state.save(applied.system)
    assert applied.apply() == [*RELOAD, HEALTH]


def test_a_service_somebody_stopped_is_started(applied: Web) -> None:
    applied.system.active.discard("nginx")
    assert applied.apply() == ["systemctl reset-failed nginx", "systemctl restart nginx", HEALTH]


def test_a_file_somebody_changed_is_put_right(applied: Web) -> None:
    applied.system.path(HAPROXY).write_text("by hand")
    assert applied.apply()[0] == CHECKS["haproxy"]
    assert applied.running()[HAPROXY] == "haproxy 1"


def test_a_file_that_a_release_no_longer_has_is_removed(applied: Web, predecessors: dict[str, str]) -> None:
    extra = "/etc/nginx/conf.d/extra.conf"
    applied.release(SECOND, {extra: "extra"})
    applied.apply()
    assert applied.system.path(extra).exists()
    applied.release(FIRST)
    assert applied.apply() == [CHECKS["nginx"], "systemctl reload nginx", HEALTH]
    assert not applied.system.path(extra).exists()


def test_a_running_system_waits_for_the_predecessors(system: FakeSystem, world: World, predecessors: dict[str, str]) -> None:
    web = second(system, world)
    web.release(FIRST)
    web.apply()  # the first boot waits for nobody
    web.release(SECOND, {HAPROXY: "haproxy 2"})
    with pytest.raises(Failed, match=f"predecessor web-a with release {SECOND}: not within 300 s"):
        web.apply()
    assert web.system.commands == []
    predecessors["web-a"] = SECOND
    assert web.apply() == [CHECKS["haproxy"], *RELOAD, HEALTH]
    assert web.bucket.items.get("rollout") is None


def test_the_other_web_server_waits_for_its_role_and_for_the_set_up_and_writes_nothing(system: FakeSystem, world: World) -> None:
    web = second(system, world)
    world.servers["web-a"].setups = {FIRST}
    web.release(FIRST, setup="flask migrate")
    assert "/bin/sh -c flask migrate" not in web.apply()
    assert [line for line in web.system.lines if not line.endswith(("write", "start"))] == [
        f"release {FIRST}: unpack",
        f"release {FIRST}: applied",
    ]
    assert world.writes == []
    assert web.apply() == [HEALTH]
    assert world.writes == []


def test_the_balancer_has_neither_database_nor_application(system: FakeSystem, world: World) -> None:
    bucket = Bucket("lb")
    for secret in ("crt", "key"):
        bucket.secret(secret, secret.upper())
    files = {path: FILES[path] for path in (HAPROXY, "/etc/systemd/system/agent.service")}
    tls = {path: name for path, name in SECRETS.items() if path.startswith("/etc/distributed-web/tls")}
    bucket.release(FIRST, files, secrets=tls)
    manifest, text = fetch(identity("lb"), bucket.store, FIRST)
    apply(system, bucket.store, manifest, text, world.query)
    assert system.commands == [
        CHECKS["agent"],
        CHECKS["haproxy"],
        "systemctl daemon-reload",
        "systemctl enable agent",
        "systemctl reset-failed agent",
        "systemctl restart agent",
        "systemctl reset-failed haproxy",
        "systemctl restart haproxy",
    ]
    assert world.writes == []


def test_old_releases_are_deleted_but_three(applied: Web, predecessors: dict[str, str]) -> None:
    for digit in "23456":
        applied.release(digit * 16)
        applied.apply()
    kept = {path.name for path in applied.system.path("/var/lib/distributed-web/releases").iterdir()}
    assert kept == {"4" * 16, "5" * 16, "6" * 16}
