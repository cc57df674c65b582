"""Whether this server is well as a whole: its services run, its database has its role, its application answers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from . import application, operator
from .endpoints import Answer
from .manifest import Manifest
from .state import CURRENT, State
from .system import Failed, System

FRESH_S = 1.0  # what costs a process to find out is found out once a second
COMMAND_S = 5


def installed(system: System) -> Manifest:
    """The manifest of the release that `current` points to."""
    path = f"{CURRENT}/manifest.json"
    try:
        return Manifest.parse(system.path(path).read_text())
    except OSError as error:
        raise Failed(f"{path}: {error}; no release has been applied yet") from None


class Health:
    def __init__(self, system: System, lease: Callable[[], dict[str, Any]] = operator.lease) -> None:
        self._system, self._lease = system, lease
        self._lock = threading.Lock()
        self._at, self._checks = float("-inf"), {}

    def answer(self) -> Answer:
        """`release` is the one applied whole, whatever is being tried at the moment."""
        try:
            manifest, state = installed(self._system), State.load(self._system)
        except Failed as failed:
            return Answer(ok=False, body={"server": None, "release": None, "ok": False, "checks": {"release": str(failed)}})
        checks = {"release": state.release is not None, **self._slow(manifest, state)}
        if manifest.database:
            checks["database"] = self._database()
        ok = all(result is True for result in checks.values())
        return Answer(ok=ok, body={"server": manifest.server, "release": state.release, "ok": ok, "checks": checks})

    def _database(self) -> bool | str:
        try:
            seen = self._lease()
        except Failed as failed:
            return str(failed)
        return seen["role"] in ("primary", "replica") or seen["alarm"] or seen["error"] or "no role yet"

    def _slow(self, manifest: Manifest, state: State) -> dict[str, bool | str]:
        with self._lock:
            if self._system.monotonic() - self._at > FRESH_S:
                self._checks = self._services(state) | self._application(manifest)
                self._at = self._system.monotonic()
            return self._checks

    def _services(self, state: State) -> dict[str, bool | str]:
        units = sorted(state.running)
        try:
            states = self._system.attempt("systemctl", "is-active", *units, timeout_s=COMMAND_S).stdout.split()
        except Failed as failed:
            return {"services": str(failed)}
        return {unit: True if found == "active" else found for unit, found in zip(units, states, strict=False)}

    def _application(self, manifest: Manifest) -> dict[str, bool | str]:
        if not manifest.app:
            return {}
        try:
            return {"application": application.answers(self._system, manifest.app.health, timeout_s=2)}
        except Failed as failed:
            return {"application": str(failed)}
