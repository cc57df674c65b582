"""What is recorded while a drill runs, and its form in files: one JSON array a line. Values only."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
READ, WRITE = "read", "write"
SUCCESS = {READ: 200, WRITE: 201}


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request through the front door. `due` is when the schedule wanted it sent: what waits is measured from there.

    `status` 0: no answer, and `error` says why. `fresh`: it opened its own connection. `web` and `balancer` name the
    servers that answered; when nobody did, `balancer` is the one that this connection was known to lead to, or "".
    """

    kind: str
    key: str  # what it wrote; "" for a read
    due: float
    sent: float
    ended: float
    status: int
    error: str
    fresh: bool
    web: str
    balancer: str

    @property
    def ok(self) -> bool:
        return self.status == SUCCESS[self.kind]

    @property
    def took(self) -> float:
        return self.ended - self.due


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One answer of a node, "" when it gave none. `about` is "mysql" (writable or read-only), "role" (primary, replica or
    none), "lease" (who holds it, as this node sees it, and its epoch) or "target" (whether the front door takes it for healthy).
    `lag` in seconds, None: not known."""

    at: float
    server: str
    about: str
    answer: str
    lag: float | None = None
    epoch: int | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """`kind`: fault, detection, end (of the fault) or recovered."""

    at: float
    kind: str
    text: str


def line(record: Request | Sample) -> str:
    return json.dumps(astuple(record)) + "\n"


def load(path: Path, kind: type[T]) -> list[T]:
    """Every whole line; the last one of a process that was killed may be half."""
    names = kind.__dataclass_fields__
    return [kind(**dict(zip(names, values, strict=True))) for values in whole_lines(path.read_text().splitlines())]


def whole_lines(lines: Iterable[str]) -> Iterable[list]:
    for text in lines:
        try:
            yield json.loads(text)
        except ValueError:
            return
