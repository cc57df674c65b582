"""The primary's database: created once, never by mistake, never over other data."""

from __future__ import annotations

from typing import Any

import pytest

from agent.manifest import Database
from agent.mysql import Data, Login, Mysql
from agent.primary import Primary, decide
from agent.store import Store
from agent.system import Failed
from tests.unit.agent.fakes import PEERS, Bucket, FakeSystem
from tests.unit.agent.mysql_world import World

EMPTY = Data(executed="", purged="", schemas=(), cluster_id=None, read_only=True, follows=None)
OURS = Data(executed="a1", purged="", schemas=("notes",), cluster_id="cluster-1", read_only=True, follows=None)
CREATED = {"id": "database", "cluster_id": "cluster-1", "server": "web-a", "state": "created"}
CREATING = CREATED | {"state": "creating"}


def converge(system: FakeSystem, store: Store, world: World, **passwords: str) -> list[str]:
    world.writes.clear()
    Primary(
        system=system,
        store=store,
        mysql=Mysql(Login(), world.query),
        server=world.here,
        address=PEERS[world.here],
        database=Database(primary=world.here, name="notes", replication="async"),
        passwords={"app": "app-pw", "replication": "replication-pw"} | passwords,
    ).converge()
    return world.writes


@pytest.fixture
def table(bucket: Bucket) -> Store:
    return bucket.store


def test_the_first_primary_makes_the_database_and_opens_it_last(system: FakeSystem, table: Store, world: World) -> None:
    writes = converge(system, table, world)
    record = table.item("database")
    assert record == {"id": "database", "cluster_id": world.local.cluster_id, "server": "web-a", "state": "created"}
    assert writes == [
        "SET GLOBAL super_read_only = OFF",
        "CREATE DATABASE IF NOT EXISTS distributed_web",
        "CREATE TABLE IF NOT EXISTS distributed_web.cluster (only_row TINYINT PRIMARY KEY DEFAULT 1,"
        " cluster_id CHAR(36) NOT NULL, CHECK (only_row = 1))",
        "CREATE TABLE IF NOT EXISTS distributed_web.setup (release_id CHAR(16) PRIMARY KEY,"
        " at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)",
        f"INSERT IGNORE INTO distributed_web.cluster (cluster_id) VALUES ('{record['cluster_id']}')",
        "CREATE DATABASE `notes` CHARACTER SET utf8mb4",
        "CREATE USER 'app'@'%' IDENTIFIED WITH caching_sha2_password BY 'app-pw' REQUIRE SSL",
        "GRANT ALL ON `notes`.* TO 'app'@'%'",
        "CREATE USER 'replication'@'%' IDENTIFIED WITH caching_sha2_password BY 'replication-pw' REQUIRE SSL",
        "GRANT REPLICATION SLAVE, BACKUP_ADMIN, CLONE_ADMIN ON *.* TO 'replication'@'%'",
        "GRANT SELECT ON distributed_web.* TO 'replication'@'%'",
        "SET GLOBAL super_read_only = OFF",
        "SET GLOBAL read_only = OFF",
    ]


def test_a_second_run_asks_and_writes_nothing(system: FakeSystem, table: Store, world: World) -> None:
    converge(system, table, world)
    assert converge(system, table, world) == []


def test_a_creation_that_was_cut_off_is_continued_with_the_same_id(system: FakeSystem, table: Store, world: World) -> None:
    table.put("database", {key: CREATING[key] for key in ("cluster_id", "server", "state")}, "attribute_not_exists(id)")
    world.local.executed, world.local.schemas = "a1", {"distributed_web"}
    converge(system, table, world)
    assert (world.local.cluster_id, table.item("database")["state"]) == ("cluster-1", "created")


def test_a_volume_of_an_earlier_stack_is_adopted(system: FakeSystem, table: Store, world: World) -> None:
    server = world.created()
    server.read_only = server.super_read_only = 1
    assert converge(system, table, world) == ["SET GLOBAL super_read_only = OFF", "SET GLOBAL read_only = OFF"]
    assert table.item("database")["cluster_id"] == "cluster-1"


def test_a_new_password_is_set_and_the_old_one_kept_until_the_next(system: FakeSystem, table: Store, world: World) -> None:
    converge(system, table, world)
    assert converge(system, table, world, app="new-pw") == ["ALTER USER 'app'@'%' IDENTIFIED BY 'new-pw' RETAIN CURRENT PASSWORD"]
    assert world.local.users["app"] == ["new-pw", "app-pw"]
    assert converge(system, table, world, app="new-pw") == []


def test_a_password_check_that_cannot_be_made_is_no_reason_for_a_new_password(
    system: FakeSystem, table: Store, world: World
) -> None:
    converge(system, table, world)
    world.addresses = {"10.20.1.10": "nobody"}
    with pytest.raises(Failed, match="Connection refused"):
        converge(system, table, world)


def test_root_is_known_by_the_socket_and_not_by_an_empty_password(system: FakeSystem, table: Store, world: World) -> None:
    world.local.root_plugin = "caching_sha2_password"
    writes = converge(system, table, world)
    assert writes[5:7] == [
        "INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'",
        "ALTER USER root@localhost IDENTIFIED WITH auth_socket",
    ]


@pytest.mark.parametrize(
    ("data", "record", "step"),
    [
        (EMPTY, None, "create"),
        (EMPTY, CREATING, "create"),
        (OURS, CREATING, "create"),
        (OURS, CREATED, "open"),
        (OURS, None, "adopt"),
    ],
)
def test_what_is_done_with_which_data(data: Data, record: Any, step: str) -> None:
    assert decide(data, record, "web-a") == step


@pytest.mark.parametrize(
    ("data", "record", "reason"),
    [
        (EMPTY, CREATED, "holds no database of this stack, while cluster-1 was created on web-a"),
        (EMPTY, CREATING | {"server": "web-b"}, "an empty or foreign volume is never opened"),
        (OURS, CREATED | {"cluster_id": "cluster-2"}, "holds database cluster-1, while cluster-2 was created"),
        (Data(**OURS.__dict__ | {"cluster_id": None}), None, "was not made by this stack"),
        (Data(**OURS.__dict__ | {"follows": "10.20.2.10"}), CREATED, "follows 10.20.2.10, which may still take writes"),
    ],
)
def test_what_is_refused_rather_than_opened(data: Data, record: Any, reason: str) -> None:
    with pytest.raises(Failed, match=reason):
        decide(data, record, "web-a")
