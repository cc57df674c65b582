"""A release as the program describes it to one server: typed, checked whole before anything is done. No input or output."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .system import Failed

AGENT = "agent"  # names of the archives
APP = "app"


@dataclass(frozen=True, kw_only=True)
class File:
    path: str
    key: str  # in the release bucket
    sha256: str
    mode: int
    owner: str  # "user:group"


@dataclass(frozen=True, kw_only=True)
class Archive:
    key: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Secret:
    parameter: str  # SSM name
    path: str
    mode: int
    owner: str


@dataclass(frozen=True, kw_only=True)
class App:
    health: str  # path answering 200
    setup: str = ""  # shell command, once per release; "" for none
    packages: tuple[str, ...] = ()  # of the distribution


@dataclass(frozen=True, kw_only=True)
class Database:
    primary: str  # name of the server
    name: str
    replication: Literal["async", "semi-sync"]
    adopted: bool  # the volumes hold a database of before this stack


@dataclass(frozen=True, kw_only=True)
class Manifest:
    release: str
    server: str
    order: tuple[str, ...]  # in which the servers take a release
    peers: Mapping[str, str]  # every server's private address by its name
    files: tuple[File, ...]
    archives: Mapping[str, Archive]
    secrets: tuple[Secret, ...]
    app: App | None
    database: Database | None

    @property
    def predecessors(self) -> tuple[str, ...]:
        return self.order[: self.order.index(self.server)]

    @classmethod
    def parse(cls, text: str) -> Manifest:
        """Raises Failed naming the field, its value and what is allowed."""
        try:
            return _manifest(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Failed(f"manifest: not of the expected shape: {error!r}") from None


def _manifest(raw: dict[str, Any]) -> Manifest:
    server, peers, order = raw["server"], dict(raw["peers"]), tuple(raw["order"])
    if server not in order or not set(order) <= set(peers):
        raise Failed(f"manifest: order {order}: holds {server} and only servers among peers {sorted(peers)}")
    app, database, archives = raw.get("app"), raw.get("database"), raw["archives"]
    return Manifest(
        release=_matching("release", raw["release"], r"[0-9a-f]{16}"),
        server=server,
        order=order,
        peers=peers,
        files=tuple(_file(item) for item in raw["files"]),
        archives={name: _archive(name, item) for name, item in archives.items() if item},
        secrets=tuple(_secret(item) for item in raw["secrets"]),
        app=_app(app) if app and archives.get(APP) else None,
        database=_database(database, peers) if database else None,
    )


def _file(raw: dict[str, Any]) -> File:
    return File(
        path=_path(raw["path"]), key=raw["key"], sha256=_sha256(raw["path"], raw["sha256"]), mode=_mode(raw), owner=_owner(raw)
    )


def _secret(raw: dict[str, Any]) -> Secret:
    return Secret(parameter=raw["parameter"], path=_path(raw["path"]), mode=_mode(raw), owner=_owner(raw))


def _archive(name: str, raw: dict[str, Any]) -> Archive:
    return Archive(key=raw["key"], sha256=_sha256(f"archive {name}", raw["sha256"]))


def _app(raw: dict[str, Any]) -> App:
    return App(
        health=_matching("app.health", raw["health"], r"/[!-~]*"),
        setup=raw.get("setup") or "",
        packages=tuple(raw.get("packages") or ()),
    )


def _database(raw: dict[str, Any], peers: Mapping[str, str]) -> Database:
    if raw["primary"] not in peers:
        raise Failed(f"manifest: database.primary {raw['primary']!r}: one of {sorted(peers)}")
    return Database(
        primary=raw["primary"],
        name=_matching("database.name", raw["name"], r"[a-z][a-z0-9_]{0,62}"),
        replication=_matching("database.replication", raw["replication"], r"async|semi-sync"),
        adopted=bool(raw.get("adopted")),  # one may go back to a release that does not say
    )


def _path(value: str) -> str:
    # Candidates are checked in a copy of /etc, so nothing outside it could be checked before it is replaced.
    if ".." in value.split("/"):
        raise Failed(f"manifest: path {value!r}: without '..'")
    return _matching("path", value, r"/etc/[!-~]+")


def _sha256(what: str, value: str) -> str:
    return _matching(f"sha256 of {what}", value, r"[0-9a-f]{64}")


def _mode(raw: dict[str, Any]) -> int:
    return int(_matching(f"mode of {raw['path']}", raw["mode"], r"0[0-7]{3}"), 8)


def _owner(raw: dict[str, Any]) -> str:
    return _matching(f"owner of {raw['path']}", raw["owner"], r"[a-z_][a-z0-9_-]*:[a-z_][a-z0-9_-]*")


def _matching(what: str, value: Any, pattern: str) -> Any:
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise Failed(f"manifest: {what} {value!r}: allowed is {pattern}")
    return value
