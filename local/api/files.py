"""Files that a killed process never leaves half written, and that a power cut does not take once they are synced."""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Replaces the file, mode 0600, at once for every reader (rename(2)). It is not on the disk yet: see `sync`."""
    draft = path.with_name(path.name + ".new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    draft.replace(path)


def sync(path: Path) -> None:
    """Waits until the file, or the folder's list of files, is on the disk (fsync(2)); it may take seconds on a busy one."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
