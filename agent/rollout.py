"""Whose turn it is: one apply at a time on a server, one server at a time in a running system, in the release's order."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import urlopen

from .manifest import Manifest
from .store import Store
from .system import Failed, System

FILE = "/run/distributed-web/apply.lock"
RECORD = "rollout"  # of the cluster's table
FREE = "attribute_not_exists(id) OR holder = :me OR expires_at < :now"
EXPIRY_S = 3600  # longer than any apply; a holder that died keeps only others waiting, never itself
TURN_DEADLINE_S = 300
CLOUD_INIT_DEADLINE_S = 1800
PORT = 9200


def wait_for_cloud_init(system: System) -> None:
    """Let the server's first boot finish its own apply. How cloud-init ended does not matter: this apply is the cure."""
    system.attempt("cloud-init", "status", "--wait", timeout_s=CLOUD_INIT_DEADLINE_S)


@contextmanager
def alone(system: System) -> Iterator[None]:
    """Hold this server's lock (flock(2): gone with the process, whatever kills it)."""
    path = system.path(FILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        system.until(lambda: _lock(file), deadline_s=TURN_DEADLINE_S, what=f"another apply on this server holds {FILE}")
        yield


def _lock(file) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def turn(system: System, store: Store, manifest: Manifest) -> Iterator[None]:
    """Hold the rollout lock once every predecessor runs the release and is well. Raises Failed saying who does not."""
    me = manifest.server
    system.until(lambda: _take(system, store, me), deadline_s=TURN_DEADLINE_S, every_s=2, what="rollout lock")
    try:
        for name in manifest.predecessors:
            system.until(
                lambda name=name: _reports(manifest, name),
                deadline_s=TURN_DEADLINE_S,
                every_s=1,
                what=f"predecessor {name} with release {manifest.release}",
            )
        yield
    finally:
        store.delete(RECORD, "holder = :me", me=me)


def _take(system: System, store: Store, me: str) -> bool:
    now = system.now()
    if store.put(RECORD, {"holder": me, "expires_at": now + EXPIRY_S}, FREE, me=me, now=now):
        return True
    held = store.item(RECORD)
    raise Failed(f"held by {held['holder']}" if held else "just released")


def _reports(manifest: Manifest, name: str) -> bool:
    url = f"http://{manifest.peers[name]}:{PORT}/health"
    try:
        with urlopen(url, timeout=3) as response:
            health = json.load(response)
    except HTTPError as error:
        raise Failed(f"{url}: {error.code} {error.read(1000).decode(errors='replace')}") from None
    except (OSError, ValueError) as error:  # URLError is an OSError
        raise Failed(f"{url}: {error}") from None
    if health["release"] != manifest.release:
        raise Failed(f"{name} runs release {health['release']}")
    return True
