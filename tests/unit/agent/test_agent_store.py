"""S3, SSM and DynamoDB as a server meets them."""

from __future__ import annotations

import dataclasses
import io
import json
import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO

import boto3
import pytest
from moto import mock_aws

from agent import primary, rollout
from agent.store import Item, Store
from agent.system import Failed
from tests.unit.agent.fakes import BUCKET, PREFIX, REGION, SALVAGE, TABLE, Memory, identity

HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


@pytest.fixture(scope="module")
def cloud() -> Iterator[None]:
    """One bucket, one table, in this process; every test has keys of its own."""
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "test")
        for bucket in (BUCKET, SALVAGE):
            boto3.client("s3", REGION).create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        boto3.client("dynamodb", REGION).create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        yield


@pytest.fixture(scope="module")
def store(cloud: None) -> Store:
    return Store(identity("web-a"))


def put(key: str, content: bytes) -> None:
    boto3.client("s3", REGION).put_object(Bucket=BUCKET, Key=key, Body=content)


def test_an_object_is_handed_out_only_with_the_promised_bytes(store: Store) -> None:
    put("key", b"hello")
    assert store.object("key", HELLO) == b"hello"
    put("key", b"hallo")
    with pytest.raises(Failed, match=rf"s3://releases/key: SHA-256 is \w+, the manifest says {HELLO}"):
        store.object("key", HELLO)


def test_a_missing_object_is_named(store: Store) -> None:
    with pytest.raises(Failed, match=r"s3://releases/servers/web-a/manifest\.json: .*NoSuchKey"):
        store.manifest()


def test_more_parameters_than_one_call_takes_are_all_fetched_decrypted(store: Store) -> None:
    ssm = boto3.client("ssm", REGION)
    for number in range(12):
        ssm.put_parameter(Name=f"{PREFIX}/s{number}", Value=f"value {number}", Type="SecureString")
    names = [f"{PREFIX}/s{number}" for number in range(12)]
    assert store.parameters([*names, names[0]]) == {f"{PREFIX}/s{number}": f"value {number}" for number in range(12)}


def test_a_missing_parameter_is_named(store: Store) -> None:
    with pytest.raises(Failed, match=f"SSM parameters missing: {PREFIX}/nowhere"):
        store.parameters([f"{PREFIX}/nowhere"])


def test_a_report_is_json_beside_the_releases(store: Store) -> None:
    store.report({"ok": False, "reason": "haproxy"})
    body = boto3.client("s3", REGION).get_object(Bucket=BUCKET, Key="reports/web-a.json")["Body"]
    assert json.load(body) == {"ok": False, "reason": "haproxy"}


def test_what_is_kept_is_in_the_salvage_bucket_byte_for_byte(store: Store) -> None:
    assert store.keep("cluster-1/web-a/x", io.BytesIO(b"hello")) == HELLO
    assert boto3.client("s3", REGION).get_object(Bucket=SALVAGE, Key="cluster-1/web-a/x")["Body"].read() == b"hello"


def test_what_reads_back_otherwise_is_not_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    original = store._call

    def damaged(service: str, operation: str, **arguments: Any) -> dict:
        if operation == "put_object":
            arguments["Body"] = io.BytesIO(b"hallo")
        return original(service, operation, **arguments)

    monkeypatch.setattr(store, "_call", damaged)
    with pytest.raises(Failed, match=rf"s3://salvage/cluster-1/web-a/y: SHA-256 is \w{{64}}, {HELLO} was written"):
        store.keep("cluster-1/web-a/y", io.BytesIO(b"hello"))


def test_what_is_kept_is_in_memory_piece_by_piece_only(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    size = 64 << 20

    class Far:
        """S3, which has what was written; its answer is read in pieces."""

        def put_object(self, Body: BinaryIO, **_: str) -> None:
            assert Body.seek(0, io.SEEK_END) == size

        def get_object(self, **_: str) -> dict:
            return {"Body": self}

        def iter_chunks(self, piece: int) -> Iterator[bytes]:
            return (bytes(piece) for _ in range(size // piece))

    monkeypatch.setattr(store, "_client", lambda _: Far())
    with tempfile.TemporaryFile() as file, Memory() as memory:
        file.truncate(size)
        store.keep("large", file)
    assert memory.peak < size / 8


def test_an_item_is_written_only_while_its_condition_holds(store: Store) -> None:
    assert store.item("lock") is None
    assert store.put("lock", {"holder": "web-a", "expires_at": 7}, "attribute_not_exists(id)")
    assert not store.put("lock", {"holder": "web-b", "expires_at": 8}, "attribute_not_exists(id)")
    assert store.item("lock") == {"id": "lock", "holder": "web-a", "expires_at": 7}
    assert not store.delete("lock", "holder = :me", me="web-b")
    assert store.delete("lock", "holder = :me", me="web-a")
    assert store.item("lock") is None


@pytest.mark.parametrize(("me", "now", "taken"), [("web-b", 7, False), ("web-a", 7, True), ("web-b", 8, True)])
def test_the_rollout_lock_is_taken_by_its_holder_or_when_it_expired(store: Store, me: str, now: int, taken: bool) -> None:
    name = f"rollout-{me}-{now}"
    values: Item = {"holder": "web-a", "expires_at": 7}
    assert store.put(name, values, "attribute_not_exists(id)")
    assert store.put(name, values, rollout.FREE, me=me, now=now) is taken


@pytest.mark.parametrize(("cluster", "made"), [("cluster-1", True), ("cluster-2", False)])
def test_a_database_is_registered_once(store: Store, cluster: str, made: bool) -> None:
    name = f"database-{cluster}"
    assert store.put(name, {"cluster_id": "cluster-1"}, primary.FIRST, cluster="cluster-1")
    assert store.put(name, {"cluster_id": cluster}, primary.FIRST, cluster=cluster) is made


def test_a_table_that_is_not_there_is_a_reason(cloud: None) -> None:
    store = Store(dataclasses.replace(identity("web-a"), table="nowhere"))
    with pytest.raises(Failed, match=r"dynamodb put_item nowhere: .*ResourceNotFoundException"):
        store.put("lock", {}, "attribute_not_exists(id)")
