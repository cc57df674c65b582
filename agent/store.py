"""What a server reads and writes outside itself, with its instance role: S3 objects, SSM parameters, DynamoDB items."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .server import Server
from .system import Failed

CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 5})
PIECE = 1 << 20  # bytes
BATCH = 10  # names in one GetParameters call (SSM API reference)
Item = dict[str, str | int]


class Store:
    """Every method raises Failed naming the object when AWS refuses or does not answer."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._clients: dict[str, Any] = {}

    def manifest(self) -> str:
        return self._read(f"servers/{self._server.server}/manifest.json").decode()

    def object(self, key: str, sha256: str) -> bytes:
        """An object of the release, only when its bytes are the ones the manifest promises."""
        content = self._read(key)
        found = hashlib.sha256(content).hexdigest()
        if found != sha256:
            raise Failed(f"s3://{self._server.bucket}/{key}: SHA-256 is {found}, the manifest says {sha256}")
        return content

    def parameters(self, names: Iterable[str]) -> dict[str, str]:
        """Decrypted values by name; Failed when one is missing."""
        unique, found = sorted(set(names)), {}
        for start in range(0, len(unique), BATCH):
            answer = self._call("ssm", "get_parameters", Names=unique[start : start + BATCH], WithDecryption=True)
            if answer["InvalidParameters"]:
                raise Failed(f"SSM parameters missing: {', '.join(answer['InvalidParameters'])}")
            found.update({item["Name"]: item["Value"] for item in answer["Parameters"]})
        return found

    def report(self, report: Mapping[str, Any]) -> None:
        self._call(
            "s3",
            "put_object",
            Bucket=self._server.bucket,
            Key=f"reports/{self._server.server}.json",
            Body=json.dumps(report, indent=1).encode(),
            ContentType="application/json",
        )

    def keep(self, key: str, content: BinaryIO) -> str:
        """Put a file into the salvage bucket and read it back; its SHA-256. Raises Failed unless every byte is there.

        However large it is, no more than a piece of it is in memory.
        """
        bucket, wanted = self._server.salvage, hashlib.file_digest(content, "sha256").hexdigest()
        content.seek(0)
        self._call("s3", "put_object", Bucket=bucket, Key=key, Body=content)
        found = self._digest(bucket, key)
        if found != wanted:
            raise Failed(f"s3://{bucket}/{key}: SHA-256 is {found}, {wanted} was written")
        return wanted

    def _digest(self, bucket: str, key: str) -> str:
        digest = hashlib.sha256()
        try:
            for piece in self._client("s3").get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(PIECE):
                digest.update(piece)
        except (ClientError, BotoCoreError) as error:
            raise Failed(f"s3://{bucket}/{key}: {error}") from None
        return digest.hexdigest()

    def item(self, name: str) -> Item | None:
        answer = self._call("dynamodb", "get_item", TableName=self._server.table, Key={"id": {"S": name}}, ConsistentRead=True)
        return plain(answer["Item"]) if "Item" in answer else None

    def put(self, name: str, values: Item, condition: str, **compared: str | int) -> bool:
        """Write an item if `condition` (a DynamoDB expression over :names in `compared`) holds; says whether it did."""
        arguments: dict[str, Any] = {"Item": typed({"id": name, **values}), "ConditionExpression": condition}
        return self._conditional("put_item", arguments, compared)

    def delete(self, name: str, condition: str, **compared: str | int) -> bool:
        return self._conditional("delete_item", {"Key": {"id": {"S": name}}, "ConditionExpression": condition}, compared)

    def _conditional(self, operation: str, arguments: dict[str, Any], compared: Mapping[str, str | int]) -> bool:
        if compared:
            arguments["ExpressionAttributeValues"] = {f":{key}": value for key, value in typed(compared).items()}
        try:
            getattr(self._client("dynamodb"), operation)(TableName=self._server.table, **arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise Failed(f"dynamodb {operation} {self._server.table}: {error}") from None
        except BotoCoreError as error:
            raise Failed(f"dynamodb {operation} {self._server.table}: {error}") from None
        return True

    def _read(self, key: str) -> bytes:
        try:
            return self._client("s3").get_object(Bucket=self._server.bucket, Key=key)["Body"].read()
        except (ClientError, BotoCoreError) as error:
            raise Failed(f"s3://{self._server.bucket}/{key}: {error}") from None

    def _call(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        try:
            return getattr(self._client(service), operation)(**arguments)
        except (ClientError, BotoCoreError) as error:
            raise Failed(f"{service} {operation}: {error}") from None

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(service, region_name=self._server.region, config=CONFIG)
        return self._clients[service]


def typed(values: Mapping[str, str | int]) -> dict[str, dict[str, str]]:
    return {key: {"N": str(value)} if isinstance(value, int) else {"S": value} for key, value in values.items()}


def plain(item: Mapping[str, dict[str, str]]) -> Item:
    return {key: int(value["N"]) if "N" in value else value["S"] for key, value in item.items()}
