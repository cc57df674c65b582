"""/etc/distributed-web/server.json: what user data tells a server about itself. Read-only."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields

from .system import Failed, System

PATH = "/etc/distributed-web/server.json"


@dataclass(frozen=True, kw_only=True)
class Server:
    stack: str
    server: str  # this server's name, "web-a"
    region: str
    bucket: str  # of the releases
    salvage: str  # bucket for transactions that only one server had
    parameters: str  # SSM path prefix, "/distributed-web/<stack>"
    table: str  # DynamoDB table for what the servers agree on

    @classmethod
    def load(cls, system: System) -> Server:
        """Raises Failed when user data did not write it whole."""
        try:
            values = json.loads(system.path(PATH).read_text())
            return cls(**{field.name: values[field.name] for field in fields(cls)})
        except (OSError, ValueError, KeyError) as error:
            raise Failed(f"{PATH}: cannot be read ({error!r}); cloud-init writes it from the user data") from None
