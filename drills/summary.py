"""The columns of the table, on the terminal and in the report: how the runs of a drill become one line."""

from __future__ import annotations

from collections.abc import Sequence

from drills.figures import broken_medians, quantile
from drills.run import Run

COLUMNS = (  # title, figure, how several runs become one number
    ("write outage s", "write_outage_s", "p50 / p95"),
    ("read outage s", "read_outage_s", "p50 / p95"),
    ("slowest read s", "slowest_read_s", "p50 / p95"),
    ("failed reads", "failed_reads", "sum"),
    ("failed writes", "failed_writes", "sum"),
    ("acknowledged", "acknowledged", "sum"),
    ("lost", "lost", "sum"),
    ("salvaged", "salvaged", "sum"),
    ("takeovers", "takeovers", "sum"),
    ("two writable", "two_writable_samples", "sum"),
    ("recovered s", "recovered_s", "p50 / p95"),
)


def grouped(runs: Sequence[Run]) -> dict[str, list[Run]]:
    return {name: [one for one in runs if one.drill.name == name] for name in dict.fromkeys(one.drill.name for one in runs)}


def usually_broken(runs: Sequence[Run]) -> list[str]:
    """The expectations of several runs together that do not hold, as sentences."""
    return [
        f"{name}: {sentence}"
        for name, group in grouped(runs).items()
        for sentence in broken_medians([one.figures for one in group], group[0].drill.median_at_most)
    ]


def cells(runs: Sequence[Run]) -> list[str]:
    """The figures of all runs of one drill, in the order of COLUMNS."""
    return [cell([getattr(one.figures, figure) for one in runs], how) for _, figure, how in COLUMNS]


def cell(values: Sequence[float], how: str) -> str:
    if how == "sum":
        return str(sum(values))
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{quantile(values, 0.5):.2f} / {quantile(values, 0.95):.2f}"
