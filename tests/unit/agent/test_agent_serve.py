"""What the agent answers for its server, whatever state MySQL is in, and when it opens the database."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from agent import roles, rotation
from agent.endpoints import Server
from agent.health import Health
from agent.manifest import Database
from agent.mysql import Login, Mysql
from agent.observer import Observer
from agent.roles import Answer, Look
from agent.serve import DatabaseRole
from agent.state import State, folder, point_to
from agent.system import Failed, System
from tests.unit.agent.fakes import FakeSystem
from tests.unit.agent.mysql_world import World
from tests.unit.agent.test_agent_manifest import RAW

RELEASE = RAW["release"]
DATABASE = Database(primary="web-a", name="app", replication="async")
WRITABLE = Look(at=0, read_only=False)
CLOSED = Look(at=0, read_only=True, cluster_id="cluster-1")
FOLLOWING = Look(at=0, read_only=True, source="10.20.1.10", receiving=True, applying=True, lag_s=0)


def but(look: Look, **changes: Any) -> Look:
    return Look(**look.__dict__ | changes)


@pytest.mark.parametrize(
    ("server", "look", "expected"),
    [
        ("web-a", WRITABLE, (True, False, "primary")),
        ("web-a", CLOSED, (False, False, "none")),
        ("web-a", but(WRITABLE, error="hangs"), (False, False, "none")),
        ("web-b", WRITABLE, (False, False, "none")),  # being cloned
        ("web-b", FOLLOWING, (False, True, "replica")),
        ("web-b", but(FOLLOWING, lag_s=10), (False, True, "replica")),
        ("web-b", but(FOLLOWING, lag_s=11), (False, False, "replica")),
        ("web-b", but(FOLLOWING, lag_s=None), (False, False, "replica")),
        ("web-b", but(FOLLOWING, receiving=False), (False, False, "replica")),
        ("web-b", but(FOLLOWING, applying=False), (False, False, "replica")),
        ("web-b", but(FOLLOWING, error="hangs"), (False, False, "replica")),
        ("web-b", but(FOLLOWING, read_only=False), (False, False, "replica")),
    ],
)
def test_which_role_a_server_answers_for(server: str, look: Look, expected: tuple[bool, bool, str]) -> None:
    primary = roles.primary(look, server=server, database=DATABASE)
    replica = roles.replica(look, server=server, database=DATABASE)
    assert (primary.ok, replica.ok, primary.body["role"]) == expected


@pytest.mark.parametrize(
    ("server", "look", "cluster_id", "expected"),
    [
        ("web-a", CLOSED, "cluster-1", True),
        ("web-b", CLOSED, "cluster-1", False),
        ("web-a", but(CLOSED, error="hangs"), "cluster-1", False),
        ("web-a", but(CLOSED, read_only=False), "cluster-1", False),
        ("web-a", but(CLOSED, source="10.20.2.10"), "cluster-1", False),
        ("web-a", but(CLOSED, cluster_id=None), None, False),  # an empty volume
        ("web-a", CLOSED, "cluster-2", False),  # a foreign volume
        ("web-a", CLOSED, None, False),  # no release has made or found a database here yet
    ],
)
def test_when_the_database_may_be_opened(server: str, look: Look, cluster_id: str | None, expected: bool) -> None:
    assert roles.may_open(look, server=server, database=DATABASE, cluster_id=cluster_id) is expected


def release(system: FakeSystem, server: str, **changes: Any) -> None:
    """As an apply leaves the server."""
    path = system.path(folder(RELEASE))
    path.mkdir(parents=True)
    (path / "manifest.json").write_text(json.dumps(RAW | {"server": server} | changes))
    point_to(system, RELEASE)
    running = {unit: {} for unit in ("agent", "haproxy", "nginx", "mysql", "app")}
    State(release=RELEASE, cluster_id="cluster-1", running=running).save(system)
    system.active = set(running)


def role(system: FakeSystem, world: World) -> DatabaseRole:
    """With an observer that looks whenever it is asked."""
    mysql = Mysql(Login(), world.query)
    observer = Observer(system, mysql)
    observer.look = observer.observe
    world.writes.clear()
    return DatabaseRole(system, mysql, observer)


def test_the_primary_is_opened_again_after_a_reboot(system: FakeSystem, world: World) -> None:
    release(system, "web-a")
    server = world.created()
    server.read_only = server.super_read_only = 1
    database = role(system, world)
    assert not database.primary().ok
    database.keep()
    database.keep()
    assert world.writes == ["SET GLOBAL super_read_only = OFF", "SET GLOBAL read_only = OFF"]
    assert database.primary() == Answer(ok=True, body={"server": "web-a", "role": "primary", "read_only": False, "error": None})


@pytest.mark.parametrize("name", ["web-a", "web-b"])
def test_a_server_with_other_data_or_another_role_is_not_opened(system: FakeSystem, world: World, name: str) -> None:
    release(system, name)
    world.created(name).cluster_id = "cluster-2" if name == "web-a" else "cluster-1"
    world.servers[name].read_only = world.servers[name].super_read_only = 1
    world.here = name
    role(system, world).keep()
    assert world.writes == []


def test_semi_synchronous_begins_with_the_first_replica(system: FakeSystem, world: World) -> None:
    release(system, "web-a", database=RAW["database"] | {"replication": "semi-sync"})
    world.created()
    database = role(system, world)
    database.keep()
    assert world.writes == []
    world.local.semisync_clients = 1
    database.keep()
    database.keep()
    assert world.writes == ["SET GLOBAL rpl_semi_sync_source_enabled = ON"]


def test_nobody_is_to_read_from_a_server_that_leaves(system: FakeSystem, world: World) -> None:
    release(system, "web-b")
    database = role(system, world)
    database._observer.look = lambda: FOLLOWING
    assert database.replica().ok
    rotation.leave(system, 15)
    assert not database.replica().ok
    rotation.join(system)
    assert database.replica().ok


def test_a_server_without_a_release_or_a_database_is_neither(system: FakeSystem, world: World) -> None:
    assert "no release has been applied yet" in role(system, world).primary().body["error"]
    release(system, "lb", app=None, database=None)
    assert role(system, world).replica() == Answer(ok=False, body={"server": "lb", "error": "this server has no database"})


def test_a_hanging_mysql_is_answered_for_within_half_a_second() -> None:
    hanging = threading.Event()

    def query(*_: Any) -> list:
        hanging.wait(10)
        raise Failed("never")

    observer = Observer(System(), Mysql(Login(), query))
    threading.Thread(target=observer.run, daemon=True).start()
    began = time.monotonic()
    look = observer.look()
    hanging.set()
    assert "MySQL has not answered for" in look.error
    assert time.monotonic() - began < 1.0


def test_an_old_look_is_no_answer_and_a_fresh_one_is(system: FakeSystem, world: World) -> None:
    world.created()
    observer = Observer(system, Mysql(Login(), world.query))
    observer.observe()
    system.sleep(0.2)
    assert observer.look().error is None
    system.sleep(0.2)
    assert observer.look().error == "MySQL has not answered for 0.9 s"


def test_a_server_that_is_well_says_so_with_its_release(system: FakeSystem) -> None:
    release(system, "web-a")
    assert Health(system, lambda: WRITABLE).answer() == Answer(
        ok=True,
        body={
            "server": "web-a",
            "release": RELEASE,
            "ok": True,
            "checks": {
                "release": True,
                "agent": True,
                "app": True,
                "haproxy": True,
                "mysql": True,
                "nginx": True,
                "application": True,
                "database": True,
            },
        },
    )


def test_what_is_not_well_is_named(system: FakeSystem) -> None:
    release(system, "web-b")
    system.active.discard("nginx")
    system.answers["/run/app/app.sock"] = "HTTP/1.1 503 no\r\n\r\nno primary"
    answer = Health(system, lambda: but(FOLLOWING, error="mysql hangs")).answer()
    assert not answer.ok
    assert {name: found for name, found in answer.body["checks"].items() if found is not True} == {
        "nginx": "inactive",
        "application": "HTTP/1.1 503 no: no primary",
        "database": "mysql hangs",
    }


def test_processes_are_asked_about_once_a_second(system: FakeSystem) -> None:
    release(system, "web-a")
    health = Health(system, lambda: WRITABLE)
    assert health.answer().ok
    system.active.clear()
    system.sleep(0.9)
    assert health.answer().ok
    system.sleep(0.2)
    assert not health.answer().ok


@pytest.fixture
def server() -> Iterator[Server]:
    routes = {"/primary": lambda: Answer(ok=True, body={"role": "primary"}), "/replica": lambda: Answer(ok=False, body={})}
    server = Server(("127.0.0.1", 0), routes)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_answers_are_http_codes_with_a_json_body_on_one_connection(server: Server) -> None:
    connection = HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
    answers = []
    for path in ("/primary", "/replica", "/etc"):
        connection.request("GET", path)
        response = connection.getresponse()
        answers.append((response.status, json.load(response)))
    connection.close()
    assert answers == [(200, {"role": "primary"}), (503, {}), (404, {"error": "not one of /primary, /replica"})]
