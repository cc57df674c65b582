"""Every text on the peer's machines, and the two sets of settings. Pure.

Where a text does not say otherwise, MySQL and MySQL Router do as they do by default: MySQL 9.7 Reference Manual, chapter
"Group Replication"; MySQL Router 9.7 manual, "Configuration File Options" and "mysqlrouter: Command Line Options".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

METADATA = (Path(__file__).parent / "metadata.sql").read_text()
PASSWORD = "peer"  # of all accounts: nobody else reaches these machines
GROUP = "5c0ffee0-0000-4000-8000-000000000001"
APP_PORT, WRITE_PORT, READ_PORT = 8444, 6446, 6447  # the last two are where Router's bootstrap puts them


@dataclass(frozen=True, kw_only=True)
class Member:
    name: str
    number: int
    address: str
    weight: int = 50  # the default; the heaviest member that is left becomes primary


MEMBERS = (
    Member(name="member-a", number=1, address="10.30.0.11"),
    Member(name="member-b", number=2, address="10.30.0.12"),
    Member(name="front", number=3, address="10.30.0.13", weight=10),  # the drills' faults hit the primary, never the front
)
FIRST, FRONT = MEMBERS[0], MEMBERS[-1]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """`variables` are the servers', `router` options of `mysqlrouter --bootstrap`."""

    name: str
    variables: Mapping[str, str]
    router: tuple[str, ...]


DEFAULTS = Settings(name="defaults", variables={}, router=())
FAST = Settings(
    name="fast",
    variables={
        "group_replication_member_expel_timeout": "0",  # a silent member is expelled after the 5 s that are fixed, not 5 s later
        "group_replication_consistency": "EVENTUAL",  # a new primary does not wait until it has applied its backlog
    },
    router=(
        "--conf-use-gr-notifications=1",  # the group tells Router of a change, Router does not only ask
        "--conf-set-option=metadata_cache:bootstrap.ttl=0.5",  # and asks as often as by default all the same
        # Whole seconds; by default 5 to connect, and 30 for an answer to a question about the group.
        "--conf-set-option=DEFAULT.connect_timeout=1",
        "--conf-set-option=DEFAULT.read_timeout=1",
        "--conf-set-option=routing:bootstrap_rw.connect_timeout=1",
    ),
)
SETTINGS = {settings.name: settings for settings in (DEFAULTS, FAST)}


def mysql_cnf(member: Member, settings: Settings) -> str:
    """/etc/mysql/mysql.conf.d/zz-peer.cnf. The group is joined at boot only once it has been joined by hand."""
    values = {
        "server_id": member.number,
        "report_host": member.address,
        "bind_address": "0.0.0.0",
        "mysqlx_bind_address": "0.0.0.0",
        "skip_name_resolve": "ON",
        "max_connections": 300,
        "innodb_buffer_pool_size": "256M",
        "gtid_mode": "ON",
        "enforce_gtid_consistency": "ON",
        "plugin_load_add": "group_replication.so",
        "group_replication_group_name": GROUP,
        "group_replication_local_address": f"{member.address}:33061",
        "group_replication_group_seeds": ",".join(f"{each.address}:33061" for each in MEMBERS),
        "group_replication_member_weight": member.weight,
        "group_replication_start_on_boot": "OFF",
        "group_replication_ssl_mode": "REQUIRED",
        "group_replication_recovery_use_ssl": "ON",
        **settings.variables,
    }
    return "[mysqld]\n" + "".join(f"{name} = {value}\n" for name, value in values.items())


def mount(device: str) -> str:
    """/etc/systemd/system/var-lib-mysql.mount: the data volume, before MySQL."""
    return f"""\
[Unit]
Before=mysql.service

[Mount]
What={device}
Where=/var/lib/mysql
Type=ext4
Options=noatime

[Install]
RequiredBy=mysql.service
"""


JOIN = f"""\
RESET BINARY LOGS AND GTIDS;
CHANGE REPLICATION SOURCE TO SOURCE_USER = 'recovery', SOURCE_PASSWORD = '{PASSWORD}'
  FOR CHANNEL 'group_replication_recovery';
START GROUP_REPLICATION;
SET PERSIST group_replication_start_on_boot = ON;
"""
FOUND = f"""\
SET GLOBAL group_replication_bootstrap_group = ON;
{JOIN}SET GLOBAL group_replication_bootstrap_group = OFF;
CREATE USER recovery IDENTIFIED BY '{PASSWORD}';
GRANT REPLICATION SLAVE, CONNECTION_ADMIN, BACKUP_ADMIN, GROUP_REPLICATION_STREAM ON *.* TO recovery;
CREATE USER admin IDENTIFIED BY '{PASSWORD}';
GRANT ALL ON *.* TO admin WITH GRANT OPTION;
CREATE DATABASE app;
CREATE USER app IDENTIFIED BY '{PASSWORD}';
GRANT ALL ON app.* TO app;
"""


def bootstrap(settings: Settings) -> str:
    """The command that writes Router's configuration; it asks for the password on its standard input."""
    options = (
        f"--bootstrap admin@{FIRST.address}:3306",
        "--directory /var/lib/mysqlrouter --user front",
        # The application verifies the name, which Router's own certificate does not have.
        "--client-ssl-cert /etc/peer/front.crt --client-ssl-key /etc/peer/front.key",
        *settings.router,
    )
    return f"echo {PASSWORD} | mysqlrouter {' '.join(options)}"


ROUTER_SERVICE = """\
[Unit]
After=network.target

[Service]
User=front
ExecStart=/usr/bin/mysqlrouter --config /var/lib/mysqlrouter/mysqlrouter.conf
Restart=on-failure

[Install]
WantedBy=multi-user.target
"""
APP_ENV = f"""\
APP_SOCKET=/run/app/app.sock
SERVER_NAME={FRONT.name}
DATABASE_WRITE=127.0.0.1:{WRITE_PORT}
DATABASE_READ=127.0.0.1:{READ_PORT}
DATABASE_NAME=app
DATABASE_USER=app
DATABASE_PASSWORD_FILE=/etc/peer/app.password
DATABASE_CA=/etc/peer/front.crt
DATABASE_HOSTNAME=localhost
PYTHONDONTWRITEBYTECODE=1
"""
# The application server is started as this project starts it (settings.py, app.command).
APP_COMMAND = (
    "gunicorn --bind unix:$APP_SOCKET --worker-class gthread --workers 2 --threads 8 --timeout 20"
    " --graceful-timeout 5 notes.wsgi:app"
)
APP_SERVICE = f"""\
[Unit]
After=mysqlrouter.service

[Service]
User=front
RuntimeDirectory=app
WorkingDirectory=/opt/app
EnvironmentFile=/etc/peer/app.env
ExecStart=/bin/sh -c 'exec {APP_COMMAND}'
Restart=always

[Install]
WantedBy=multi-user.target
"""
# The timeouts are those of this project's Nginx (cloud_init/templates/nginx.conf.j2).
NGINX = f"""\
upstream app {{
    server unix:/run/app/app.sock max_fails=0;
}}
server {{
    listen 127.0.0.1:{APP_PORT} ssl;
    ssl_certificate /etc/peer/front.crt;
    ssl_certificate_key /etc/peer/front.key;
    keepalive_timeout 75s;
    keepalive_requests 100000;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_connect_timeout 1s;
    proxy_send_timeout 10s;
    proxy_read_timeout 14s;
    location / {{
        proxy_pass http://app;
    }}
}}
"""
FRONT_FILES = {
    "etc/peer/app.env": APP_ENV,
    "etc/peer/app.password": PASSWORD,
    "etc/systemd/system/mysqlrouter.service": ROUTER_SERVICE,
    "etc/systemd/system/app.service": APP_SERVICE,
    "etc/nginx/conf.d/peer.conf": NGINX,
}
