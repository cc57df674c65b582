"""The lease's item in the cluster's table: one read, one conditional write, each bounded; the SDK repeats nothing by itself."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ..lease.record import Record, Write
from ..lease.state import Outcome
from ..server import Server
from ..store import plain, typed
from ..system import Failed

ITEM = "lease"  # its `id`
CONNECTIONS = 16  # a request that hangs keeps none waiting
COPIES = 4  # of a write that nobody answers


class LeaseTable:
    """`timeout_s` bounds connecting and answering each."""

    def __init__(self, server: Server, timeout_s: float) -> None:
        self._table, self._timeout_s = server.table, timeout_s
        config = Config(
            connect_timeout=timeout_s,
            read_timeout=timeout_s,
            retries={"mode": "standard", "total_max_attempts": 1},
            max_pool_connections=CONNECTIONS,
        )
        self._copies = ThreadPoolExecutor(CONNECTIONS, "lease")
        self._client = boto3.client("dynamodb", region_name=server.region, config=config)

    def read(self) -> Record | None:
        """Strongly consistent; None: there is no item. Raises Failed when the store does not say."""
        try:
            answer = self._client.get_item(TableName=self._table, Key={"id": {"S": ITEM}}, ConsistentRead=True)
        except (ClientError, BotoCoreError) as error:
            raise Failed(f"dynamodb get_item {self._table}: {error}") from None
        return Record.from_item(plain(answer["Item"])) if "Item" in answer else None

    def write(self, write: Write) -> Outcome:
        """Any other error than a condition that did not hold says nothing about what became of the write.

        While nothing at all is answered the same is sent again, by another connection: a link that loses packets holds up one for
        seconds, not all. A second copy of a write that was done is refused, as if the network had doubled it.
        """
        copies: list[Future[Outcome]] = []
        for _ in range(COPIES):
            copies.append(self._copies.submit(self._put, write))
            if outcome := _first_answer(copies, within_s=self._timeout_s / 8):
                return outcome
        return _first_answer(copies, within_s=self._timeout_s) or Outcome.UNKNOWN

    def _put(self, write: Write) -> Outcome:
        condition, names, values = write.condition()
        try:
            self._client.put_item(
                TableName=self._table,
                Item=typed({"id": ITEM, **write.record.to_item()}),
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=typed(values),
            )
        except ClientError as error:
            refused = error.response["Error"]["Code"] == "ConditionalCheckFailedException"
            return Outcome.REFUSED if refused else Outcome.UNKNOWN
        except BotoCoreError:
            return Outcome.UNKNOWN
        return Outcome.DONE


def _first_answer(copies: Collection[Future[Outcome]], within_s: float) -> Outcome | None:
    """What became of a write, UNKNOWN when all copies have failed; None while some are under way."""
    try:
        said = (copy.result() for copy in as_completed(copies, within_s))
        return next((outcome for outcome in said if outcome is not Outcome.UNKNOWN), Outcome.UNKNOWN)
    except TimeoutError:
        return None
