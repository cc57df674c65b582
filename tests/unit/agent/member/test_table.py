"""The lease's item: read whole or not at all, written on condition or not at all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from agent.lease import record as records
from agent.lease.state import Outcome
from agent.member.table import LeaseTable
from agent.store import typed
from agent.system import Failed
from tests.unit.agent.fakes import REGION, TABLE, identity
from tests.unit.agent.member.scene import RECORD


@pytest.fixture(scope="module")
def cloud() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "test")
        boto3.client("dynamodb", REGION).create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        yield


@pytest.fixture(scope="module")
def shared(cloud: None) -> LeaseTable:
    return LeaseTable(identity("web-a"), timeout_s=0.5)


@pytest.fixture
def empty(shared: LeaseTable) -> LeaseTable:
    boto3.client("dynamodb", REGION).delete_item(TableName=TABLE, Key={"id": {"S": "lease"}})
    return shared


@pytest.fixture
def table(empty: LeaseTable) -> LeaseTable:
    """With RECORD in it."""
    boto3.client("dynamodb", REGION).put_item(TableName=TABLE, Item=typed({"id": "lease", **RECORD.to_item()}))
    return empty


RENEWAL = records.renewal(RECORD, counter=9, sync=True, gtid_executed="a:1-12")


def test_a_missing_item_is_none_and_allows_no_write(empty: LeaseTable) -> None:
    assert empty.write(RENEWAL) is Outcome.REFUSED
    assert empty.read() is None


def test_a_record_is_read_whole(table: LeaseTable) -> None:
    assert table.read() == RECORD


def test_a_renewal_needs_the_same_epoch_and_a_smaller_counter(table: LeaseTable) -> None:
    assert table.write(RENEWAL) is Outcome.DONE
    assert table.write(RENEWAL) is Outcome.REFUSED  # a second copy
    assert table.write(records.renewal(RECORD, counter=8, sync=False, gtid_executed="a:1-11")) is Outcome.REFUSED
    assert table.read() == replace(RECORD, counter=9, sync=True, gtid_executed="a:1-12", published_at_counter=9)


def test_only_the_exact_record_that_was_watched_is_taken(table: LeaseTable) -> None:
    new = {"epoch": 4, "holder": "web-b", "boot_nonce": "nonce-b", "ttl_s": 5, "gtid_executed": "a:1-10", "failover": True}
    assert table.write(records.taking(replace(RECORD, counter=6), **new)) is Outcome.REFUSED
    assert table.write(records.taking(RECORD, **new)) is Outcome.DONE
    taken = table.read()
    assert (taken.holder, taken.epoch, taken.counter, taken.failover) == ("web-b", 4, 0, True)
    assert table.write(records.renewal(RECORD, counter=8, sync=False, gtid_executed=None)) is Outcome.REFUSED


@pytest.mark.parametrize("error", ["timeout", "throttled"])
def test_whatever_is_no_refusal_leaves_unknown_what_became_of_a_write(
    table: LeaseTable, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    fails, asked = _timeout if error == "timeout" else _throttled, []
    monkeypatch.setattr(table._client, "put_item", lambda **arguments: asked.append(arguments) or fails())
    assert table.write(RENEWAL) is Outcome.UNKNOWN
    assert len(asked) == 1


def test_a_write_that_nobody_answers_is_sent_again_until_one_is(table: LeaseTable, monkeypatch: pytest.MonkeyPatch) -> None:
    put, asked, over = table._client.put_item, [], threading.Event()

    def lossy(**arguments: Any) -> Any:
        asked.append(arguments)
        if len(asked) < 3:
            over.wait(10)
            _timeout()
        return put(**arguments)

    monkeypatch.setattr(table._client, "put_item", lossy)
    assert table.write(RENEWAL) is Outcome.DONE
    assert asked[0] == asked[1] == asked[2] and len(asked) == 3
    over.set()


def test_a_write_that_is_never_answered_is_given_up(table: LeaseTable, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, over = [], threading.Event()
    monkeypatch.setattr(table._client, "put_item", lambda **arguments: asked.append(arguments) or over.wait(10) or _timeout())
    assert table.write(RENEWAL) is Outcome.UNKNOWN
    assert len(asked) == 4
    over.set()


@pytest.mark.parametrize("error", ["timeout", "throttled"])
def test_a_read_that_fails_is_not_a_missing_item(table: LeaseTable, monkeypatch: pytest.MonkeyPatch, error: str) -> None:
    monkeypatch.setattr(table._client, "get_item", _timeout if error == "timeout" else _throttled)
    with pytest.raises(Failed, match=f"dynamodb get_item {TABLE}: "):
        table.read()


def test_a_record_that_is_not_whole_is_obeyed_by_nobody(table: LeaseTable) -> None:
    boto3.client("dynamodb", REGION).put_item(TableName=TABLE, Item={"id": {"S": "lease"}, "holder": {"S": "web-a"}})
    with pytest.raises(Failed, match="the record lacks cluster_id"):
        table.read()


def test_no_request_is_repeated_by_itself_or_waits_longer_than_it_may(table: LeaseTable) -> None:
    config = table._client.meta.config
    assert (config.connect_timeout, config.read_timeout, config.retries["total_max_attempts"]) == (0.5, 0.5, 1)


def test_a_read_is_strongly_consistent(table: LeaseTable, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(table._client, "get_item", lambda **arguments: asked.append(arguments) or {})
    table.read()
    assert asked == [{"TableName": TABLE, "Key": {"id": {"S": "lease"}}, "ConsistentRead": True}]


def _timeout(**_):
    raise ReadTimeoutError(endpoint_url="https://dynamodb")


def _throttled(**_):
    raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "PutItem")
