"""`agent serve`, the unit agent.service: answers for the server's health on port 9200."""

from __future__ import annotations

from .endpoints import Server
from .health import Health
from .notify import Notifier
from .system import Failed, System

ADDRESS = ("0.0.0.0", 9200)  # the firewall decides who gets here


def serve(system: System) -> None:
    """Never returns. Raises Failed when the port is taken."""
    health = Health(system)
    try:
        server = Server(ADDRESS, {("GET", "/health"): lambda _: health.answer()})
    except OSError as error:
        raise Failed(f"port {ADDRESS[1]}: {error}") from None
    Notifier().ready()
    server.serve_forever()
