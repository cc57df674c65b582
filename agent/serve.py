"""`agent serve`, the unit agent.service: answers for the server's health on port 9200."""

from __future__ import annotations

import os
import socket

from .endpoints import Server
from .health import Health
from .system import Failed, System

ADDRESS = ("0.0.0.0", 9200)  # the firewall decides who gets here


def serve(system: System) -> None:
    """Never returns. Raises Failed when the port is taken."""
    health = Health(system)
    try:
        server = Server(ADDRESS, {("GET", "/health"): lambda _: health.answer()})
    except OSError as error:
        raise Failed(f"port {ADDRESS[1]}: {error}") from None
    notify_ready()
    server.serve_forever()


def notify_ready() -> None:
    """Tell systemd that the port is open (sd_notify(3)); nothing when systemd does not ask."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.connect(address.replace("@", "\0", 1) if address.startswith("@") else address)
            client.send(b"READY=1")
