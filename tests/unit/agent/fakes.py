"""A server without a server, and the bucket it fetches from. Commands are remembered; only a sleep moves the clock."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tracemalloc
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from agent.server import Server
from agent.store import Item, Store
from agent.system import Completed, Failed, System

REGION = "eu-central-1"
BUCKET = "releases"
SALVAGE = "salvage"
TABLE = "cluster"
PREFIX = "/distributed-web/test"
PEERS = {"web-a": "10.20.1.10", "web-b": "10.20.2.10", "lb": "10.20.3.10"}


class FakeSystem(System):
    """`answers` maps the beginning of a command line to what it does; anything else succeeds and says nothing."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.commands: list[str] = []
        self.active: set[str] = set()
        self.answers: dict[str, Completed | Failed | str | Callable[[], Completed]] = {}
        self.owners: dict[str, str] = {}
        self.clock = 1000.0

    def attempt(self, *argv: str, **options) -> Completed:
        line = " ".join(argv)
        if argv[0] == "cp":
            shutil.copytree(argv[2], argv[3], symlinks=True)
            return Completed(0, "", "")
        if argv[:2] == ("systemctl", "is-active"):
            return self._is_active(argv)
        self.commands.append(line.replace(str(self.root), ""))
        for beginning, answer in self.answers.items():
            if beginning in line:
                if isinstance(answer, Failed):
                    raise answer
                return answer() if callable(answer) else answer
        if argv[:2] in (("systemctl", "restart"), ("systemctl", "reload")):
            self.active.add(argv[2])
        return Completed(0, "", "")

    def _is_active(self, argv: tuple[str, ...]) -> Completed:
        units = [name for name in argv[2:] if not name.startswith("-")]
        states = ["active" if unit in self.active else "inactive" for unit in units]
        return Completed(0 if set(states) == {"active"} else 3, "\n".join(states), "")

    def ask(self, path: str, request: str, timeout_s: float = 30) -> str:
        line = request.splitlines()[0]
        self.commands.append(f"{path}: {line}")
        answer = self.answers.get(path, "HTTP/1.1 200 OK\r\n\r\n" if line.startswith("GET") else "Success=1\n--\n")
        if isinstance(answer, Failed):
            raise answer
        return answer

    def chown(self, path: Path, owner: str) -> None:
        self.owners[path.name.removeprefix(".").removesuffix(".new")] = owner

    def owner(self, path: Path) -> str:
        return self.owners.get(path.name, "root:root")

    def monotonic(self) -> float:
        return self.clock

    def now(self) -> int:
        return int(1_700_000_000 + self.clock)

    def sleep(self, seconds: float) -> None:
        self.clock += seconds


class Bucket:
    """What the program puts where servers fetch it: releases of one server, secrets, and the table they share."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.objects: dict[str, bytes] = {}
        self.secrets: dict[str, str] = {}
        self.items: dict[str, Item] = {}

    @property
    def store(self) -> Store:
        return MemoryStore(identity(self.server), self)

    def put(self, key: str, content: bytes) -> str:
        self.objects[key] = content
        return hashlib.sha256(content).hexdigest()

    def secret(self, name: str, value: str) -> None:
        self.secrets[f"{PREFIX}/{name}"] = value

    def release(
        self,
        release: str,
        files: dict[str, str],
        *,
        secrets: dict[str, str] | None = None,
        app: dict[str, bytes] | None = None,
        agent: bytes = b"agent",
        setup: str = "",
        primary: str = "web-a",
        packages: tuple[str, ...] = (),
        replication: str = "async",
    ) -> None:
        """`secrets` maps a path to a parameter; `app` None: a server without application and database."""
        archives = {"agent": {"key": "agent.pyz", "sha256": self.put("agent.pyz", agent)}, "app": None}
        if app is not None:
            archives["app"] = {"key": "app.zip", "sha256": self.put("app.zip", zipped(app))}
        manifest = {
            "release": release,
            "server": self.server,
            "order": list(PEERS),
            "peers": PEERS,
            "files": [
                {
                    "path": path,
                    "key": f"servers/{self.server}{path}",
                    "mode": "0644",
                    "owner": "root:root",
                    "sha256": self.put(f"servers/{self.server}{path}", text.encode()),
                }
                for path, text in files.items()
            ],
            "archives": archives,
            "secrets": [
                {"parameter": f"{PREFIX}/{name}", "version": 1, "path": path, "mode": "0600", "owner": "root:root"}
                for path, name in (secrets or {}).items()
            ],
            "app": None if app is None else {"command": "run", "health": "/healthz", "setup": setup, "packages": list(packages)},
            "database": None
            if app is None
            else {"primary": primary, "name": "notes", "replication": replication, "adopted": False},
        }
        self.put(f"servers/{self.server}/manifest.json", json.dumps(manifest).encode())

    def report(self) -> dict:
        return json.loads(self.objects[f"reports/{self.server}.json"])


class MemoryStore(Store):
    """A store without AWS; what AWS itself does is tested in test_agent_store.py."""

    def __init__(self, server: Server, bucket: Bucket) -> None:
        super().__init__(server)
        self.bucket = bucket

    def _read(self, key: str) -> bytes:
        return self.bucket.objects[key]

    def parameters(self, names: Iterable[str]) -> dict[str, str]:
        return {name: self.bucket.secrets[name] for name in names}

    def report(self, report: Mapping[str, Any]) -> None:
        self.bucket.put(f"reports/{self._server.server}.json", json.dumps(report).encode())

    def item(self, name: str) -> Item | None:
        return self.bucket.items.get(name)

    def put(self, name: str, values: Item, condition: str, **compared: str | int) -> bool:
        if holds := self._holds(name, condition, compared):
            self.bucket.items[name] = {"id": name, **values}
        return holds

    def delete(self, name: str, condition: str, **compared: str | int) -> bool:
        if holds := self._holds(name, condition, compared):
            del self.bucket.items[name]
        return holds

    def _holds(self, name: str, condition: str, compared: Mapping[str, str | int]) -> bool:
        item = self.item(name)
        for clause in condition.split(" OR "):
            if clause == "attribute_not_exists(id)":
                if item is None:
                    return True
                continue
            field, sign, value = clause.split()
            wanted = compared[value.removeprefix(":")]
            if item and (item[field] == wanted if sign == "=" else item[field] < wanted):
                return True
        return False


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100755 if name.endswith(".sh") else 0o100644) << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def identity(server: str) -> Server:
    return Server(stack="test", server=server, region=REGION, bucket=BUCKET, salvage=SALVAGE, parameters=PREFIX, table=TABLE)


class Memory:
    """In bytes the most that Python's objects have taken at once, while this was entered."""

    def __enter__(self) -> Memory:
        tracemalloc.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
