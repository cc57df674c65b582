"""One local cloud: its id, its folders, its ports. Nothing is started or changed here.

Everything that belongs to it on this computer (network namespaces, cgroups, mounts, processes) is named after `Instance.id`,
so that two checkouts, or a live test beside a running stack, never meet.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import socket
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
REGION = "eu-central-1"
ACCESS_KEY = SECRET_KEY = "local"  # the local API accepts any key; AWS clients insist on having one
HTTPS_PORT = 8443


def http_port(https_port: int) -> int:
    """Plain HTTP's port: as far below the TLS one as 8080 is below 8443."""
    return https_port - 363


def home() -> Path:
    """The folder of this checkout's local cloud, or the one that $LOCAL_CLOUD names."""
    return Path(os.environ.get("LOCAL_CLOUD") or CHECKOUT / ".local").resolve()


def cache_folder() -> Path:
    """Where images, packages, environments and the engine are kept for every checkout (XDG Base Directory)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "distributed-web"


@dataclass(frozen=True, kw_only=True)
class Instance:
    """`home` holds its state; the ports are on 127.0.0.1. `api_port` and `packages_port` are chosen once and kept."""

    home: Path
    id: str
    api_port: int
    packages_port: int
    region: str = REGION

    @classmethod
    def open(cls, folder: Path | None = None) -> Instance:
        """The instance in `folder` (default: `home()`); its record is written when it is new."""
        folder = (folder or home()).resolve()
        record = folder / "instance.json"
        if record.exists():
            return cls(home=folder, **json.loads(record.read_text()))
        folder.mkdir(parents=True, exist_ok=True)
        api_port, packages_port = free_ports(2)
        instance = cls(
            home=folder,
            id="dw-" + hashlib.sha256(str(folder).encode()).hexdigest()[:6],
            api_port=api_port,
            packages_port=packages_port,
        )
        fields = {key: value for key, value in asdict(instance).items() if key != "home"}
        draft = record.with_suffix(".new")
        draft.write_text(json.dumps(fields, indent=2) + "\n")
        draft.replace(record)
        return instance

    @property
    def cache(self) -> Path:
        return cache_folder()

    @property
    def endpoint(self) -> str:
        """The AWS API of this cloud, as seen from this computer."""
        return f"http://127.0.0.1:{self.api_port}"

    @cached_property
    def run(self) -> Path:
        """Process ids and sockets."""
        return self.folder("run")

    @cached_property
    def log(self) -> Path:
        return self.folder("log")

    def folder(self, name: str) -> Path:
        path = self.home / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def aws_environment(self) -> dict[str, str]:
        """What any AWS client needs to talk to this cloud instead of AWS."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str):
        """A boto3 client of this cloud's API, whatever the user's own AWS configuration says."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(retries={"max_attempts": 2}, connect_timeout=5, read_timeout=60),
        )


def free_ports(count: int) -> list[int]:
    """Distinct TCP ports on 127.0.0.1 that nobody listens on now, below the ephemeral range (ip(7): 32768 and up)."""
    found: list[int] = []
    for port in random.sample(range(20000, 32768), 200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                found.append(port)
        if len(found) == count:
            return found
    raise OSError("no free port on 127.0.0.1 between 20000 and 32767")
