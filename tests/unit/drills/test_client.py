"""The measuring client as a browser: what it asks again, and what it then records."""

from __future__ import annotations

import asyncio
import io
import json

import pytest

from drills import client
from drills.client import Visitors
from drills.http import Answer, Unanswered
from drills.records import READ, WRITE
from drills.schedule import Planned


class Line:
    """A connection through `balancer`. Idle ones may be closed by the other side; that shows when they are used."""

    usable = True

    def __init__(self, balancer: str, *, closed: bool = False) -> None:
        self.balancer, self.closed = balancer, closed

    async def ask(self, request: bytes) -> Answer:
        if self.closed:
            raise Unanswered("closed")
        return Answer(status=200 if request.startswith(b"GET") else 201, headers={"x-served-by": "web-a"})

    def close(self) -> None:
        pass


class Door:
    host = "localhost"

    def context(self) -> None:
        return None


def visited(monkeypatch: pytest.MonkeyPatch, kind: str, opened: Line | OSError) -> dict[str, object]:
    """What is recorded of a request on an idle connection to lb that turns out to be closed; a new one is `opened`."""

    async def open(door, context) -> Line:
        if isinstance(opened, OSError):
            raise opened
        return opened

    monkeypatch.setattr(client.Connection, "open", open)
    out = io.StringIO()
    visitors = Visitors(Door(), "key-", out)

    async def visit() -> None:
        visitors.keep(Line("lb", closed=True), Answer(status=200, headers={}))
        await visitors.visit(Planned(at=0, kind=kind, fresh=False), client.time.monotonic())

    asyncio.run(visit())
    names = client.Request.__dataclass_fields__
    record = dict(zip(names, json.loads(out.getvalue()), strict=True))
    return {name: record[name] for name in ("status", "error", "fresh", "balancer")}


def test_a_read_on_a_connection_that_was_closed_is_asked_again_on_a_new_one(monkeypatch):
    assert visited(monkeypatch, READ, Line("web-a")) == {"status": 200, "error": "", "fresh": True, "balancer": "web-a"}


def test_a_read_whose_second_connection_is_refused_counts_among_the_new_connections_and_leads_nowhere(monkeypatch):
    refused = {"status": 0, "error": "OSError: refused", "fresh": True, "balancer": ""}
    assert visited(monkeypatch, READ, OSError("refused")) == refused


def test_a_write_is_not_asked_again(monkeypatch):
    lost = {"status": 0, "error": "Unanswered: closed", "fresh": False, "balancer": "lb"}
    assert visited(monkeypatch, WRITE, Line("web-a")) == lost
