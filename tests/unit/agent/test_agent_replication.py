"""A replica: filled, rejoined, refused. The last-copy rule in every combination."""

from __future__ import annotations

import pytest

from agent.mysql import Data, Login, Mysql, MysqlFailed
from agent.replication import Replica, decide
from agent.system import Failed
from tests.unit.agent.fakes import FakeSystem
from tests.unit.agent.mysql_world import World

CLONE = [
    "STOP REPLICA",
    "SET GLOBAL clone_valid_donor_list = '10.20.1.10:3306'",
    "SET GLOBAL clone_ssl_ca = '/etc/mysql/tls/ca.pem'",
    "SET GLOBAL read_only = OFF",
    "CLONE INSTANCE FROM 'replication'@'10.20.1.10':3306 IDENTIFIED BY 'replication-pw' REQUIRE SSL",
    "RESET REPLICA ALL",
]
FOLLOW = [
    "STOP REPLICA",
    "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '10.20.1.10', SOURCE_PORT = 3306, SOURCE_USER = 'replication',"
    " SOURCE_PASSWORD = 'replication-pw', SOURCE_SSL = 1, SOURCE_SSL_CA = '/etc/mysql/tls/ca.pem',"
    " SOURCE_SSL_VERIFY_SERVER_CERT = 1, SOURCE_AUTO_POSITION = 1,"
    " SOURCE_CONNECT_RETRY = 2, SOURCE_RETRY_COUNT = 0, SOURCE_HEARTBEAT_PERIOD = 1",
    "START REPLICA",
    "SET GLOBAL super_read_only = ON",
]
PRIMARY = Data(executed="a1 a2", purged="", schemas=("notes",), cluster_id="cluster-1", read_only=False, follows=None)


@pytest.fixture
def pair(world: World) -> World:
    """web-a is a primary, we are on web-b."""
    world.created("web-a")
    world.here = "web-b"
    return world


def converge(system: FakeSystem, world: World, password: str = "replication-pw") -> list[str]:
    world.writes.clear()
    source = Login(host="10.20.1.10", user="replication", password=password)
    Replica(system=system, mysql=Mysql(Login(), world.query), source=source).converge()
    return world.writes


def test_an_empty_replica_is_cloned_and_follows(system: FakeSystem, pair: World) -> None:
    assert converge(system, pair) == CLONE + FOLLOW
    assert (pair.local.cluster_id, pair.local.threads, pair.local.super_read_only) == ("cluster-1", ("Yes", "Yes"), 1)
    assert system.commands == []


def test_a_second_run_asks_and_writes_nothing(system: FakeSystem, pair: World) -> None:
    converge(system, pair)
    assert converge(system, pair) == []


def test_a_mysqld_that_cannot_restart_itself_after_the_clone_is_restarted(system: FakeSystem, pair: World) -> None:
    pair.clone_error = MysqlFailed(3707, "Restart server failed (mysqld is not managed by supervisor process). (3707)")
    assert converge(system, pair) == CLONE + FOLLOW
    assert system.commands == ["systemctl restart mysql"]


def test_a_replica_that_was_away_follows_again_without_a_clone(system: FakeSystem, pair: World) -> None:
    converge(system, pair)
    pair.local.source, pair.local.threads = None, ("No", "No")
    pair.servers["web-a"].executed = "a1 a2 a3"
    assert converge(system, pair) == FOLLOW
    assert pair.local.executed == "a1 a2 a3"


def test_a_replica_whose_next_transaction_is_purged_is_cloned_anew(system: FakeSystem, pair: World) -> None:
    converge(system, pair)
    pair.local.executed, pair.local.source = "a1", None
    pair.servers["web-a"].executed, pair.servers["web-a"].purged = "a1 a2 a3", "a1 a2"
    assert converge(system, pair) == CLONE + FOLLOW


def test_data_with_transactions_of_its_own_is_refused_and_untouched(system: FakeSystem, pair: World) -> None:
    converge(system, pair)
    pair.local.executed, pair.local.source = "a1 a2 b1", None
    with pytest.raises(Failed, match=r"transactions that the primary lacks \(b1\); it is not overwritten"):
        converge(system, pair)
    assert pair.writes == []


def test_a_new_replication_password_is_taken_up(system: FakeSystem, pair: World) -> None:
    converge(system, pair)
    pair.servers["web-a"].users["replication"] = ["new-pw", "replication-pw"]
    assert converge(system, pair, "new-pw") == [line.replace("replication-pw", "new-pw") for line in FOLLOW]


def test_a_primary_that_never_opens_is_waited_for_and_named(system: FakeSystem, pair: World) -> None:
    pair.servers["web-a"].up = False
    with pytest.raises(
        Failed,
        match=r"writable primary at 10.20.1.10: not within 900 s: mysql on replication@10.20.1.10:3306: "
        r"Connection refused",
    ):
        converge(system, pair)
    assert pair.writes == []


def test_a_read_only_primary_is_no_primary(system: FakeSystem, pair: World) -> None:
    pair.servers["web-a"].read_only = 1
    with pytest.raises(Failed, match=r"writable primary at 10.20.1.10: not within 900 s"):
        converge(system, pair)


def test_a_failed_clone_leaves_the_server_read_only_and_says_why(system: FakeSystem, pair: World) -> None:
    pair.clone_error = MysqlFailed(3862, "Clone Donor Error: 1045 : Access denied (3862)")
    with pytest.raises(Failed, match=r"clone from 10.20.1.10: Clone Donor Error: 1045"):
        converge(system, pair)
    assert pair.writes == [*CLONE[:-1], "SET GLOBAL super_read_only = ON"]
    assert (pair.local.read_only, pair.local.source) == (1, None)


def test_replication_that_does_not_start_says_mysqls_own_reason(system: FakeSystem, pair: World, monkeypatch) -> None:
    converge(system, pair)
    pair.local.source = None
    monkeypatch.setattr(
        "tests.unit.agent.mysql_world.Server.threads", property(lambda self: ("Connecting", "Yes"), lambda self, value: None)
    )
    with pytest.raises(Failed, match=r"replication from 10.20.1.10: not within 60 s: error connecting to source"):
        converge(system, pair)


@pytest.mark.parametrize(
    ("local", "extra", "lost", "step"),
    [
        ({"executed": "", "schemas": ()}, "", "a1", "clone"),
        ({}, "", "", "follow"),
        ({}, "", "a1", "clone"),
        ({"cluster_id": None}, "", "", "follow"),
    ],
)
def test_how_a_replica_gets_to_the_primarys_data(local: dict, extra: str, lost: str, step: str) -> None:
    assert decide(Data(**PRIMARY.__dict__ | local), PRIMARY, extra=extra, lost=lost) == step


@pytest.mark.parametrize(
    ("local", "extra", "lost", "reason"),
    [
        ({}, "b1", "", "transactions that the primary lacks"),
        ({}, "b1", "a1", "transactions that the primary lacks"),
        ({"executed": ""}, "", "", "no transaction history"),
        ({"executed": ""}, "", "a1", "no transaction history"),
        ({"cluster_id": "cluster-2"}, "", "", "is of database cluster-2, the primary's is cluster-1"),
    ],
)
def test_what_is_never_overwritten(local: dict, extra: str, lost: str, reason: str) -> None:
    with pytest.raises(Failed, match=reason):
        decide(Data(**PRIMARY.__dict__ | local), PRIMARY, extra=extra, lost=lost)
