"""What the environment tells the application; the variables are set by the server it runs on (app.env)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Settings:
    """`write_port` leads to the primary, `read_port` to a replica, both on `hostname`, the name in the databases' certificate."""

    server: str
    hostname: str
    write_port: int
    read_port: int
    database: str
    user: str
    password: str = field(repr=False)
    ca: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Raises KeyError with the missing variable's name, OSError when the password file cannot be read."""
        return cls(
            server=environment["SERVER_NAME"],
            # /etc/hosts leads this name to 127.0.0.1, where HAProxy listens; connecting by it is what gets it verified.
            hostname=environment["DATABASE_HOSTNAME"],
            write_port=_port(environment["DATABASE_WRITE"]),
            read_port=_port(environment["DATABASE_READ"]),
            database=environment["DATABASE_NAME"],
            user=environment["DATABASE_USER"],
            password=Path(environment["DATABASE_PASSWORD_FILE"]).read_text().strip(),
            ca=Path(environment["DATABASE_CA"]),
        )


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])
