"""The three machines as one group with its front: formed from bare machines, then asked and waited for as drills ask a site."""

from __future__ import annotations

import http.client
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pymysql

from drills.http import Door
from drills.server import Server
from drills.site import PRIMARY, NotWell, Site
from local.host import namespaces, reader
from local.instance import CHECKOUT, Instance

from .configuration import FIRST, FOUND, FRONT, JOIN, MEMBERS, METADATA, Member, Settings, mount, mysql_cnf
from .front import APP_PORT, FRONT_FILES, bootstrap
from .machines import NotPrepared

SCRIPT_S = 600
# The package starts mysqld when it is installed; its data is on the volume from the first moment.
INSTALL = """\
cloud-init status --wait > /dev/null || true
mkfs.ext4 -q -m 0 {device}
systemctl daemon-reload && systemctl enable --now var-lib-mysql.mount && rmdir /var/lib/mysql/lost+found
export DEBIAN_FRONTEND=noninteractive
eatmydata apt-get -q update && eatmydata apt-get -q install -y {packages}
"""
PACKAGES = "mysql-server"
FRONT_PACKAGES = "mysql-server mysql-router nginx-light gunicorn python3-flask python3-pymysql"
CERTIFICATE = """\
useradd --system --no-create-home front
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE \
  -keyout /etc/peer/front.key -out /etc/peer/front.crt
chown front /etc/peer/front.key
"""
START = """\
systemctl daemon-reload && systemctl enable --now mysqlrouter.service
cd /opt/app && env $(cat /etc/peer/app.env) python3 -m notes.setup
systemctl enable --now app.service && systemctl restart nginx
"""


class Group(Site):
    """The peer, for faults and their figures: each server is a member, and nobody but MySQL itself says who is primary."""

    def __init__(self, instance: Instance, ids: Mapping[str, str]) -> None:
        self.instance = instance
        self.ec2 = instance.client("ec2")
        interfaces = {interface.owner: interface for interface in reader.read(reader.Api(instance)).interfaces}
        self.servers = {name: self.server(name, interfaces[instance_id]) for name, instance_id in ids.items()}

    @property
    def databases(self) -> list[Server]:
        return list(self.servers.values())

    @property
    def front(self) -> Server:
        return self.servers[FRONT.name]

    def form(self, settings: Settings) -> None:
        """From machines with nothing on them to a site that answers. Raises NotPrepared."""
        workers = ThreadPoolExecutor()
        try:
            list(workers.map(self.install, MEMBERS))
        finally:
            workers.shutdown(wait=False)  # on Ctrl-C the machines are taken from under the scripts, which ends them
        for member in MEMBERS:
            self.join(member, settings)
        self.sql(FIRST, METADATA)
        for path, text in FRONT_FILES.items():
            self.write(FRONT, path, text)
        shutil.copytree(CHECKOUT / "app", self.front.root / "opt/app")
        for script in (CERTIFICATE, bootstrap(settings), START):
            self.on(FRONT, script)
        self.door = Door(host="localhost", port=APP_PORT, certificate=(self.front.root / "etc/peer/front.crt").read_text())

    def install(self, member: Member) -> None:
        [disk] = (self.servers[member.name].root / "dev/disk/by-id").iterdir()
        device = f"/dev/disk/by-id/{disk.name}"
        self.write(member, "etc/systemd/system/var-lib-mysql.mount", mount(device))
        self.on(member, INSTALL.format(device=device, packages=FRONT_PACKAGES if member == FRONT else PACKAGES))

    def join(self, member: Member, settings: Settings) -> None:
        self.write(member, "etc/mysql/mysql.conf.d/zz-peer.cnf", mysql_cnf(member, settings))
        self.on(member, "systemctl restart mysql")
        self.sql(member, FOUND if member == FIRST else JOIN)

    def write(self, member: Member, path: str, text: str) -> None:
        file = self.servers[member.name].root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def sql(self, member: Member, statements: str) -> None:
        self.on(member, f"mysql <<'END'\n{statements}END\n")

    def on(self, member: Member, script: str) -> None:
        result = self.servers[member.name].machine.run(f"set -e\n{script}", SCRIPT_S)
        if result.exit_code:
            raise NotPrepared(
                f"{member.name}: exit code {result.exit_code} of\n{script}{result.stdout[-1500:]}{result.stderr[-1500:]}"
            )

    # -- as drills ask a site -----------------------------------------------------------------------------------------

    def named(self, name: str) -> Server:
        if name != PRIMARY:
            return self.servers[name]
        addresses = {address for view in self.views().values() for address, _, role in view if role == "PRIMARY"}
        primaries = [server for server in self.databases if server.address in addresses]
        if len(primaries) != 1:
            raise NotWell(f"the members name {len(primaries)} primaries")
        return primaries[0]

    def views(self) -> dict[str, list[tuple[str, str, str]]]:
        """What each member that answers knows of the group: (address, state, role) of everyone in it."""
        found = {}
        for name, server in self.servers.items():
            try:
                found[name] = server.query(
                    "SELECT member_host, member_state, member_role FROM performance_schema.replication_group_members", timeout_s=2
                )
            except (OSError, pymysql.MySQLError):
                found[name] = []
        return found

    def complaints(self) -> list[str]:
        return [*complaints(self.views(), self.front.address), *(() if self.writes() else ("the front reaches no primary",))]

    def writes(self) -> bool:
        """What the application says of itself: 200 while a write would succeed."""
        context = self.door.context()

        def ask() -> bool:
            connection = http.client.HTTPSConnection(self.door.host, self.door.port, context=context, timeout=2)
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200

        try:
            return namespaces.inside(self.front.netns, ask)
        except (OSError, http.client.HTTPException):
            return False


def complaints(views: Mapping[str, Sequence[tuple[str, str, str]]], front: str) -> list[str]:
    """`front`: the address of the member that no fault shall hit. Nothing when all is as it was in the beginning."""
    found = []
    for name, view in views.items():
        online = sum(state == "ONLINE" for _, state, _ in view)
        primaries = [address for address, _, role in view if role == "PRIMARY"]
        if online != len(MEMBERS):
            found.append(f"{name} sees {online} members online")
        elif len(primaries) != 1 or front in primaries:
            found.append(f"{name} sees as primary: {', '.join(primaries) or 'nobody'}")
    return found
