"""The members, the two sets of settings, and every text for MySQL itself. Pure.

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
