"""GET /health, /primary and /replica on port 9200: 200 or 503 with a JSON body (the Patroni REST API's convention)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .roles import Answer

Routes = Mapping[str, Callable[[], Answer]]


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], routes: Routes) -> None:
        super().__init__(address, Handler)
        self.routes = routes


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5  # seconds for a client to say something
    server: Server

    def do_GET(self) -> None:
        route = self.server.routes.get(self.path)
        if route is None:
            self._answer(404, {"error": f"not one of {', '.join(self.server.routes)}"})
            return
        answer = route()
        self._answer(200 if answer.ok else 503, answer.body)

    def _answer(self, status: int, body: Mapping[str, object]) -> None:
        content = json.dumps(body).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """A check every half second from every balancer is no news."""
