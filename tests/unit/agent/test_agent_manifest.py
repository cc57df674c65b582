"""The manifest is read whole or refused with the field, its value and what is allowed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.manifest import App, Archive, Database, File, Manifest, Secret
from agent.system import Failed

SHA = "a" * 64
RAW: dict[str, Any] = {
    "release": "0123456789abcdef",
    "server": "web-b",
    "order": ["web-a", "web-b", "lb"],
    "peers": {"web-a": "10.20.1.10", "web-b": "10.20.2.10", "lb": "10.20.3.10"},
    "files": [{"path": "/etc/hosts", "key": "servers/web-b/etc/hosts", "sha256": SHA, "mode": "0644", "owner": "root:root"}],
    "archives": {"agent": {"key": "agent.pyz", "sha256": SHA}, "app": {"key": "app.zip", "sha256": SHA}},
    "secrets": [
        {
            "parameter": "/distributed-web/dev/key",
            "version": 3,
            "path": "/etc/distributed-web/tls/server.key",
            "mode": "0600",
            "owner": "root:haproxy",
        }
    ],
    "app": {"command": "gunicorn", "health": "/healthz", "setup": "flask init", "packages": ["python3-flask"]},
    "database": {"primary": "web-a", "name": "app", "replication": "async", "adopted": False},
}


def parse(**changes: Any) -> Manifest:
    return Manifest.parse(json.dumps(RAW | changes))


def test_a_whole_manifest() -> None:
    assert parse() == Manifest(
        release="0123456789abcdef",
        server="web-b",
        order=("web-a", "web-b", "lb"),
        peers=RAW["peers"],
        files=(File(path="/etc/hosts", key="servers/web-b/etc/hosts", sha256=SHA, mode=0o644, owner="root:root"),),
        archives={"agent": Archive(key="agent.pyz", sha256=SHA), "app": Archive(key="app.zip", sha256=SHA)},
        secrets=(
            Secret(
                parameter="/distributed-web/dev/key", path="/etc/distributed-web/tls/server.key", mode=0o600, owner="root:haproxy"
            ),
        ),
        app=App(health="/healthz", setup="flask init", packages=("python3-flask",)),
        database=Database(primary="web-a", name="app", replication="async", adopted=False),
    )
    assert parse().predecessors == ("web-a",)


def test_the_balancer_has_no_application_and_no_database() -> None:
    manifest = parse(server="lb", app=None, database=None, archives=RAW["archives"] | {"app": None})
    assert (manifest.app, manifest.database, set(manifest.archives)) == (None, None, {"agent"})
    assert manifest.predecessors == ("web-a", "web-b")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"release": "latest"}, "release 'latest': allowed is"),
        ({"server": "web-c"}, "holds web-c and only servers among peers"),
        ({"order": ["web-b", "db"]}, "only servers among peers"),
        ({"files": [RAW["files"][0] | {"path": "/usr/bin/x"}]}, "path '/usr/bin/x': allowed is /etc/"),
        ({"files": [RAW["files"][0] | {"path": "/etc/../bin/x"}]}, r"path '/etc/\.\./bin/x': without"),
        ({"files": [RAW["files"][0] | {"mode": "644"}]}, "mode of /etc/hosts '644': allowed is"),
        ({"files": [RAW["files"][0] | {"owner": "root"}]}, "owner of /etc/hosts 'root': allowed is"),
        ({"files": [RAW["files"][0] | {"sha256": "0"}]}, "sha256 of /etc/hosts '0': allowed is"),
        ({"database": RAW["database"] | {"primary": "db"}}, r"database.primary 'db': one of \['lb', 'web-a', 'web-b'\]"),
        ({"database": RAW["database"] | {"name": "my`app"}}, "database.name 'my`app': allowed is"),
        ({"database": RAW["database"] | {"replication": "group"}}, "database.replication 'group': allowed is async|semi-sync"),
        ({"app": RAW["app"] | {"health": "healthz"}}, "app.health 'healthz': allowed is"),
        ({"secrets": None}, "not of the expected shape"),
    ],
)
def test_a_wrong_manifest_names_the_field_and_what_is_allowed(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(Failed, match=reason):
        parse(**changes)


def test_a_manifest_that_is_no_json_is_a_reason() -> None:
    with pytest.raises(Failed, match="not of the expected shape"):
        Manifest.parse("<html>")
