"""Members meet on real sockets with real TLS: who is heard, and how the others are asked."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from agent.member.mysqld import boottime
from agent.member.peers import Peers, Status
from agent.system import Failed
from tests.unit.agent.fakes import FakeSystem
from tests.unit.agent.member.certificates import Authority
from tests.unit.agent.member.conftest import CONNECT
from tests.unit.agent.member.partner import Member
from tests.unit.agent.member.scene import DATA, status

POSTS = ("/ask", "/look", "/pause", "/lead", "/accounts", "/switchover", "/goodbye", "/resign", "/promote")


def test_a_member_says_how_it_is(asking, member: Member) -> None:
    assert asking().status("web-b") == Status(
        name="web-b",
        boot_nonce="nonce-b",
        ttl_s=5,
        local=DATA,
        source="web-a",
        receiving=True,
        received="a:1-11",
        leads=False,
    )


def test_a_client_without_a_certificate_is_not_heard(authority: Authority, port: int, tmp_path) -> None:
    (tmp_path / "ca.pem").write_bytes(authority.certificate)
    context = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    with (
        CONNECT(("127.0.0.1", port), 5) as plain,
        pytest.raises(OSError),  # with TLS 1.3 it is told at the first exchange
        context.wrap_socket(plain, server_hostname="web-b.test.internal") as client,
    ):
        client.sendall(b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(1) == b"", "it was answered"
        raise OSError("closed without an answer")


def test_a_client_of_another_authority_is_not_heard(asking, member: Member, stranger: Authority) -> None:
    with pytest.raises(Failed, match="web-b:9202"):
        asking("web-a", signed_by=stranger).post("web-b", "/pause", {})
    assert member.told == []


def test_a_server_of_another_authority_is_not_asked(asking, stranger: Authority) -> None:
    with pytest.raises(Failed, match=r"web-b:9202: .*CERTIFICATE_VERIFY_FAILED"):
        asking(trusts=stranger).status("web-b")


def test_a_server_whose_certificate_has_another_name_is_not_asked(asking, system: FakeSystem, authority: Authority) -> None:
    authority.install(system, "lb.test.internal")
    with pytest.raises(Failed, match=r"web-b:9202: .*Hostname mismatch"):
        asking().status("web-b")


def test_these_are_all_the_messages_there_are(member: Member) -> None:
    assert set(member.answers.peers()) == {("GET", "/status"), *(("POST", path) for path in POSTS)}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/status"), *(("POST", path) for path in POSTS)],
)
def test_only_members_are_heard(asking, member: Member, method: str, path: str) -> None:
    """lb has a certificate of the stack's authority as well."""
    with pytest.raises(Failed, match="web-b: only web-a, web-b are heard here"):
        asking("lb")._once("web-b", method, path, {} if method == "POST" else None, 5)
    assert member.told == []


def test_plain_http_is_not_answered(port: int) -> None:
    with CONNECT(("127.0.0.1", port), 5) as client, suppress(ConnectionResetError):
        client.sendall(b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n")
        assert not client.recv(100).startswith(b"HTTP")


def test_a_client_that_does_not_finish_its_handshake_keeps_nobody_waiting(asking, port: int) -> None:
    with CONNECT(("127.0.0.1", port), 5):
        assert asking().status("web-b").name == "web-b"


# The asking side.


def test_a_member_is_followed_on_one_connection_and_again_after_it_was_lost(
    asking, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    peers, connects, stop = asking(), [], threading.Event()
    original = peers._connection

    def counted(name: str, timeout_s: float | None = None):
        if stop.is_set():
            threading.Event().wait()  # the test is over
        connects.append(original(name, timeout_s))
        return connects[-1]

    monkeypatch.setattr(peers, "_connection", counted)
    threading.Thread(target=peers.follow, args=("web-b", lambda: 0.005), daemon=True).start()
    first = _newer(peers, float("-inf"))
    second = _newer(peers, first)
    assert len(connects) == 1
    connects[0].sock.shutdown(socket.SHUT_RDWR)
    _newer(peers, _newer(peers, second))
    assert len(connects) == 2
    assert peers.fresh(boottime(), 5) == {"web-b": peers.said["web-b"].status}
    stop.set()
    connects[-1].sock.shutdown(socket.SHUT_RDWR)


def test_what_a_member_of_a_newer_release_says_besides_is_left_out_and_what_one_of_an_older_does_not_say_is_unknown() -> None:
    raw = status().to_json()
    del raw["lag_s"]
    raw["local"]["mood"] = raw["weather"] = "fine"
    assert Status.from_json(raw) == status()


def test_a_member_that_is_followed_at_leisure_is_asked_at_once_when_it_is_in_a_hurry(asking, member: Member) -> None:
    peers = asking()
    threading.Thread(target=peers.follow, args=("web-b", lambda: 3600), daemon=True).start()
    first = _newer(peers, float("-inf"))
    peers.hurry()
    assert _newer(peers, first) > first


def _newer(peers: Peers, asked: float) -> float:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if "web-b" in peers.said and peers.said["web-b"].asked > asked:
            return peers.said["web-b"].asked
        time.sleep(0.001)
    raise AssertionError("web-b was not asked again")


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (503, {"error": "only web-a is heard"}, "web-b: only web-a is heard"),
        (503, {}, "web-b: 503"),
        (502, "bad gateway", "web-b:9202/status: 502 with 'bad gateway', not an object"),
        (200, ["a" * 1000], rf"web-b:9202/status: 200 with \['{'a' * 198}, not an object"),
    ],
)
def test_an_answer_that_is_none_is_a_reason_with_what_came(asking, monkeypatch, status: int, body: Any, reason: str) -> None:
    answer = SimpleNamespace(status=status, read=lambda: json.dumps(body).encode())
    connection = SimpleNamespace(request=lambda *_, **__: None, getresponse=lambda: answer, close=lambda: None)
    peers = asking()
    monkeypatch.setattr(peers, "_connection", lambda *_: connection)
    with pytest.raises(Failed, match=f"^{reason}$"):
        peers.status("web-b")


def test_all_others_are_told_at_once_and_nobody_is_waited_for_too_long(asking, member: Member) -> None:
    asking().tell_all("/pause", {"epoch": 3}, 5)
    assert member.told == ["pause"]


def test_telling_somebody_who_hangs_takes_no_longer_than_it_may(asking, monkeypatch: pytest.MonkeyPatch) -> None:
    peers, hanging = asking(), threading.Event()
    monkeypatch.setattr(peers, "post", lambda *_: hanging.wait(10))
    began = time.monotonic()
    peers.tell_all("/pause", {}, 0.02)
    assert time.monotonic() - began < 5
    hanging.set()


def test_telling_somebody_who_does_not_answer_is_best_effort(asking, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    peers = asking()
    monkeypatch.setattr(socket, "create_connection", refused)
    peers.tell_all("/pause", {}, 5)
    assert peers._system.lines == ["peers: web-b:9202: [Errno 111] Connection refused"]
