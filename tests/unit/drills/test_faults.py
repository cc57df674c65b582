"""Faults that change data: what they read, what they write, in which order."""

from types import SimpleNamespace

import pytest

from drills import site as sites
from drills.faults import FaultFailed, command, power, store
from drills.site import NotWell, Site
from local.api import outage
from local.api.host import CommandResult


class Table:
    """Of DynamoDB the one table; `noted` says whether the store was out at each call."""

    def __init__(self, instance, items):
        self.instance, self.items, self.noted = instance, items, []

    def list_tables(self):
        return {"TableNames": ["cluster"]}

    def scan(self, TableName, ConsistentRead):
        return {"Items": [dict(item) for item in self.items]}

    def put_item(self, TableName, Item):
        self.noted.append((outage.file(self.instance, "dynamodb").exists(), Item))


def cloud(tmp_path, items):
    instance = SimpleNamespace(run=tmp_path)
    table = Table(instance, items)
    instance.client = lambda _: table
    return SimpleNamespace(instance=instance), table


LEASE = {"id": {"S": "lease"}, "holder": {"S": "web-a"}, "epoch": {"N": "7"}, "counter": {"N": "5"}, "ttl_s": {"N": "5"}}


def test_a_rollback_puts_the_lease_back_as_it_was_once_the_store_has_been_out_for_longer_than_a_watch_may_have_a_gap(
    tmp_path, monkeypatch
):
    site, table = cloud(tmp_path, [{"id": {"S": "rollout"}}, dict(LEASE)])
    slept = []

    def sleep(seconds):
        slept.append((seconds, outage.file(site.instance, "dynamodb").exists()))
        table.items[1]["counter"] = {"N": "20"}

    monkeypatch.setattr(store, "time", SimpleNamespace(sleep=sleep))
    store.StoreRollback(server="web-a", seconds=10).begin(site, None)
    assert slept == [(10, False), (2.5, True)]
    assert table.noted == [(False, LEASE)]


def test_a_table_without_a_lease_cannot_be_rolled_back(tmp_path):
    site, _ = cloud(tmp_path, [{"id": {"S": "rollout"}}])
    with pytest.raises(FaultFailed, match="holds no lease"):
        store.lease(site)


def test_an_emptied_volume_has_its_size_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(power, "volumes_of", lambda site, server: ["vol-1"])
    (tmp_path / "volumes").mkdir()
    file = tmp_path / "volumes" / "vol-1.img"
    file.write_bytes(b"data" * 1000)
    power.empty(SimpleNamespace(instance=SimpleNamespace(home=tmp_path)), None)
    assert file.read_bytes() == bytes(4000)


def test_a_verb_that_a_server_refuses_is_told_in_its_words():
    machine = SimpleNamespace(run=lambda script, timeout_s: CommandResult(1, "", "no candidate: web-b lags\n"))
    with pytest.raises(FaultFailed, match="web-a: switchover: exit 1: no candidate: web-b lags"):
        command(SimpleNamespace(name="web-a", machine=machine), "switchover")


def whole(role, record=None):
    site = Site.__new__(Site)
    server = SimpleNamespace(name="web-a", role=lambda: {"role": role}, lease=lambda: {"record": record})
    site.servers = {"web-a": server}
    return site


def test_a_role_that_nobody_has_is_told_with_what_each_server_says():
    site = whole("primary")
    assert site.named("the primary").name == "web-a"
    site.servers["web-b"] = SimpleNamespace(name="web-b", role=dict)  # its agent is silent
    with pytest.raises(NotWell, match=r"^no server says that it is the replica: web-a says primary, web-b says nothing$"):
        site.named("the replica")
    site.servers.clear()
    with pytest.raises(NotWell, match=r"^no server says that it is the primary: there is none with a database$"):
        site.named("the primary")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (None, []),
        ({"counter": 5, "ttl_s": 5, "failover": True}, [60]),
        ({"counter": 5, "ttl_s": 5, "failover": False}, []),
        ({"counter": 500, "ttl_s": 5, "failover": True}, [0]),
    ],
)
def test_the_pause_after_a_failover_is_waited_out_by_its_renewals(record, expected, monkeypatch):
    slept = []
    monkeypatch.setattr(sites, "time", SimpleNamespace(sleep=slept.append))
    whole("primary", record).wait_for_pause()
    assert slept == expected
