"""Files on the server: what a release wants them to be, written whole or not at all, and put back when it fails."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from .system import Failed, System


@dataclass(frozen=True, kw_only=True)
class Target:
    """A file as it is to be; `content` None means that it is to be gone."""

    path: str
    content: bytes | None
    mode: int = 0o644
    owner: str = "root:root"


def digest(path: Path) -> str | None:
    """SHA-256 of a regular file, None when there is none."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None


def is_as(system: System, path: str, sha256: str, mode: int, owner: str) -> bool:
    """Whether the file on the disk already is what a release wants."""
    real = system.path(path)
    return digest(real) == sha256 and real.stat().st_mode & 0o777 == mode and system.owner(real) == owner


def write_atomically(path: Path, content: bytes, mode: int, prepare: Callable[[Path], None] = lambda _: None) -> None:
    """Readers see the old file or the new one, whole, also after a power cut (rename(2), fsync(2)).

    `prepare` is called with the new file before it has its name: a service never meets one it may not read.
    """
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        prepare(fresh)
        fresh.chmod(mode)
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def install(system: System, target: Target) -> None:
    real = system.path(target.path)
    try:
        if target.content is None:
            real.unlink(missing_ok=True)
        else:
            real.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(real, target.content, target.mode, lambda fresh: system.chown(fresh, target.owner))
    except OSError as error:
        raise Failed(f"{target.path}: cannot be written: {error}") from None


class Transaction:
    """Files replaced together, with the previous ones at hand until the caller is content."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._previous: list[Target] = []

    def install(self, targets: Iterable[Target]) -> None:
        for target in targets:
            self._previous.append(self._read(target.path))
            install(self._system, target)

    def restore(self) -> list[Target]:
        """Put every file back and say what they are again."""
        restored = []
        while self._previous:
            install(self._system, self._previous[-1])
            restored.append(self._previous.pop())
        return restored

    def _read(self, path: str) -> Target:
        real = self._system.path(path)
        if not real.exists():
            return Target(path=path, content=None)
        return Target(path=path, content=real.read_bytes(), mode=real.stat().st_mode & 0o777, owner=self._system.owner(real))
