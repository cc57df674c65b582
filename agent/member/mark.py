"""The mark of a mysqld that may be writable: whoever outlives the failover unit kills mysqld while it exists."""

from __future__ import annotations

from pathlib import Path

from ..system import System

MARK = "/run/distributed-web/writable"


def mark(system: System) -> None:
    path = _mark(system)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def unmark(system: System) -> None:
    _mark(system).unlink(missing_ok=True)


def is_marked(system: System) -> bool:
    return _mark(system).exists()


def _mark(system: System) -> Path:
    return system.path(MARK)
