"""A replica as it is set up and recognised: auto-position over verified TLS, never writable."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.mysql import Login, Mysql
from agent.replication import follow, follows, replica_status, threads
from tests.unit.agent.mysql_world import World

SOURCE = Login(host="10.20.1.10", user="replication", password="replication-pw")
FOLLOW = [
    "STOP REPLICA",
    "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '10.20.1.10', SOURCE_PORT = 3306, SOURCE_USER = 'replication',"
    " SOURCE_PASSWORD = 'replication-pw', SOURCE_SSL = 1, SOURCE_SSL_CA = '/etc/mysql/tls/ca.pem',"
    " SOURCE_SSL_VERIFY_SERVER_CERT = 1, SOURCE_AUTO_POSITION = 1,"
    " SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 0, SOURCE_HEARTBEAT_PERIOD = 1",
    "START REPLICA",
    "SET GLOBAL super_read_only = ON",
]
FOLLOW_AGAIN = ["STOP REPLICA IO_THREAD", *FOLLOW[2:]]


@pytest.fixture
def replica(world: World) -> World:
    """web-a is a primary, we are on web-b."""
    world.created("web-a")
    world.here = "web-b"
    follow(Mysql(Login(), world.query), SOURCE)
    return world


def test_a_replica_follows_by_auto_position_over_verified_tls_and_is_read_only(replica: World) -> None:
    assert replica.writes == FOLLOW
    assert (replica.local.executed, replica.local.super_read_only) == ("a:1-2", 1)
    assert threads(Mysql(Login(), replica.query)) == ("Yes", "Yes")


@pytest.mark.parametrize(
    "changed",
    [{"host": "10.20.2.10"}, {"port": 3307}, {"user": "root"}, {"password": "new-pw"}],
)
def test_it_follows_only_with_just_these_credentials(replica: World, changed: dict) -> None:
    mysql = Mysql(Login(), replica.query)
    assert follows(mysql, SOURCE)
    assert not follows(mysql, replace(SOURCE, **changed))


def test_following_the_same_source_again_keeps_what_was_received(replica: World) -> None:
    """To change the source, to the same one too, drops the relay log."""
    another = [line.replace("10.20.1.10", "10.20.2.10") for line in FOLLOW]
    for both, source, statements in (
        (("Connecting", "Yes"), SOURCE, FOLLOW_AGAIN),
        (("No", "No"), SOURCE, FOLLOW),
        (("Yes", "Yes"), replace(SOURCE, host="10.20.2.10"), another),
    ):
        replica.local.threads = both
        replica.writes.clear()
        follow(Mysql(Login(), replica.query), source)
        assert replica.writes == statements


@pytest.mark.parametrize("both", [("Connecting", "Yes"), ("Yes", "No"), ("No", "No")])
def test_it_follows_only_while_both_threads_run(replica: World, both: tuple[str, str]) -> None:
    replica.local.threads = both
    assert not follows(Mysql(Login(), replica.query), SOURCE)


def test_a_replica_whose_source_is_not_verified_does_not_follow(replica: World) -> None:
    replica.local.source["ssl_verify_server_cert"] = 0
    assert not follows(Mysql(Login(), replica.query), SOURCE)


def test_a_server_that_follows_nobody_has_no_status(world: World) -> None:
    mysql = Mysql(Login(), world.query)
    assert (replica_status(mysql), threads(mysql), follows(mysql, SOURCE)) == (None, None, False)
