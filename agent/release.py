"""A release on its way to this server's disk: what differs, what it will be. Fetches; changes nothing outside memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from .files import Target, digest, is_as
from .manifest import Manifest
from .state import State
from .store import Store
from .system import System

TLS = "/etc/distributed-web/tls"
# HAProxy reads certificate and key from one file (HAProxy configuration manual, "crt").
PAIR, PARTS = f"{TLS}/server.pem", (f"{TLS}/server.crt", f"{TLS}/server.key")


def changes(system: System, store: Store, manifest: Manifest, state: State) -> list[Target]:
    """The files that are not yet as the release wants them; files of the release before that it lacks are to be gone."""
    wanted = _secrets(store, manifest)
    changed = [target for target in wanted if not _is_there(system, target)]
    for file in manifest.files:
        if not is_as(system, file.path, file.sha256, file.mode, file.owner):
            content = store.object(file.key, file.sha256)
            changed.append(Target(path=file.path, content=content, mode=file.mode, owner=file.owner))
    gone = set(state.files) - set(paths(manifest))
    return changed + [Target(path=path, content=None) for path in sorted(gone) if system.path(path).exists()]


def paths(manifest: Manifest) -> list[str]:
    """Every file that the release puts on this server."""
    secrets = [secret.path for secret in manifest.secrets]
    pair = [PAIR] if set(PARTS) <= set(secrets) else []
    return sorted([*secrets, *pair, *(file.path for file in manifest.files)])


def inputs(system: System, files: Iterable[str], manifest: Manifest) -> Mapping[str, str]:
    """What the services run with: the SHA-256 of each file as it is on the disk, and of each archive of the release."""
    found = {path: digest(system.path(path)) for path in files}
    archives = {f"archive/{name}": archive.sha256 for name, archive in manifest.archives.items()}
    return {path: sha256 for path, sha256 in found.items() if sha256} | archives


def _secrets(store: Store, manifest: Manifest) -> list[Target]:
    values = store.parameters(secret.parameter for secret in manifest.secrets)
    targets = [
        Target(path=secret.path, content=values[secret.parameter].encode(), mode=secret.mode, owner=secret.owner)
        for secret in manifest.secrets
    ]
    by_path = {target.path: target.content for target in targets}
    if set(PARTS) <= set(by_path):
        targets.append(Target(path=PAIR, content=b"\n".join(by_path[part].strip() for part in PARTS) + b"\n", mode=0o600))
    return targets


def _is_there(system: System, target: Target) -> bool:
    return is_as(system, target.path, hashlib.sha256(target.content).hexdigest(), target.mode, target.owner)
