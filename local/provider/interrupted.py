"""Creates that never ended: what the stack's state (file backend) says of a CLI that was killed half-way.

The engine writes a pending operation before it calls Create and takes it away with the answer, so a pending create found
before this run has created anything is an object that may exist and that nobody knows.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Interrupted:
    """`creates`: URN -> the inputs that the killed create was given.

    `known`: (URN, id) of everything in the state; there is one with the same URN when a replacement was interrupted.
    """

    creates: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    known: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def from_deployment(cls, deployment: Mapping[str, Any]) -> Interrupted:
        """`deployment`: the `latest` of a checkpoint file, or the `deployment` of `pulumi stack export`."""
        pending = [item["resource"] for item in deployment.get("pending_operations") or () if item["type"] == "creating"]
        return cls(
            {resource["urn"]: resource.get("inputs") or {} for resource in pending},
            frozenset((one["urn"], one["id"]) for one in deployment.get("resources") or () if one.get("id")),
        )


def checkpoint_file(urn: str, backend: str) -> Path | None:
    """Where a file backend keeps the stack of this URN (`urn:pulumi:STACK::PROJECT::…`); None for other backends."""
    url = urlsplit(backend)
    if url.scheme != "file":
        return None
    stack, project = urn.split("::")[0].rsplit(":", 1)[-1], urn.split("::")[1]
    return Path(unquote(url.path)) / ".pulumi" / "stacks" / project / f"{stack}.json"


def read_interrupted(urn: str, backend: str) -> Interrupted:
    """Nothing is interrupted where there is no state yet."""
    file = checkpoint_file(urn, backend)
    if file is None or not file.exists():
        return Interrupted()
    return Interrupted.from_deployment(json.loads(file.read_text())["checkpoint"].get("latest") or {})


class StateReader:
    """Reads the state once, when the engine first speaks of a resource: before this run has begun a create of its own."""

    def __init__(self, backend: str | None = None):
        self._backend = os.environ.get("PULUMI_BACKEND_URL", "") if backend is None else backend
        self._lock = threading.Lock()
        self._interrupted: Interrupted | None = None

    def of(self, urn: str) -> Interrupted:
        with self._lock:
            if self._interrupted is None:
                self._interrupted = read_interrupted(urn, self._backend)
            return self._interrupted
