"""The other members, asked over mutual TLS: what they last said of themselves, and messages to them. Decides nothing."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ..lease.view import Local, Peer
from ..system import Failed, System
from . import tls
from .config import MEMBERS_PORT, Config
from .mysqld import boottime

WORDS = 200  # characters of what nobody understands


@dataclass(frozen=True, kw_only=True)
class Status:
    """What a member says of itself, agent to agent."""

    name: str
    boot_nonce: str
    ttl_s: int
    local: Local
    source: str | None  # name of the member it follows
    receiving: bool
    received: str  # executed or waiting to be applied
    leads: bool  # it holds the lease and its MySQL is open
    lag_s: float | None = None

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Status:
        """Raises TypeError when something lacks. What a member of a newer release says besides is left out."""
        return cls(**_known(cls, raw) | {"local": Local(**_known(Local, raw["local"]))})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def peer(self) -> Peer:
        return Peer(name=self.name, boot_nonce=self.boot_nonce, ttl_s=self.ttl_s, local=self.local)


@dataclass(frozen=True, kw_only=True)
class Said:
    asked: float  # CLOCK_BOOTTIME before asking
    status: Status


class Peers:
    """`timeout_s` bounds each step of an exchange."""

    def __init__(self, system: System, config: Config, timeout_s: float) -> None:
        self._system, self._config, self._timeout_s = system, config, timeout_s
        self.said: dict[str, Said] = {}
        self._pauses = {name: threading.Event() for name in config.others}

    def follow(self, name: str, period_s: Callable[[], float]) -> None:
        """For ever, in a thread of its own: ask one member how it is, on one connection while that lasts."""
        connection: http.client.HTTPSConnection | None = None
        pause = self._pauses[name]
        while True:
            asked = boottime()
            try:
                connection = connection or self._connection(name)
                raw = _exchange(connection, name, "GET", "/status", None)
                self.said[name] = Said(asked=asked, status=Status.from_json(raw))
            except (Failed, TypeError, KeyError):
                if connection:
                    connection.close()
                connection = None
            pause.wait(period_s())
            pause.clear()

    def hurry(self) -> None:
        """Whoever is followed is asked now, and from now on as often as the period says by now."""
        for pause in self._pauses.values():
            pause.set()

    def fresh(self, now: float, age_s: float) -> dict[str, Status]:
        """Those that answered a question not older than that."""
        return {name: said.status for name, said in list(self.said.items()) if now - said.asked <= age_s}

    def status(self, name: str) -> Status:
        """Asked now. Raises Failed."""
        return Status.from_json(self.get(name, "/status"))

    def get(self, name: str, path: str) -> dict[str, Any]:
        return self._once(name, "GET", path, None, self._timeout_s)

    def post(self, name: str, path: str, body: Mapping[str, Any], timeout_s: float | None = None) -> dict[str, Any]:
        """One message and its answer. Raises Failed when the member does not answer or refuses; with its own words then."""
        return self._once(name, "POST", path, body, timeout_s or self._timeout_s)

    def tell_all(self, path: str, body: Mapping[str, Any], wait_s: float) -> None:
        """The same message to every other member at once, best effort; returns after `wait_s` at the latest."""

        def tell(name: str) -> None:
            try:
                self.post(name, path, body)
            except Failed as failed:
                self._system.log(f"peers: {failed}")

        threads = [threading.Thread(target=tell, args=(name,), daemon=True) for name in self._config.others]
        for thread in threads:
            thread.start()
        end = boottime() + wait_s
        for thread in threads:
            thread.join(max(0.0, end - boottime()))

    def _once(self, name: str, method: str, path: str, body: Mapping[str, Any] | None, timeout_s: float) -> dict[str, Any]:
        connection = self._connection(name, timeout_s)
        try:
            return _exchange(connection, name, method, path, body)
        finally:
            connection.close()

    def _connection(self, name: str, timeout_s: float | None = None) -> http.client.HTTPSConnection:
        try:
            connection = http.client.HTTPSConnection(
                self._config.hostname(name),
                MEMBERS_PORT,
                timeout=timeout_s or self._timeout_s,
                context=tls.client_context(self._system),
            )
            connection.connect()
        except OSError as error:
            raise Failed(f"{name}:{MEMBERS_PORT}: {error}") from None
        return connection


def _known(kind: type, raw: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in raw.items() if name in names}


def _exchange(
    connection: http.client.HTTPSConnection, name: str, method: str, path: str, body: Mapping[str, Any] | None
) -> dict[str, Any]:
    try:
        content = json.dumps(body).encode() if body is not None else None
        connection.request(method, path, body=content, headers={"Content-Type": "application/json"})
        answer = connection.getresponse()
        raw = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Failed(f"{name}:{MEMBERS_PORT}{path}: {error!r}") from None
    if not isinstance(raw, dict):
        raise Failed(f"{name}:{MEMBERS_PORT}{path}: {answer.status} with {raw!r:.{WORDS}}, not an object")
    if answer.status != 200:
        raise Failed(f"{name}: {raw.get('error', answer.status)}")
    return raw
