"""/var/lib/distributed-web: what has been applied here, and the folders of the releases. No decision is taken here.

state.json                  the release applied whole, its files, and what each service runs with
releases/<release>/         manifest.json, agent.pyz, app -> ../../applications/<SHA-256 of its archive>
applications/<SHA-256>/     kept while a release has it: an application that no release changed runs on where it started
current -> releases/<release>
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .files import write_atomically
from .system import Failed, System

HOME = "/var/lib/distributed-web"
CURRENT = f"{HOME}/current"
STATE = f"{HOME}/state.json"
KEPT = 3  # releases on the disk, the current one among them


@dataclass
class State:
    release: str | None = None  # the last one applied whole; None before the first
    files: list[str] = field(default_factory=list)  # paths that releases put here
    running: dict[str, dict[str, str]] = field(default_factory=dict)  # unit: digests of what it runs with

    @classmethod
    def load(cls, system: System) -> State:
        try:
            return cls(**json.loads(system.path(STATE).read_text()))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, TypeError) as error:
            raise Failed(f"{STATE}: cannot be read: {error!r}; remove it and every file and service is checked anew") from None

    def save(self, system: System) -> None:
        path = system.path(STATE)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(asdict(self), indent=1).encode(), 0o600)


def folder(release: str) -> str:
    return f"{HOME}/releases/{release}"


def current(system: System) -> str | None:
    """The release that `current` points to."""
    link = system.path(CURRENT)
    return link.readlink().name if link.is_symlink() else None


def point_to(system: System, release: str) -> None:
    """Switch `current` in one step: nobody ever sees it missing."""
    link = system.path(CURRENT)
    fresh = link.with_name("current.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(Path("releases") / release)
    os.replace(fresh, link)


def application(sha256: str) -> str:
    return f"{HOME}/applications/{sha256}"


def prune(system: System, keep: Iterable[str]) -> None:
    """Delete the oldest release folders beyond KEPT, never one of `keep`, then the applications that no release has."""
    kept = set(keep)
    releases = system.path(f"{HOME}/releases")
    folders = sorted(releases.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in [path for path in folders if path.name not in kept][max(0, KEPT - len(kept)) :]:
        shutil.rmtree(path)
    used = {link.readlink().name for link in releases.glob("*/app")}
    for path in system.path(f"{HOME}/applications").glob("*"):
        if path.name not in used:
            shutil.rmtree(path)
