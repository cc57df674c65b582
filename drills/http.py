"""The little HTTP/1.1 that a measuring client needs: one connection, one request after another, over verified TLS."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass


class Unanswered(Exception):
    """The connection ended before the first byte of an answer. A browser asks again on a new one when it was a used one."""


class Broken(Exception):
    """It ended, or turned into nonsense, in the middle of an answer."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]  # names in lower case


@dataclass(frozen=True, kw_only=True)
class Door:
    """Where the site is: 127.0.0.1, this port, the certificate to trust."""

    host: str
    port: int
    certificate: str  # PEM

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.certificate)


class Connection:
    """`balancer` is whoever answered on it last: the load balancer never moves a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.balancer = ""

    @classmethod
    async def open(cls, door: Door, context: ssl.SSLContext) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", door.port, ssl=context, server_hostname=door.host))

    async def ask(self, request: bytes) -> Answer:
        """One answer, read to its end. Raises Unanswered or Broken; the connection is of no use then."""
        try:
            self.writer.write(request)
            await self.writer.drain()
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            raise Broken("half an answer") if error.partial else Unanswered("closed") from error
        except OSError as error:
            raise Unanswered(str(error)) from error
        answer = parse(head)
        self.balancer = answer.headers.get("x-balanced-by", self.balancer)
        try:
            await self.reader.readexactly(int(answer.headers["content-length"]))
        except (asyncio.IncompleteReadError, OSError, KeyError) as error:
            raise Broken(f"status {answer.status}, then {error!r}") from error
        return answer

    @property
    def usable(self) -> bool:
        return not self.reader.at_eof() and not self.writer.is_closing()

    def close(self) -> None:
        self.writer.transport.abort()


def parse(head: bytes) -> Answer:
    """The status line and the headers (RFC 9112, 2 to 5)."""
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    pairs = (text.partition(":") for text in lines)
    return Answer(status=int(first.split(" ")[1]), headers={name.lower(): value.strip() for name, _, value in pairs})


def get(host: str, path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


def post(host: str, path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
