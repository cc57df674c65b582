"""`make bench`: how long the verbs take and what a server needs, on a local cloud of its own; kept in docs/measurements.md.

Goals, not tests: a slow computer fails nothing. Packages, image and engine are cached beforehand, as after any first `make up`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from local import measurements, show
from local.commands import on_server
from local.instance import CHECKOUT, Instance, free_ports

MIB = 1024 * 1024


@dataclass(frozen=True)
class Row:
    what: str
    goal: str
    measured: str


def run() -> None:
    """Measures everything once and writes the table between the marks of docs/measurements.md."""
    home = CHECKOUT / ".local" / "bench"
    (port,) = free_ports(1)
    verb = [sys.executable, "-m", "local.cli", "--home", str(home), "--port", str(port)]
    rows = []
    try:
        call([*verb, "down", "--volumes", "delete"], check=False)
        rows.append(timed("nothing → page answers (make up)", "≤ 60 s", lambda: call([*verb, "up"])))
        rows += servers(Instance.open(home))
        rows.append(timed("make up again, nothing to change", "≤ 15 s", lambda: call([*verb, "up"])))
        rows.append(timed("make preview: refresh and diff of the whole graph", "≤ 8 s", lambda: call([*verb, "preview"])))
        rows.append(timed("make down", "≤ 15 s", lambda: call([*verb, "down"])))
        rows.append(timed("make up after make down", "", lambda: call([*verb, "up"])))
        unit = [sys.executable, "-m", "pytest", "-q", "tests/unit"]
        rows.append(timed("unit tests", "≤ 10 s", lambda: call(unit)))
    finally:
        call([*verb, "down", "--volumes", "delete"], check=False)
        shutil.rmtree(home, ignore_errors=True)
    keep(rows)
    terminal = Table("what", "goal", "measured", box=None)
    for row in rows:
        terminal.add_row(row.what, row.goal, row.measured)
    Console().print(terminal)


def timed(what: str, goal: str, action: Callable[[], None]) -> Row:
    show.step(what)
    began = time.monotonic()
    action()
    return Row(what, goal, f"{time.monotonic() - began:.1f} s")


def call(command: list[str], check: bool = True) -> None:
    result = subprocess.run(command, cwd=CHECKOUT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if check and result.returncode:
        sys.exit(f"{' '.join(command)} ended with {result.returncode}:\n{result.stdout[-3000:]}")


def servers(instance: Instance) -> list[Row]:
    """Memory of each server's processes (sum of resident sets) and what it wrote over the image it shares with the others."""
    rows = []
    for name, described in sorted(show.running_instances(instance).items()):
        resident = on_server(instance, described["InstanceId"], "ps -e -o rss= | awk '{kib += $1} END {print kib / 1024}'")
        written = size_of(instance.home / "machines" / described["InstanceId"])
        rows.append(Row(f"{name}: memory / disk over the image", "", f"{float(resident):.0f} MiB / {written / MIB:.0f} MiB"))
    return rows


def size_of(folder: Path) -> int:
    """Bytes on disk below `folder`, this file system only."""
    device = folder.stat().st_dev
    total = 0
    for parent, folders, files in os.walk(folder):
        folders[:] = [f for f in folders if os.lstat(os.path.join(parent, f)).st_dev == device]
        total += sum(os.lstat(os.path.join(parent, file)).st_blocks * 512 for file in files)
    return total


def keep(rows: list[Row]) -> None:
    """The table, with date and computer, in docs/measurements.md."""
    head = f"`make bench`, {date.today().isoformat()}, {measurements.computer()}:"
    lines = [f"| {row.what} | {row.goal} | {row.measured} |" for row in rows]
    measurements.keep("bench", [head, "", "| what | goal | measured |", "| --- | --- | --- |", *lines])
