"""`make peers`: the peer with each of its settings on fresh machines, every drill on it, a table, and nothing left behind."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Generator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import click
import pymysql
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from drills.catalogue import Drill
from drills.site import NotWell
from drills.suite import interruptible
from local import cloud, measurements
from local.host.namespaces import NetworkError
from local.instance import Instance, home

from . import table
from .configuration import SETTINGS, Settings
from .group import Group
from .machines import NotPrepared, launched
from .run import DRILLS, Run, conduct

console = Console(highlight=False)


def run(names: Sequence[str], settings: str | None, repeat: int) -> bool:
    """Whether all of it was run. Only a run of everything replaces the table in docs/measurements.md."""
    if unknown := set(names) - set(DRILLS):
        raise click.ClickException(f"the peer has no drill {min(unknown)!r}; there are: {', '.join(DRILLS)}")
    if cloud.running(Instance.open()):
        raise click.ClickException("the site is running, and its load would be in the figures; stop it: make down")
    drills = [DRILLS[name] for name in names or DRILLS]
    chosen = [SETTINGS[settings]] if settings else list(SETTINGS.values())
    folder = home() / "peers" / datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
    runs: list[Run] = []
    try:
        with interruptible(), contextlib.closing(conducted(chosen, drills, repeat, folder)) as all_of_them:
            for one in all_of_them:
                runs.append(one)
                write(folder, runs)
    except (NotPrepared, NotWell, NetworkError, pymysql.MySQLError, OSError, RuntimeError) as trouble:
        raise click.ClickException(f"the peer's drills ended early: {trouble}") from trouble
    except KeyboardInterrupt:
        console.print("interrupted; the machines are gone")
        return False
    finally:
        if runs:
            show(runs)
            console.print(f"{folder / 'results.json'}")
    if not names and not settings:
        keep(runs, repeat)
    return True


def conducted(chosen: Sequence[Settings], drills: Sequence[Drill], repeat: int, folder: Path) -> Generator[Run, None, None]:
    """For each settings a group of its own; on it each drill in turn, then all of them again, as `make drill` does."""
    columns = (TextColumn("[bold]{task.fields[now]}"), TextColumn("{task.description}"), BarColumn(20))
    with Progress(*columns, MofNCompleteColumn(), TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("", total=len(chosen) * len(drills) * repeat, now="")
        say: Callable[[str], None] = lambda text: progress.update(task, description=text)  # noqa: E731
        for settings in chosen:
            progress.update(task, now=settings.name)
            say("launches three machines")
            with launched(home() / "peers-cloud") as (instance, ids):
                group = Group(instance, ids)
                say("installs MySQL and MySQL Router, forms the group")
                group.form(settings)
                for number in range(1, repeat + 1):
                    for drill in drills:
                        progress.update(task, now=f"{settings.name}: {drill.name}")
                        one = conduct(group, settings.name, drill, number, folder / f"{settings.name}-{drill.name}-{number}", say)
                        progress.advance(task)
                        outage = f"write outage {one.figures.write_outage_s:.2f} s"
                        console.print(" ".join((settings.name, drill.name, outage, *one.trouble)))
                        yield one


def write(folder: Path, runs: Sequence[Run]) -> None:
    written = datetime.now(UTC).isoformat(timespec="seconds")
    results = {"written": written, "computer": measurements.computer(), "runs": [one.record() for one in runs]}
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")


def rows(runs: Sequence[Run]) -> list[tuple[str, ...]]:
    own = table.ours(home() / "drills", dict.fromkeys(one.drill for one in runs))
    return list(table.rows([one.record() for one in runs], own))


def show(runs: Sequence[Run]) -> None:
    shown = Table(*table.TITLES, box=None, header_style="bold", pad_edge=False)
    for row in rows(runs):
        shown.add_row(*row)
    Console(width=max(console.width, 150), highlight=False).print(shown)


def keep(runs: Sequence[Run], repeat: int) -> None:
    command = "make peers" if repeat == 1 else f"make peers REPEAT={repeat}"
    head = f"`{command}`, {date.today().isoformat()}, {measurements.computer()}; this project: its newest `make drill`:"
    measurements.keep("peers", [head, "", *table.markdown(rows(runs))])
