"""The connection to the AWS API that tables get: clients, region, account, tags marker, and waiting with a deadline."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

T = TypeVar("T")
POLL_S = 0.2  # the API is on this computer: asking often costs little
LOOPBACK = ("127.0.0.1", "localhost", "::1")
REMEDY = "Use `make up`, or `eval $(make env)` before calling pulumi by hand."


class Cancelled(Exception):
    """The engine asked to stop while an operation was waiting."""


class WaitedTooLong(Exception):
    """A deadline passed."""


class Session:
    """Clients of one local cloud, made once and shared by all threads."""

    def __init__(self, endpoint: str | None = None, region: str | None = None):
        self.endpoint = endpoint or os.environ.get("AWS_ENDPOINT_URL", "")
        if urlsplit(self.endpoint).hostname not in LOOPBACK:
            raise ValueError(
                f"the stand-in aws provider only talks to the local cloud: AWS_ENDPOINT_URL is {self.endpoint!r}, "
                f"allowed is an address on this computer ({', '.join(LOOPBACK)}). {REMEDY}"
            )
        self.region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
        if not self.region:
            raise ValueError("no region: set `pulumi config set aws:region eu-central-1`, or AWS_REGION")
        self.cancelled = threading.Event()
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        with self._lock:  # making a boto3 client is not thread-safe, using one is
            if service not in self._clients:
                self._clients[service] = boto3.client(
                    service,
                    endpoint_url=self.endpoint,
                    region_name=self.region,
                    aws_access_key_id=os.environ.get("AWS_ACCESS_KEY_ID", "local"),
                    aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY", "local"),
                    config=Config(retries={"max_attempts": 3}, connect_timeout=5, read_timeout=120, max_pool_connections=32),
                )
            return self._clients[service]

    @cached_property
    def account(self) -> str:
        return self.client("sts").get_caller_identity()["Account"]


@dataclass(frozen=True, kw_only=True)
class Aws:
    """What one operation on one resource works with."""

    session: Session
    urn: str  # of the resource being worked on
    default_tags: Mapping[str, str] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return self.session.client(service)

    @property
    def region(self) -> str:
        return self.session.region

    @property
    def account(self) -> str:
        return self.session.account

    @property
    def name(self) -> str:
        """The resource's logical name: what follows the last `::` of its URN."""
        return self.urn.rsplit("::", 1)[-1]

    def wait(self, what: str, probe: Callable[[], T | None], timeout_s: float, poll_s: float = POLL_S) -> T:
        """Asks `probe` until its answer is truthy and returns it.

        `what` completes "waiting for …". Raises WaitedTooLong after `timeout_s` seconds, Cancelled when the engine stops.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            if answer := probe():
                return answer
            if time.monotonic() > deadline:
                raise WaitedTooLong(f"waiting for {what}: not so after {timeout_s:g} s")
            if self.session.cancelled.wait(poll_s):
                raise Cancelled(f"waiting for {what}: cancelled")

    def retry(self, what: str, call: Callable[[], T], *codes: str, timeout_s: float) -> T:
        """Calls until it succeeds; an AWS error of these `codes` (DependencyViolation, …) is tried again.

        After `timeout_s` seconds the last such error is raised.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                return call()
            except ClientError as error:
                if error_code(error) not in codes or time.monotonic() > deadline:
                    raise
            if self.session.cancelled.wait(POLL_S):
                raise Cancelled(f"{what}: cancelled")


def error_code(error: ClientError) -> str:
    """AWS's own code of an error: InvalidVpcID.NotFound, DependencyViolation, …"""
    return error.response.get("Error", {}).get("Code", "Unknown")


def found(call: Callable[[], T], *codes: str) -> T | None:
    """The call's answer, or None when AWS says with one of `codes` that the object does not exist."""
    try:
        return call()
    except ClientError as error:
        if error_code(error) in codes:
            return None
        raise
