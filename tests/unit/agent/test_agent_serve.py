"""What the agent answers for its server's health, and how it speaks HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection
from typing import Any

import pytest

from agent import roles
from agent.endpoints import Answer, Message, Server
from agent.health import Health
from agent.lease.state import Watch
from agent.lease.view import Local
from agent.member.look import Look
from agent.state import State, folder, point_to
from agent.system import Failed
from tests.unit.agent.fakes import FakeSystem
from tests.unit.agent.member.scene import RECORD
from tests.unit.agent.test_agent_manifest import RAW

RELEASE = RAW["release"]
WRITABLE = Look(at=0, local=Local(alive=True), read_only=False)
CLOSED = Look(at=0, local=Local(alive=True))
FOLLOWING = Look(at=0, local=Local(alive=True), source="10.20.1.10", receiving=True, applying=True, lag_s=0)
PRIMARY = {"role": "primary", "alarm": None, "error": None}


def but(look: Look, **changes: Any) -> Look:
    return Look(**look.__dict__ | changes)


@pytest.mark.parametrize(
    ("look", "leads", "expected"),
    [
        (WRITABLE, True, (True, False, "primary")),
        (WRITABLE, False, (False, False, "none")),  # the lease ran out
        (CLOSED, True, (False, False, "none")),  # not opened yet
        (but(WRITABLE, error="hangs"), True, (False, False, "none")),
        (FOLLOWING, False, (False, True, "replica")),
        (but(FOLLOWING, lag_s=10), False, (False, True, "replica")),
        (but(FOLLOWING, lag_s=11), False, (False, False, "replica")),
        (but(FOLLOWING, lag_s=None), False, (False, False, "replica")),
        (but(FOLLOWING, receiving=False), False, (False, False, "replica")),
        (but(FOLLOWING, applying=False), False, (False, False, "replica")),
        (but(FOLLOWING, error="hangs"), False, (False, False, "replica")),
        (but(FOLLOWING, read_only=False), False, (False, False, "replica")),
    ],
)
def test_which_role_a_server_answers_for(look: Look, leads: bool, expected: tuple[bool, bool, str]) -> None:
    primary = roles.primary(look, server="web-b", leads=leads, hands_over=False)
    replica = roles.replica(look, server="web-b", leads=leads, read_lag_s=10)
    assert (primary.ok, replica.ok, primary.body["role"]) == expected
    assert primary.body == replica.body


@pytest.mark.parametrize(
    ("holder", "heard", "renewed", "unheard"),
    [
        ("web-a", 96.9, 99.0, "web-a"),
        ("web-a", 97.1, 99.0, None),  # what a holder that has just died renewed before
        ("web-a", 90.0, 96.9, None),  # renewed in silence, and then no more
        ("web-b", 90.0, 99.0, None),  # its own former lease
        ("web-c", None, 99.0, None),  # of whom this server has not been told
    ],
)
def test_who_does_not_hear_a_holder_that_goes_on_renewing_is_cut_off(
    holder: str, heard: float | None, renewed: float, unheard: str | None
) -> None:
    watch = Watch(record=replace(RECORD, holder=holder), since=renewed, asked=100)
    answer = roles.cut_off(watch, {"web-a": heard, "web-b": heard} if heard else {}, server="web-b", now=100)
    assert answer == Answer(ok=unheard is not None, body={"server": "web-b", "unheard": unheard})


@pytest.mark.parametrize("watch", [None, Watch(record=None, since=0, asked=100)])
def test_nobody_is_cut_off_from_a_lease_that_nobody_else_is_known_to_hold(watch: Watch | None) -> None:
    assert not roles.cut_off(watch, {}, server="web-b", now=100).ok


def test_a_role_comes_with_what_it_was_decided_from() -> None:
    assert roles.replica(FOLLOWING, server="web-b", leads=False, read_lag_s=10).body == {
        "server": "web-b",
        "role": "replica",
        "read_only": True,
        "source": "10.20.1.10",
        "receiving": True,
        "applying": True,
        "lag_s": 0,
        "error": None,
    }


def release(system: FakeSystem, server: str, **changes: Any) -> None:
    """As an apply leaves the server."""
    path = system.path(folder(RELEASE))
    path.mkdir(parents=True)
    (path / "manifest.json").write_text(json.dumps(RAW | {"server": server} | changes))
    point_to(system, RELEASE)
    running = {unit: {} for unit in ("agent", "failover", "haproxy", "nginx", "mysql", "app")}
    State(release=RELEASE, running=running).save(system)
    system.active = set(running)


def test_a_server_that_is_well_says_so_with_its_release(system: FakeSystem) -> None:
    release(system, "web-a")
    assert Health(system, lambda: PRIMARY).answer() == Answer(
        ok=True,
        body={
            "server": "web-a",
            "release": RELEASE,
            "ok": True,
            "checks": {
                "release": True,
                "agent": True,
                "app": True,
                "failover": True,
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
    answer = Health(system, lambda: {"role": "none", "alarm": None, "error": "mysql hangs"}).answer()
    assert not answer.ok
    assert {name: found for name, found in answer.body["checks"].items() if found is not True} == {
        "nginx": "inactive",
        "application": "HTTP/1.1 503 no: no primary",
        "database": "mysql hangs",
    }


def test_processes_are_asked_about_once_a_second(system: FakeSystem) -> None:
    release(system, "web-a")
    health = Health(system, lambda: PRIMARY)
    assert health.answer().ok
    system.active.clear()
    system.sleep(0.9)
    assert health.answer().ok
    system.sleep(0.2)
    assert not health.answer().ok


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (PRIMARY, True),
        (PRIMARY | {"role": "replica", "alarm": "lags"}, True),
        ({"role": "none", "alarm": "web-b lacks 7 transactions", "error": "hangs"}, "web-b lacks 7 transactions"),
        ({"role": "none", "alarm": None, "error": "hangs"}, "hangs"),
        ({"role": "none", "alarm": None, "error": None}, "no role yet"),
    ],
)
def test_the_databases_part_of_the_health_is_the_failover_units_word(system: FakeSystem, seen: dict, said: bool | str) -> None:
    release(system, "web-a")
    answer = Health(system, lambda: seen).answer()
    assert (answer.body["checks"]["database"], answer.ok) == (said, said is True)


def test_a_failover_unit_that_does_not_answer_is_not_well(system: FakeSystem) -> None:
    def silent() -> dict:
        raise Failed("the failover unit does not answer")

    release(system, "web-a")
    assert Health(system, silent).answer().body["checks"]["database"] == "the failover unit does not answer"


def test_a_server_without_a_database_asks_no_failover_unit(system: FakeSystem) -> None:
    release(system, "lb", app=None, database=None)
    assert "database" not in Health(system, lambda: 1 / 0).answer().body["checks"]


def test_a_server_without_a_release_says_that(system: FakeSystem) -> None:
    answer = Health(system, lambda: PRIMARY).answer()
    assert not answer.ok and "no release has been applied yet" in answer.body["checks"]["release"]


def shout(message: Message) -> Answer:
    return Answer(ok=True, body={"said": message.body["text"].upper(), "by": message.certificate})


@pytest.fixture
def server() -> Iterator[Server]:
    routes = {
        ("GET", "/primary"): lambda _: Answer(ok=True, body={"role": "primary"}),
        ("GET", "/replica"): lambda _: Answer(ok=False, body={}),
        ("POST", "/shout"): shout,
    }
    server = Server(("127.0.0.1", 0), routes)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def exchange(server: Server, *requests: tuple[str, str, str | None]) -> list[tuple[int, dict]]:
    """All on one connection."""
    connection = HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
    answers = []
    for method, path, body in requests:
        connection.request(method, path, body)
        response = connection.getresponse()
        answers.append((response.status, json.load(response)))
    connection.close()
    return answers


def test_answers_are_http_codes_with_a_json_body_on_one_connection(server: Server) -> None:
    known = "GET /primary, GET /replica, POST /shout"
    assert exchange(server, ("GET", "/primary", None), ("GET", "/replica", None), ("GET", "/etc", None)) == [
        (200, {"role": "primary"}),
        (503, {}),
        (404, {"error": f"not one of {known}"}),
    ]


def test_a_message_is_a_json_object_of_the_expected_shape(server: Server) -> None:
    assert exchange(server, ("POST", "/shout", '{"text": "hello"}'), ("POST", "/shout", "{}"), ("POST", "/shout", "{")) == [
        (200, {"said": "HELLO", "by": {}}),
        (400, {"error": "/shout: not of the expected shape: KeyError('text')"}),
        (400, {"error": "a JSON object is expected"}),
    ]


def test_a_path_is_asked_for_with_its_method_only(server: Server) -> None:
    assert [status for status, _ in exchange(server, ("POST", "/primary", "{}"), ("GET", "/shout", None))] == [404, 404]
