"""What a release is: a manifest per server with the hash of every part, and one name over all of them. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from cloud_init import render
from cloud_init.site import Server, Site

RELEASE_DIGITS = 16  # of 64 hex digits of a SHA-256: a name, not a safeguard; every part is checked by its whole hash


@dataclass(frozen=True, kw_only=True)
class Archives:
    """SHA-256 of the two archives, in hex."""

    agent: str
    app: str


@dataclass(frozen=True, kw_only=True)
class SecretFile:
    """A parameter and the file it becomes. `version` grows with every new value: it makes a renewed secret a new release."""

    parameter: str
    version: int
    path: str
    mode: str
    owner: str


AGENT_KEY = "agent.pyz"
APP_KEY = "app.zip"


def file_key(server: str, path: str) -> str:
    """Where in the bucket a server's file is; `path` is absolute."""
    return f"servers/{server}{path}"


def manifest_key(server: str) -> str:
    return f"servers/{server}/manifest.json"


def manifests(site: Site, archives: Archives, secrets: Mapping[str, Sequence[SecretFile]]) -> Mapping[str, dict]:
    """Each server's manifest, the release's name in it. `secrets` are by server."""
    parts = {server.name: _manifest(site, server, archives, secrets[server.name]) for server in site.servers}
    release = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:RELEASE_DIGITS]
    return {name: {"release": release} | part for name, part in parts.items()}


def _manifest(site: Site, server: Server, archives: Archives, secrets: Sequence[SecretFile]) -> dict:
    web = server.kind == "web"
    return {
        "server": server.name,
        "order": list(site.order),
        "peers": {peer.name: peer.address for peer in site.servers},
        "files": [
            {
                "path": file.path,
                "key": file_key(server.name, file.path),
                "sha256": hashlib.sha256(file.content.encode()).hexdigest(),
                "mode": file.mode,
                "owner": file.owner,
            }
            for file in render.files(site, server)
        ],
        "archives": {
            "agent": {"key": AGENT_KEY, "sha256": archives.agent},
            "app": {"key": APP_KEY, "sha256": archives.app} if web else None,
        },
        "secrets": [asdict(secret) for secret in secrets],
        "app": {"packages": site.app.packages, "health": site.app.health, "setup": site.app.setup} if web else None,
        "database": _database(site) if web else None,
    }


def _database(site: Site) -> dict:
    return {
        "primary": site.database_primary,
        "name": site.database_name,
        "replication": site.replication,
        "adopted": site.volumes_are_adopted,
    }
