"""MySQL's part of an apply: who creates, what is waited for, and with which reason that ends."""

from __future__ import annotations

from typing import Any

import pytest

from agent.database import Cluster, LocalDatabase
from agent.manifest import Manifest
from agent.mysql import Login, Mysql
from agent.system import Failed
from tests.unit.agent.fakes import FakeSystem
from tests.unit.agent.mysql_world import World
from tests.unit.agent.web_server import FIRST, Web

RECORD = {"id": "lease", "holder": "web-b", "epoch": 4}
REPLICA = {"boot_nonce": "nonce", "record": RECORD, "role": "replica", "alarm": None, "error": None}
PASSWORDS = {"app": "app-pw", "replication": "replication-pw"}


def database(web: Web, seen: dict[str, Any], accounts: Any = lambda *_: None, primary: str = "web-a") -> LocalDatabase:
    """Of a server whose failover unit says `seen`."""
    web.release(FIRST, primary=primary)
    passwords = web.system.path("/etc/distributed-web/database")
    passwords.mkdir(exist_ok=True)
    for user, password in PASSWORDS.items():
        (passwords / f"{user}.password").write_text(password)
    cluster = Cluster(members=("web-a", "web-b"), ttl_s=5, lease=lambda: seen, accounts=accounts)
    return LocalDatabase(
        system=web.system,
        store=web.bucket.store,
        mysql=Mysql(Login(), web.world.query),
        manifest=Manifest.parse(web.bucket.store.manifest()),
        cluster=lambda: cluster,
    )


def test_the_holder_is_asked_for_the_accounts_whoever_takes_the_release(web: Web) -> None:
    web.bucket.items["lease"] = RECORD
    asked = []
    database(web, REPLICA, lambda holder, body: asked.append((holder, body))).converge()
    assert asked == [("web-b", {"name": "notes", "passwords": PASSWORDS})]
    assert web.world.writes == []


def test_only_the_server_named_primary_creates_and_only_while_there_is_no_lease(web: Web) -> None:
    database(web, REPLICA, primary="web-b").converge()
    assert web.bucket.items == {}
    database(web, REPLICA).converge()
    assert set(web.bucket.items) == {"database", "lease"}


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (
            {"role": "none", "alarm": "web-a lacks 7 transactions"},
            "database: primary or replica: not within 900 s: web-a lacks 7",
        ),
        ({"role": "none", "error": "mysql hangs"}, "database: primary or replica: not within 900 s: mysql hangs"),
        ({"role": "none"}, "database: primary or replica: not within 900 s: no role yet"),
        ({"record": None}, "database: accounts: not within 60 s: the lease was not read yet"),
    ],
)
def test_what_is_waited_for_in_vain_is_said_with_the_units_own_words(web: Web, seen: dict, reason: str) -> None:
    with pytest.raises(Failed, match=reason):
        database(web, REPLICA | seen).converge()


def test_accounts_that_the_holder_refuses_are_asked_for_again_until_the_deadline(web: Web) -> None:
    tries = []

    def refuses(holder: str, _: dict) -> None:
        tries.append(holder)
        raise Failed("web-b is not the primary")

    with pytest.raises(Failed, match="database: accounts: not within 60 s: web-b is not the primary"):
        database(web, REPLICA, refuses).converge()
    assert len(tries) > 100


def test_a_missing_password_names_the_file(web: Web) -> None:
    chosen = database(web, REPLICA)
    web.system.path("/etc/distributed-web/database/app.password").unlink()
    with pytest.raises(Failed, match=r"database/app\.password: .*; the manifest's secrets must bring it"):
        chosen.converge()


def test_the_first_server_of_the_order_runs_the_set_up_whoever_is_the_primary(system: FakeSystem, world: World) -> None:
    assert [database(Web(name, system, world), REPLICA).is_first for name in ("web-a", "web-b")] == [True, False]
