"""Taking turns: on one server, and among servers."""

from __future__ import annotations

import fcntl
import io
import json
from urllib.error import HTTPError, URLError

import pytest

from agent import rollout
from agent.manifest import Manifest
from agent.store import Store
from agent.system import Failed
from tests.unit.agent.fakes import Bucket, FakeSystem
from tests.unit.agent.test_agent_manifest import RAW

RELEASE = RAW["release"]


@pytest.fixture
def store(bucket: Bucket) -> Store:
    return bucket.store


@pytest.fixture
def manifest() -> Manifest:
    """web-b's: its one predecessor is web-a."""
    return Manifest.parse(json.dumps(RAW))


@pytest.fixture
def health(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What web-a answers: "status" and "body", or "error"."""
    answer: dict[str, object] = {"status": 200, "body": {"release": RELEASE, "ok": True}}

    def urlopen(url: str, timeout: float):
        assert (url, timeout) == ("http://10.20.1.10:9200/health", 3)
        if error := answer.get("error"):
            raise error
        body = io.BytesIO(json.dumps(answer["body"]).encode())
        if answer["status"] != 200:
            raise HTTPError(url, answer["status"], "no", {}, body)
        return body

    monkeypatch.setattr(rollout, "urlopen", urlopen)
    return answer


def test_a_turn_holds_the_lock_and_gives_it_back(system: FakeSystem, store: Store, manifest: Manifest, health: dict) -> None:
    with rollout.turn(system, store, manifest):
        assert store.item("rollout") == {"id": "rollout", "holder": "web-b", "expires_at": system.now() + 3600}
    assert store.item("rollout") is None


def test_a_turn_that_fails_gives_the_lock_back_too(system: FakeSystem, store: Store, manifest: Manifest, health: dict) -> None:
    with pytest.raises(Failed, match="bad"), rollout.turn(system, store, manifest):
        raise Failed("bad")
    assert store.item("rollout") is None


def test_another_servers_turn_is_waited_for_and_named(system: FakeSystem, store: Store, manifest: Manifest, health: dict) -> None:
    store.put("rollout", {"holder": "lb", "expires_at": system.now() + 3600}, "attribute_not_exists(id)")
    with pytest.raises(Failed, match="rollout lock: not within 300 s: held by lb"), rollout.turn(system, store, manifest):
        raise AssertionError("took another's turn")
    assert store.item("rollout")["holder"] == "lb"


@pytest.mark.parametrize(("holder", "expires_in"), [("web-b", 3600), ("lb", -1)])
def test_an_own_or_expired_lock_is_taken_over(
    system: FakeSystem, store: Store, manifest: Manifest, health: dict, holder: str, expires_in: int
) -> None:
    store.put("rollout", {"holder": holder, "expires_at": system.now() + expires_in}, "attribute_not_exists(id)")
    with rollout.turn(system, store, manifest):
        assert store.item("rollout")["holder"] == "web-b"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"body": {"release": "f" * 16, "ok": True}}, "web-a runs release ffffffffffffffff"),
        ({"status": 503, "body": {"release": RELEASE, "ok": False}}, '503 {"release": "0123456789abcdef", "ok": false}'),
        ({"error": URLError("timed out")}, "timed out"),
    ],
)
def test_a_predecessor_that_is_not_ready_is_waited_for_and_named(
    system: FakeSystem, store: Store, manifest: Manifest, health: dict, answer: dict, reason: str
) -> None:
    health.update(answer)
    with pytest.raises(Failed) as failed, rollout.turn(system, store, manifest):
        raise AssertionError("went ahead of a predecessor")
    assert str(failed.value).startswith(f"predecessor web-a with release {RELEASE}: not within 300 s: ")
    assert reason in str(failed.value)


def test_two_applies_on_one_server_do_not_meet(system: FakeSystem) -> None:
    path = system.path("/run/distributed-web/apply.lock")
    path.parent.mkdir(parents=True)
    with path.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with (
            pytest.raises(Failed, match=r"another apply on this server holds /run/distributed-web/apply.lock"),
            rollout.alone(system),
        ):
            raise AssertionError("two at once")
    with rollout.alone(system):
        pass
