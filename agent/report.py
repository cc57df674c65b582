"""What became of an apply, for whoever asks why: reports/<server>.json in the release bucket. Never fails an apply."""

from __future__ import annotations

from datetime import UTC, datetime

from .store import Store
from .system import Failed, System

LINES = 40  # of the log


def write(system: System, store: Store, *, server: str, release: str | None, reason: str | None) -> None:
    """`reason` None: it succeeded."""
    report = {
        "release": release,
        "server": server,
        "ok": reason is None,
        "reason": reason,
        "log": system.lines[-LINES:],
        "at": datetime.fromtimestamp(system.now(), UTC).isoformat(),
    }
    try:
        store.report(report)
    except Failed as failed:
        system.log(f"report: not written: {failed}")
