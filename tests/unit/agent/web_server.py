"""One web server and everything around it: releases in the bucket, the disk, commands, databases."""

from __future__ import annotations

from typing import Any

from agent.apply import apply, fetch
from agent.database import Cluster
from agent.mysql import Login, Mysql
from agent.primary import Accounts
from agent.system import Completed
from tests.unit.agent.fakes import PEERS, Bucket, FakeSystem, identity
from tests.unit.agent.mysql_world import World

FIRST, SECOND, THIRD = "1" * 16, "2" * 16, "3" * 16
HAPROXY = "/etc/haproxy/haproxy.cfg"
FILES = {
    HAPROXY: "haproxy 1",
    "/etc/nginx/nginx.conf": "nginx 1",
    "/etc/mysql/mysql.conf.d/zz.cnf": "mysql 1",
    "/etc/systemd/system/failover.service": "failover 1",
    "/etc/distributed-web/failover.json": "members 1",
    "/etc/systemd/system/handover.service": "handover 1",
    "/etc/systemd/system/agent.service": "agent 1",
    "/etc/systemd/system/app.service": "app 1",
    "/etc/systemd/system/rotation.service": "rotation 1",
    "/etc/distributed-web/app.env": 'APP_SOCKET=/run/app/app.sock\nNAME="x y"\n',
}
SECRETS = {
    "/etc/distributed-web/tls/server.crt": "crt",
    "/etc/distributed-web/tls/server.key": "key",
    "/etc/mysql/tls/server.key": "key",
    "/etc/distributed-web/database/app.password": "database/app",
    "/etc/distributed-web/database/replication.password": "database/replication",
}
APP = {"wsgi.py": b"v1", "bin/run.sh": b"#!/bin/sh\n"}
IN_CANDIDATE = (
    "systemd-run --quiet --pipe --wait --collect --property=RuntimeMaxSec=30"
    " --property=BindPaths=/run/distributed-web/candidate/etc:/etc "
)
CHECKS = {
    name: IN_CANDIDATE + check
    for name, check in {
        "mysql": "mysqld --validate-config --user=mysql",
        "failover": "systemd-analyze verify --recursive-errors=no /etc/systemd/system/failover.service",
        "handover": "systemd-analyze verify --recursive-errors=no /etc/systemd/system/handover.service",
        "agent": "systemd-analyze verify --recursive-errors=no /etc/systemd/system/agent.service",
        "haproxy": "haproxy -c -f /etc/haproxy/haproxy.cfg",
        "nginx": "nginx -t",
        "app": "systemd-analyze verify --recursive-errors=no /etc/systemd/system/app.service",
        "rotation": "systemd-analyze verify --recursive-errors=no /etc/systemd/system/rotation.service",
    }.items()
}
HEALTH = "/run/app/app.sock: GET /healthz HTTP/1.1"
RELOAD = ["/run/haproxy/admin.sock: show servers state", "/run/haproxy-master.sock: reload"]


class Web:
    def __init__(self, name: str, system: FakeSystem, world: World) -> None:
        self.name, self.system, self.world, self.bucket = name, system, world, Bucket(name)
        world.here = name
        self.units = Units(self).cluster
        for secret, value in {
            "crt": "CRT",
            "key": "KEY",
            "database/app": "app-pw",
            "database/replication": "replication-pw",
        }.items():
            self.bucket.secret(secret, value)

    def release(self, release: str, changed: dict[str, str] | None = None, **options) -> None:
        options = {"secrets": SECRETS, "app": APP} | options
        self.bucket.release(release, FILES | (changed or {}), **options)

    def apply(self, wanted: str | None = None) -> list[str]:
        """The commands and statements of one run."""
        self.system.commands.clear(), self.system.lines.clear(), self.world.writes.clear()
        manifest, text = fetch(identity(self.name), self.bucket.store, wanted)
        apply(self.system, self.bucket.store, manifest, text, self.world.query, lambda _: self.units)
        return self.system.commands

    def running(self) -> dict[str, str]:
        """What an operator would find on the disk."""
        return {path: self.system.path(path).read_text() for path in [*FILES, *SECRETS] if self.system.path(path).exists()}


class Units:
    """The failover units of both web servers: whoever is named in the lease is open, the other follows it."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self.cluster = Cluster(members=("web-a", "web-b"), ttl_s=5, lease=self.lease, accounts=self.accounts)

    def lease(self) -> dict[str, Any]:
        item, world = self._web.bucket.items.get("lease"), self._web.world
        if item and item["holder"] == self._web.name:
            world.local.read_only = world.local.super_read_only = 0
        role = "none" if not item else "primary" if item["holder"] == self._web.name else "replica"
        return {"boot_nonce": "nonce", "record": item, "role": role, "alarm": None, "error": None}

    def accounts(self, holder: str, body: dict[str, Any]) -> None:
        world, here = self._web.world, self._web.world.here
        world.here = holder
        Accounts(system=self._web.system, mysql=Mysql(Login(), world.query), address=PEERS[holder], **body).converge()
        world.here = here


def drains(system: FakeSystem, *verbs: str) -> list[str]:
    """Each time systemctl is called with one of these verbs, and whether visitors had had the time to go elsewhere."""
    calm, noted = system.clock, []

    def note(verb: str) -> Completed:
        out = system.path("/run/distributed-web/drain").exists() and system.clock >= calm + 1.5
        noted.append(f"{verb}, {'out of' if out else 'in'} rotation")
        return Completed(0, "", "")

    for verb in verbs:
        system.answers[f"systemctl {verb}"] = lambda verb=verb: note(verb)
    return noted
