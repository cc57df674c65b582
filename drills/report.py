"""report.html: what was expected, what was measured, a picture for each drill. One file without anything from outside."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from drills import timeline
from drills.run import Run
from drills.summary import COLUMNS, cells, grouped

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 1050px; padding: 0 1rem; color: #212121; }
table { border-collapse: collapse; font-size: 13px; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; white-space: nowrap; } h2 { margin-top: 2.5rem; }
.holds { color: #2e7d32; } .broken { color: #c62828; }
svg { width: 100%; height: auto; font: 11px system-ui, sans-serif; } svg .said { fill: #212121; } svg .axis { fill: #616161; }
.key span { display: inline-block; width: .9em; height: .9em; margin: 0 .3em 0 1em; vertical-align: -1px; }
"""
CANNOT = (
    "What faults on one computer cannot show: a power cut here ends every process and the network at one instant, but the "
    "computer's page cache survives it, so whether the disks really had what MySQL had flushed (fsync) is not tested. "
    "All machines share one kernel and one clock, so clocks that run apart and the loss of a zone are not tested either."
)
KEY = (
    '<p class="key">Requests by quarter seconds, at the time they were due:'
    '<span style="background:#66bb6a"></span>answered<span style="background:#fdd835"></span>answered after more than a second'
    '<span style="background:#e53935"></span>failed. Point at a box for its numbers. Below them each server in its own words, '
    "asked from inside every 50 ms: whether its MySQL accepts writes, and its role; and whether the load balancer in front takes "
    "it for healthy.</p>"
)


def page(runs: Sequence[Run], *, computer: str, written: str) -> str:
    """The whole document."""
    groups = grouped(runs)
    held = sum(not one.broken for one in runs)
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Drills</title><style>{STYLE}</style>"
        f"<h1>Drills</h1><p>{escape(written)}, {escape(computer)}. 100 reads and 50 writes a second through the front "
        f"door, each at its time whether or not the others were answered. "
        f"{held} of {len(runs)} runs did as expected.</p><p>{CANNOT}</p>"
        f"{table(groups)}{KEY}{''.join(section(name, group) for name, group in groups.items())}</html>\n"
    )


def table(groups: dict[str, list[Run]]) -> str:
    titles = "".join(f"<th>{title}</th>" for title in ("drill", "runs", *(t for t, _, _ in COLUMNS), "as expected"))
    rows = "".join(
        f'<tr><td><a href="#{name}">{name}</a></td><td>{len(group)}</td>'
        + "".join(f"<td>{text}</td>" for text in cells(group))
        + f"<td>{verdict(group)}</td></tr>"
        for name, group in groups.items()
    )
    several = "<p>Several runs: the median and the 95th percentile of times, the sum of counts.</p>"
    return f"<table><tr>{titles}</tr>{rows}</table>{several}"


def verdict(group: Sequence[Run]) -> str:
    held = sum(not one.broken for one in group)
    return f'<span class="{"holds" if held == len(group) else "broken"}">{held} of {len(group)}</span>'


def section(name: str, group: Sequence[Run]) -> str:
    """A drill, with the picture of its worst run: most failures, then the longest outage."""
    worst = max(group, key=lambda one: (len(one.broken), one.figures.failed_reads, one.figures.write_outage_s))
    expected = "; ".join(f"{figure} ≤ {limit:g}" for figure, limit in worst.drill.at_most.items())
    broken = "".join(f'<li class="broken">{escape(sentence)}</li>' for sentence in worst.broken)
    shown = f"Run {worst.number} of {len(group)}, the worst. " if len(group) > 1 else ""
    drawn = timeline.picture(worst.requests(), worst.samples(), worst.events, worst.span.fault)
    return (
        f'<h2 id="{name}">{name}</h2><p>{escape(worst.drill.title)} Server: {worst.server}. {shown}'
        f"Expected: {escape(expected)}.</p><ul>{broken}</ul>{drawn}"
    )
