"""Property paths: how the engine writes them, and which row of a table speaks for one."""

from __future__ import annotations

import re
from collections.abc import Mapping

from local.provider.resource import Property

PLAIN_KEY = re.compile(r"[A-Za-z_]\w*")
Path = tuple[str | int, ...]  # ("ingress", 0, "cidrBlocks")


def text(path: Path) -> str:
    """("tags", "a.b", 0) -> `tags["a.b"][0]`, the engine's notation."""
    parts = []
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif PLAIN_KEY.fullmatch(step):
            parts.append(f".{step}" if parts else step)
        else:
            parts.append(f'["{step}"]')
    return "".join(parts)


def row_name(path: Path) -> str:
    """The dotted name under which a table lists this path: list indexes left out."""
    return ".".join(step for step in path if isinstance(step, str))


def row_of(path: Path, properties: Mapping[str, Property]) -> Property:
    """The row of the path itself, or of the nearest object around it (keys of a free map have none of their own)."""
    keys = [step for step in path if isinstance(step, str)]
    while keys:
        if row := properties.get(".".join(keys)):
            return row
        keys.pop()
    return Property()


def has_rows_below(name: str, properties: Mapping[str, Property]) -> bool:
    return any(other.startswith(name + ".") for other in properties)
