"""HTTP as the agent's units speak it: a JSON answer, 200 or an error code, for each of a few paths. No path is known here."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BODY_LIMIT = 64 * 1024  # bytes
PATIENCE_S = 5  # for a client to say something


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`ok`: 200, else 503 (the convention of Patroni's REST API), or 404 where a server `leaves` as planned (HAProxy's
    http-check disable-on-404)."""

    ok: bool
    body: dict[str, Any]
    leaves: bool = False

    @property
    def status(self) -> int:
        return 200 if self.ok else 404 if self.leaves else 503


@dataclass(frozen=True, kw_only=True)
class Message:
    """`certificate`: of whoever sent it, verified, as `SSLSocket.getpeercert` gives it; empty without TLS."""

    body: dict[str, Any]
    certificate: dict[str, Any]


Route = Callable[[Message], Answer]
Routes = Mapping[tuple[str, str], Route]  # (method, path)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], routes: Routes, context: Callable[[], ssl.SSLContext] | None = None) -> None:
        super().__init__(address, Handler)
        self.routes, self._context = routes, context

    def finish_request(self, request: socket.socket, client_address: Any) -> None:
        """In the connection's own thread: a client that does not finish its handshake keeps nobody else waiting."""
        if self._context:
            request.settimeout(PATIENCE_S)
            try:
                request = self._context().wrap_socket(request, server_side=True)
            except (OSError, ValueError):
                return
        super().finish_request(request, client_address)

    def handle_error(self, request: socket.socket, client_address: Any) -> None:
        """A client that goes away in the middle is no news."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE_S
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        self._serve("GET", {})

    def do_POST(self) -> None:
        try:
            body = json.loads(self.rfile.read(min(int(self.headers.get("Content-Length", 0)), BODY_LIMIT)) or b"{}")
        except ValueError:
            self._answer(400, {"error": "a JSON object is expected"})
            return
        self._serve("POST", body)

    def _serve(self, method: str, body: dict[str, Any]) -> None:
        route = self.server.routes.get((method, self.path))
        if route is None:
            known = ", ".join(f"{method} {path}" for method, path in self.server.routes)
            self._answer(404, {"error": f"not one of {known}"})
            return
        certificate = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else {}
        try:
            answer = route(Message(body=body, certificate=certificate or {}))
        except (KeyError, TypeError, ValueError) as error:
            self._answer(400, {"error": f"{self.path}: not of the expected shape: {error!r}"})
            return
        self._answer(answer.status, answer.body)

    def _answer(self, status: int, body: Mapping[str, object]) -> None:
        content = json.dumps(body).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """A check every half second from every balancer is no news."""
