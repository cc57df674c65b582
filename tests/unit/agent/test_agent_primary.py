"""The primary's database: created once, never by mistake, never over other data. And who may log in."""

from __future__ import annotations

from typing import Any

import pytest

from agent.mysql import Data, Login, Mysql
from agent.primary import Accounts, Creation, decide
from agent.store import Store
from agent.system import Failed
from tests.unit.agent.fakes import PEERS, Bucket, FakeSystem
from tests.unit.agent.mysql_world import World

EMPTY = Data(executed="", schemas=(), cluster_id=None, follows=None)
OURS = Data(executed="a:1", schemas=("notes",), cluster_id="cluster-1", follows=None)
CREATED = {"id": "database", "cluster_id": "cluster-1", "server": "web-a", "state": "created"}
CREATING = CREATED | {"state": "creating"}


def create(system: FakeSystem, store: Store, world: World, *, adopted: bool = False) -> list[str]:
    world.writes.clear()
    Creation(
        system=system,
        store=store,
        mysql=Mysql(Login(), world.query),
        server=world.here,
        members=("web-a", "web-b"),
        ttl_s=5,
        boot_nonce="nonce",
        adopted=adopted,
    ).run()
    return world.writes


def register(table: Store, record: dict[str, str]) -> None:
    table.put("database", {key: record[key] for key in ("cluster_id", "server", "state")}, "attribute_not_exists(id)")


@pytest.fixture
def table(bucket: Bucket) -> Store:
    return bucket.store


def test_the_database_is_created_once_and_left_for_the_lease_to_open(system: FakeSystem, table: Store, world: World) -> None:
    writes = create(system, table, world)
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
    ]
    assert world.local.read_only == 1


def test_the_first_lease_is_of_the_unit_that_runs_here(system: FakeSystem, table: Store, world: World) -> None:
    create(system, table, world)
    assert table.item("lease") == {
        "id": "lease",
        "cluster_id": world.local.cluster_id,
        "members": "web-a,web-b",
        "holder": "web-a",
        "boot_nonce": "nonce",
        "epoch": 0,
        "counter": 0,
        "ttl_s": 5,
        "failover": 0,
        "sync": 0,
        "gtid_executed": "a:1-4",
        "published_at_counter": 0,
    }


def test_a_creation_that_was_cut_off_is_continued_with_the_same_id(system: FakeSystem, table: Store, world: World) -> None:
    register(table, CREATING)
    world.local.executed, world.local.schemas = "a:1", {"distributed_web"}
    create(system, table, world)
    assert (world.local.cluster_id, table.item("database")["state"]) == ("cluster-1", "created")


def test_a_creation_cut_off_after_its_lease_keeps_that_lease(system: FakeSystem, table: Store, world: World) -> None:
    register(table, CREATING)
    table.put("lease", {"cluster_id": "cluster-1", "epoch": 3}, "attribute_not_exists(id)")
    create(system, table, world)
    assert table.item("lease") == {"id": "lease", "cluster_id": "cluster-1", "epoch": 3}
    assert table.item("database")["state"] == "created"


def test_a_volume_of_an_earlier_stack_is_adopted_as_it_is(system: FakeSystem, table: Store, world: World) -> None:
    server = world.created()
    server.read_only = server.super_read_only = 1
    server.executed = "a:1-2,b:1"
    assert create(system, table, world, adopted=True) == []
    assert (table.item("database")["cluster_id"], table.item("lease")["gtid_executed"]) == ("cluster-1", "a:1-2,b:1")


def test_a_database_that_another_server_creates_meanwhile_is_left_to_it(
    system: FakeSystem, table: Store, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def item(_: str) -> None:
        monkeypatch.undo()
        register(table, CREATING | {"server": "web-b"})  # right after this server looked

    monkeypatch.setattr(table, "item", item)
    with pytest.raises(Failed, match="another server is creating it"):
        create(system, table, world)
    assert world.writes == []


@pytest.mark.parametrize(
    ("data", "record", "step"),
    [
        (EMPTY, None, "create"),
        (EMPTY, CREATING, "create"),
        (OURS, CREATING, "create"),
        (OURS, None, "adopt"),
    ],
)
def test_what_is_done_with_which_data_while_there_is_no_lease(data: Data, record: Any, step: str) -> None:
    assert decide(data, record, "web-a", adopted=step == "adopt") == step


@pytest.mark.parametrize(
    ("data", "record", "reason"),
    [
        (OURS, None, "holds database cluster-1, of which the cluster's table knows nothing; put its items back"),
        (OURS, CREATED, "the table's item 'lease' is missing: who wrote last is not known"),
        (EMPTY, CREATED, "who wrote last is not known; put it back"),
        (EMPTY, CREATING | {"server": "web-b"}, "holds no database of this stack, while cluster-1 is being created on web-b"),
        (OURS, CREATING | {"cluster_id": "cluster-2"}, "holds database cluster-1, while cluster-2 is being created"),
        (Data(**OURS.__dict__ | {"cluster_id": None}), None, "was not made by this stack"),
        (Data(**OURS.__dict__ | {"follows": "10.20.2.10"}), None, "follows 10.20.2.10; set database.primary to that server"),
    ],
)
def test_what_is_refused_rather_than_opened(data: Data, record: Any, reason: str) -> None:
    with pytest.raises(Failed, match=reason):
        decide(data, record, "web-a", adopted=False)


ACCOUNTS = [
    "CREATE DATABASE `notes` CHARACTER SET utf8mb4",
    "CREATE USER 'app'@'%' IDENTIFIED WITH caching_sha2_password BY 'app-pw' REQUIRE SSL",
    "GRANT ALL ON `notes`.* TO 'app'@'%'",
    "CREATE USER 'replication'@'%' IDENTIFIED WITH caching_sha2_password BY 'replication-pw' REQUIRE SSL",
    "GRANT REPLICATION SLAVE, BACKUP_ADMIN, CLONE_ADMIN ON *.* TO 'replication'@'%'",
    "GRANT SELECT, INSERT ON distributed_web.* TO 'replication'@'%'",
]


@pytest.fixture
def opened(world: World) -> World:
    world.local.read_only = world.local.super_read_only = 0
    return world


def accounts(system: FakeSystem, world: World, **passwords: str) -> list[str]:
    world.writes.clear()
    Accounts(
        system=system,
        mysql=Mysql(Login(), world.query),
        address=PEERS[world.here],
        name="notes",
        passwords={"app": "app-pw", "replication": "replication-pw"} | passwords,
    ).converge()
    return world.writes


def test_the_accounts_are_made_with_what_they_need_and_no_more(system: FakeSystem, opened: World) -> None:
    assert accounts(system, opened) == ACCOUNTS


def test_accounts_that_are_as_they_should_be_are_not_written(system: FakeSystem, opened: World) -> None:
    accounts(system, opened)
    assert accounts(system, opened) == []


def test_a_new_password_is_set_and_the_old_one_kept_until_the_next(system: FakeSystem, opened: World) -> None:
    accounts(system, opened)
    assert accounts(system, opened, app="new-pw") == [
        "ALTER USER 'app'@'%' IDENTIFIED BY 'new-pw' RETAIN CURRENT PASSWORD",
    ]
    assert opened.local.users["app"] == ["new-pw", "app-pw"]
    assert accounts(system, opened, app="new-pw") == []


def test_a_password_check_that_cannot_be_made_is_no_reason_for_a_new_password(system: FakeSystem, opened: World) -> None:
    accounts(system, opened)
    opened.addresses = {"10.20.1.10": "nobody"}
    with pytest.raises(Failed, match="Connection refused"):
        accounts(system, opened)
    assert opened.writes == []


def test_root_is_known_by_the_socket_and_not_by_an_empty_password(system: FakeSystem, opened: World) -> None:
    opened.local.root_plugin = "caching_sha2_password"
    assert accounts(system, opened) == [
        "INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'",
        "ALTER USER root@localhost IDENTIFIED WITH auth_socket",
        *ACCOUNTS,
    ]
