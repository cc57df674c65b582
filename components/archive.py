"""Folders as zip files whose bytes depend on nothing but the files' names, contents and executable bits. No resource.

The engine compares archives by their hash, on whichever computer it runs: so no times, no order of the disk, and no
compression, whose result differs between versions of zlib.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LEFT_OUT = frozenset({"__pycache__", ".git", ".venv", ".pytest_cache", ".ruff_cache", ".DS_Store"})
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip file can hold
START_AGENT = b"import sys\nfrom agent.__main__ import main\nsys.exit(main())\n"


@dataclass(frozen=True, kw_only=True)
class Archive:
    path: Path
    sha256: str  # of the file, in hex


def agent(folder: Path, build: Path) -> Archive:
    """The agent's package as a program: `python3 agent.pyz apply`."""
    return _write(build, "agent.pyz", {f"agent/{name}": file for name, file in _files(folder).items()}, START_AGENT)


def application(folder: Path, build: Path) -> Archive:
    return _write(build, "app.zip", _files(folder))


def _files(folder: Path) -> Mapping[str, Path]:
    """Every file of a folder by its name in there, without what tools leave behind."""
    found = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {name.as_posix(): path for name, path in found.items() if not LEFT_OUT.intersection(name.parts)}


def _write(build: Path, name: str, files: Mapping[str, Path], main: bytes | None = None) -> Archive:
    """A file named after its content, so that no other run of the program changes it under the provider that uploads it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        if main is not None:
            archive.writestr(_entry("__main__.py", executable=False), main)
        for inside, path in sorted(files.items()):
            archive.writestr(_entry(inside, executable=bool(path.stat().st_mode & 0o100)), path.read_bytes())
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    target = build / digest[:16] / name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f"{name}.{os.getpid()}")
        draft.write_bytes(content)
        draft.replace(target)
    return Archive(path=target, sha256=digest)


def _entry(name: str, *, executable: bool) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.create_system = 3  # Unix, whatever computer this is
    entry.external_attr = (0o100755 if executable else 0o100644) << 16
    return entry
