"""/etc/distributed-web/failover.json: who the members are and how the lease is kept. Written by a release; read at the start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from ..lease.view import Settings
from ..system import Failed, System

PATH = "/etc/distributed-web/failover.json"
ROLES_PORT = 9201  # cloud_init/ports.py, ROLES
MEMBERS_PORT = 9202  # cloud_init/ports.py, MEMBERS


@dataclass(frozen=True, kw_only=True)
class Config:
    server: str
    domain: str  # "<server>.<domain>" is on each server's certificate
    members: Mapping[str, str]  # private address of every database server, this one among them, by name
    settings: Settings
    read_lag_s: float  # a replica further behind is not read from

    @property
    def others(self) -> tuple[str, ...]:
        return tuple(name for name in self.members if name != self.server)

    def hostname(self, name: str) -> str:
        return f"{name}.{self.domain}"

    def named(self, address: str | None) -> str | None:
        """The member with that address."""
        return next((name for name, own in self.members.items() if own == address), None)

    @classmethod
    def load(cls, system: System) -> Config:
        """Raises Failed when the release did not bring it whole."""
        try:
            raw = json.loads(system.path(PATH).read_text())
            return cls(
                server=raw["server"],
                domain=raw["domain"],
                members=dict(raw["members"]),
                settings=Settings(**raw["settings"]),
                read_lag_s=raw["read_lag_s"],
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Failed(f"{PATH}: cannot be read ({error!r}); a release writes it: run `agent apply`") from None
