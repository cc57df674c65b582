"""All runs of a `make drill`: progress and table on the terminal, results.json and report.html in the run's folder."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from drills import catalogue, report
from drills.catalogue.drill import Drill
from drills.heal import heal
from drills.run import TROUBLES, Run, conduct, uninterrupted
from drills.site import Site
from drills.summary import COLUMNS, cells, grouped, usually_broken
from local.stack import Stack

console = Console(highlight=False)


def run(stack: Stack, names: tuple[str, ...], repeat: int) -> bool:
    """Whether every expectation held. Raises click.ClickException when the site is not fit for a drill."""
    try:
        drills = catalogue.selected(names)
    except catalogue.UnknownDrill as problem:
        raise click.ClickException(str(problem)) from None
    site = Site(stack.instance, stack.outputs(), stack)
    folder = stack.instance.folder("drills") / datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
    folder.mkdir()
    runs: list[Run] = []
    try:
        with interruptible(), healed(site):
            for one in conducted(site, drills, repeat, folder):
                runs.append(one)
                write(folder, runs)
    except (*TROUBLES, RuntimeError) as trouble:
        raise click.ClickException(f"the drills ended early: {trouble}; see: make status") from trouble
    except KeyboardInterrupt:
        console.print("interrupted; the fault is undone")
        return False
    finally:
        if runs:
            Console(width=max(console.width, 170), highlight=False).print(table(runs))
            for sentence in usually_broken(runs):
                console.print(f"[red]✗[/red] {sentence}")
            console.print(f"{folder / 'report.html'}")
    return not any(one.broken for one in runs) and not usually_broken(runs)


def conducted(site: Site, drills: Sequence[Drill], repeat: int, folder: Path) -> Iterator[Run]:
    """Each drill in turn, then all of them again: so that a slow hour meets every drill alike."""
    columns = (TextColumn("[bold]{task.fields[drill]}"), TextColumn("{task.description}"), BarColumn(20))
    with Progress(*columns, MofNCompleteColumn(), TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("", total=len(drills) * repeat, drill="")
        for number in range(1, repeat + 1):
            for drill in drills:
                progress.update(task, drill=drill.name)
                say = lambda text: progress.update(task, description=text)  # noqa: E731
                one = conduct(site, drill, number, folder / f"{drill.name}-{number}", say)
                progress.advance(task)
                mark = "[red]✗[/red]" if one.broken else "[green]✓[/green]"
                progress.console.print(f"{mark} {drill.name}" + "".join(f"\n    {sentence}" for sentence in one.broken))
                yield one


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C and SIGTERM become KeyboardInterrupt, so that faults are undone; the other verbs end at once instead."""
    former = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def healed(site: Site) -> Iterator[None]:
    """No fault before, of a drill that was killed; none afterwards."""
    heal(site)
    try:
        yield
    finally:
        with uninterrupted():
            heal(site)


def write(folder: Path, runs: Sequence[Run]) -> None:
    written = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    computer = f"{os.cpu_count()} cores, Linux {platform.release().split('-')[0]}"
    results = {"written": written, "computer": computer, "runs": [record(one) for one in runs]}
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "report.html").write_text(report.page(runs, computer=computer, written=written))


def record(one: Run) -> dict[str, object]:
    """A run as results.json holds it; times rounded to milliseconds."""
    rounded = {name: round(value, 3) for name, value in asdict(one.figures).items()}
    head = {"drill": one.drill.name, "run": one.number, "server": one.server, "recovered": one.recovered}
    drill = one.drill
    expected = {"at_most": dict(drill.at_most), "exactly": dict(drill.exactly), "at_least": dict(drill.at_least)}
    return head | rounded | {"expected": expected, "broken": list(one.broken)}


def table(runs: Sequence[Run]) -> Table:
    columns = (Column("drill", no_wrap=True), "runs", *(title for title, _, _ in COLUMNS), "holds")
    shown = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for name, group in grouped(runs).items():
        held = sum(not one.broken for one in group)
        verdict = f"[{'green' if held == len(group) else 'red'}]{held} of {len(group)}"
        shown.add_row(name, str(len(group)), *cells(group), verdict)
    return shown
