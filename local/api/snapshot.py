"""Keeps the API's state on disk, written before a mutating call is answered, so that a killed daemon loses nothing.

One file per section (see `overlay.state.section_of`): a line of JSON with the size and SHA-256 of the pickle after it.
Many calls at once share one write. No call waits for the disk itself, which takes seconds while machines boot: every
second the newest file is synced, and kept as `<section>.synced`. After a power cut the last second may be missing.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from pathlib import Path
from typing import Any

from moto.core.base_backend import BackendDict

from local.api.files import sync, write
from local.api.overlay.calls import LOCK
from local.api.overlay.state import backends_of, section_of
from local.api.pickles import Objects, Unpickler, dumps

log = logging.getLogger(__name__)
ATTEMPTS = 5
Key = tuple[str, str, str]  # service, account, region


class Unreadable(Exception):
    """Neither the newest nor the synced file of a section can be read; says what to do."""


class Snapshot:
    """The saved state in `folder`. `restore` once at start, `save` after every change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.objects = Objects(folder / "objects")
        self.sections: dict[str, Section] = {}
        self.lock = threading.Lock()

    def save(self, name: str) -> None:
        """Returns when the section, as it was at the call or later, is on the disk."""
        self.section(name).save()

    def section(self, name: str) -> Section:
        with self.lock:
            return self.sections.setdefault(name, Section(name, self.folder / name, self.objects))

    def sync(self) -> None:
        """What was saved so far survives a power cut from now on."""
        for section in list(self.sections.values()):
            section.sync()

    def save_all(self) -> None:
        for name in {section_of(states.service_name) for states in list(BackendDict._instances)}:
            self.save(name)

    def restore(self) -> None:
        """Put what was saved in place of moto's backends. Raises Unreadable."""
        bodies: set[str] = set()
        for path in sorted(self.folder.iterdir()):
            name = path.name.removesuffix(".synced")
            if path.is_file() and ".new" not in path.suffix and name not in self.sections:
                bodies |= self.section(name).restore()
        self.objects.forget_all_but(bodies)


class Section:
    """One file. Its writes are numbered; whoever wants to be saved waits for a write that began after his change."""

    def __init__(self, name: str, path: Path, objects: Objects) -> None:
        self.name = name
        self.path = path
        self.synced = path.with_name(path.name + ".synced")
        self.objects = objects
        self.turn = threading.Lock()
        self.begun = self.begun_at_sync = 0

    def save(self) -> None:
        wanted = self.begun + 1
        with self.turn:
            if self.begun >= wanted:  # another caller's write began after our change: it holds it
                return
            with LOCK:
                self.begun += 1
                pickle = self.pickled()
            head = {"bytes": len(pickle), "sha256": hashlib.sha256(pickle).hexdigest()}
            write(self.path, json.dumps(head).encode() + b"\n" + pickle)

    def sync(self) -> None:
        if self.begun_at_sync == self.begun or not self.path.exists():
            return
        begun, newest = self.begun, self.path.with_name(self.path.name + ".new-synced")
        newest.unlink(missing_ok=True)
        newest.hardlink_to(self.path)  # the file itself never changes, saving makes another
        self.objects.sync()
        sync(newest)
        newest.replace(self.synced)
        sync(self.path.parent)
        self.begun_at_sync = begun

    def pickled(self) -> bytes:
        """Reading calls go on meanwhile, and some of moto's fill a dictionary they look into: then once more."""
        for _ in range(ATTEMPTS):
            try:
                return dumps(self.backends(), self.name, self.objects)
            except RuntimeError as error:  # dictionary changed size during iteration
                last = error
        raise last

    def backends(self) -> dict[Key, Any]:
        return {
            (states.service_name, account, region): backend
            for states in list(BackendDict._instances)
            if section_of(states.service_name) == self.name
            for account, region, backend in list(states.iter_backends())
        }

    def restore(self) -> set[str]:
        """The names of the object files it needs."""
        for path in (self.path, self.synced):
            try:
                unpickler = Unpickler(whole(path), self.objects)
                backends: dict[Key, Any] = unpickler.load()
            except Exception as error:  # whatever a damaged pickle makes of itself
                log.error("%s cannot be read: %s: %s", path, type(error).__name__, error)
                continue
            for (service, account, region), backend in backends.items():
                put_back(service, account, region, backend)
            if path == self.synced:
                log.warning("%s: fell back to the last state that was synced", self.name)
            return unpickler.bodies
        raise Unreadable(
            f"the local cloud's saved state {self.path} is damaged, and so is {self.synced.name}: "
            f"restore the folder {self.path.parent} from a backup, or start afresh with: make down VOLUMES=delete"
        )


def put_back(service: str, account: str, region: str, backend: Any) -> None:
    dict.__setitem__(backends_of(service)[account], region, backend)
    if service == "s3":  # moto keeps an index of all buckets' owners outside its backends
        backends_of("s3").bucket_accounts.update({name: (backend.partition, account) for name in backend.buckets})


def whole(path: Path) -> bytes:
    """The pickle in a file. Raises ValueError unless it is complete and unchanged."""
    head, _, pickle = path.read_bytes().partition(b"\n")
    expected = json.loads(head)
    if len(pickle) != expected["bytes"]:
        raise ValueError(f"{len(pickle)} bytes instead of {expected['bytes']}")
    if hashlib.sha256(pickle).hexdigest() != expected["sha256"]:
        raise ValueError("its checksum does not match")
    return pickle
