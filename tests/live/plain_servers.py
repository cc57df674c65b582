"""Plain servers in the network namespaces of a cloud without machines: what the tests of the network talk to."""

import contextlib
import http.client
import socket
import ssl
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local.host.namespaces import NetworkError, inside

PROXY_V2 = b"\r\n\r\n\0\r\nQUIT\n"


def proxy_header(connection: socket.socket) -> str:
    """Reads a PROXY protocol v2 header; the source address in it, or "LOCAL" (proxy-protocol.txt, 2.2)."""
    head = connection.recv(16, socket.MSG_WAITALL)
    assert head[:12] == PROXY_V2, head
    body = connection.recv(struct.unpack("!H", head[14:16])[0], socket.MSG_WAITALL)
    return "LOCAL" if head[12] & 0xF == 0 else socket.inet_ntoa(body[:4])


class Greeter:
    """Answers every connection with `name`, the peer's address, and the PROXY header's source when it expects one."""

    def __init__(self, netns: str, port: int, name: str, *, proxied: bool = False, tls: ssl.SSLContext | None = None):
        self.name, self.proxied, self.tls = name, proxied, tls
        self.listener = inside(netns, lambda: socket.create_server(("0.0.0.0", port)))
        self.closed = False
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while not self.closed:
            try:
                connection, peer = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.greet, args=(connection, peer[0]), daemon=True).start()

    def greet(self, connection: socket.socket, peer: str) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(5)
            words = [self.name, peer] + ([proxy_header(connection)] if self.proxied else [])
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            connection.sendall(" ".join(words).encode() + b"\n")
            while chunk := connection.recv(100):  # then an echo, so that a connection can be held
                connection.sendall(chunk)

    def close(self) -> None:
        self.closed = True
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Health:
    """An HTTP server behind a PROXY v2 header, as HAProxy's `accept-proxy` health port; `status` may be changed."""

    def __init__(self, netns: str, port: int):
        health = self
        self.status, self.sources = 200, set()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(health.status if self.path == "/health" else 404)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def finish_request(self, request: socket.socket, client_address: tuple) -> None:
                health.sources.add(proxy_header(request))
                super().finish_request(request, client_address)

            def handle_error(self, *_: object) -> None:
                pass

        server = Server(("", port), Handler, bind_and_activate=False)
        server.socket.close()
        server.socket = inside(netns, lambda: socket.create_server(("0.0.0.0", port)))
        threading.Thread(target=server.serve_forever, daemon=True).start()


def eventually(what, deadline_s: float = 60):
    """The first true answer of `what`; fails at the deadline with the last one."""
    end = time.monotonic() + deadline_s
    while not (answer := what()):
        assert time.monotonic() < end, f"not within {deadline_s} s; last answer: {answer!r}"
        time.sleep(0.05)
    return answer


@contextlib.contextmanager
def packets(netns: str):
    """The source addresses of the IPv4 packets that arrive in a namespace meanwhile (packet(7))."""
    arrived, ended = [], threading.Event()
    wire = inside(netns, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)))
    wire.settimeout(0.05)

    def listen() -> None:
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                packet, (*_, kind, _, _) = wire.recvfrom(2048)
                if kind != socket.PACKET_OUTGOING:
                    arrived.append(socket.inet_ntoa(packet[12:16]))

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        yield arrived
    finally:
        ended.set()
        listener.join()
        wire.close()


def dial(netns: str, address: str, port: int, timeout_s: float = 0.5) -> str | None:
    """The greeting at an address as seen from a namespace; None when nothing comes back: a firewall swallows it."""
    try:
        with inside(netns, lambda: socket.create_connection((address, port), timeout=timeout_s)) as connection:
            return connection.makefile().readline().strip()
    except (TimeoutError, NetworkError):
        return None


def metadata(netns: str, method: str, path: str, **headers: str) -> tuple[int, bytes]:
    """Status and body of a request to the metadata service; `_` in a header's name stands for `-`."""
    connection = http.client.HTTPConnection("169.254.169.254", timeout=5)
    connection.sock = inside(netns, lambda: socket.create_connection(("169.254.169.254", 80), timeout=5))
    with contextlib.closing(connection):
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.read()
