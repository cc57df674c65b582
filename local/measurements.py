"""docs/measurements.md: a block between marks for each verb that measures, which replaces it and leaves the rest alone."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable

from local.instance import CHECKOUT

PAGE = CHECKOUT / "docs" / "measurements.md"


def keep(verb: str, lines: Iterable[str]) -> None:
    PAGE.write_text(replaced(PAGE.read_text(), verb, lines))


def replaced(page: str, verb: str, lines: Iterable[str]) -> str:
    begin, end = f"<!-- {verb}: written by make {verb} -->", f"<!-- {verb}: end -->"
    head, rest = page.split(begin, 1)
    _, tail = rest.split(end, 1)
    return "\n".join([head + begin, *lines, end + tail])


def computer() -> str:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release().split('-')[0]}"
