"""What all runs together say: a line for each drill and contender, from records as results.json holds them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from drills.figures import quantile
from drills.run import CALM_S

OURS = "this project"
TITLES = (
    "drill",
    "",
    "runs",
    "disturbed",
    "write outage s",
    "times this project's",
    "new primary s",
    "failed writes",
    "acknowledged",
    "lost",
    "two writable",
)
Record = Mapping[str, object]


def rows(records: Sequence[Record], own: Sequence[Record]) -> Iterator[tuple[str, ...]]:
    """Drill by drill: this project's own drill of the same name, then the peer with each of its settings, and how many times as
    long its outage lasted, by the medians."""
    contenders = [(OURS, own)]
    for settings in dict.fromkeys(record["settings"] for record in records):
        of_these = [record for record in records if record["settings"] == settings]
        contenders.append((f"Group Replication, {settings}", of_these))
    for drill in dict.fromkeys(record["drill"] for record in records):
        ours_s = median_outage_s(record for record in own if record["drill"] == drill)
        for contender, of_all in contenders:
            yield (drill, contender, *cells([record for record in of_all if record["drill"] == drill], ours_s))


def cells(runs: Sequence[Record], ours_s: float) -> Iterator[str]:
    yield str(len(runs))
    yield str(sum(map(disturbed, runs)))
    yield median_and_p95([run["write_outage_s"] for run in runs])
    yield f"{median_outage_s(runs) / ours_s:.1f}" if runs and ours_s else ""
    yield median_and_p95([run["new_primary_s"] for run in runs if run.get("new_primary_s") is not None])
    for figure in ("failed_writes", "acknowledged", "lost", "two_writable_samples"):
        yield str(sum(run[figure] for run in runs)) if runs else ""


def disturbed(run: Record) -> bool:
    """The computer was too busy to measure anything: reads took long before the fault, or the client itself was late."""
    return max(run["calm_read_p99_s"], run["client_late_s"]) > CALM_S


def median_outage_s(runs: Iterable[Record]) -> float:
    return quantile([run["write_outage_s"] for run in runs], 0.5)


def median_and_p95(values: Sequence[float]) -> str:
    return f"{quantile(values, 0.5):.2f} / {quantile(values, 0.95):.2f}" if values else ""


def markdown(shown: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (TITLES, ["---"] * len(TITLES), *shown)]


def ours(drills: Path, names: Iterable[str]) -> list[Record]:
    """Of each drill named, the records of the newest `make drill` that ran it; `drills`: the folder of all their results."""
    newest: dict[str, list[Record]] = {}
    for file in sorted(drills.glob("*/results.json")):
        found = json.loads(file.read_text())["runs"]
        for name in names:
            newest[name] = [record for record in found if record["drill"] == name] or newest.get(name, [])
    return [record for records in newest.values() for record in records]
