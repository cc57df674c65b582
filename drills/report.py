"""report.html: what was expected, what was measured, a picture for each drill. One file without anything from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from html import escape

from drills import timeline, words
from drills.run import Run
from drills.schedule import READS_PER_S, WRITES_PER_S
from drills.summary import COLUMNS, cells, grouped, usually_broken

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 1200px; padding: 0 1rem; color: #212121; }
table { border-collapse: collapse; font-size: 12.5px; } .wide { overflow-x: auto; }
th, td { padding: .2rem .5rem; text-align: right; border-bottom: 1px solid #ddd; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; } td:first-child a { white-space: nowrap; } h2 { margin-top: 2.5rem; }
.holds { color: #2e7d32; } .broken { color: #c62828; }
svg { margin-top: 1rem; shape-rendering: crispEdges; }
svg { width: 100%; height: auto; font: 11px system-ui, sans-serif; } svg .said { fill: #212121; } svg .axis { fill: #616161; }
.key span { display: inline-block; width: .9em; height: .9em; margin: 0 .3em 0 1em; vertical-align: -1px; }
"""
WHAT = (
    "A drill is a fault on the running site, three machines on this computer, while visitors read and write through its front "
    "door: {reads} reads and {writes} writes a second, each at its time whether or not the others were answered. Every write "
    "that was acknowledged is looked for at the end."
)
CANNOT = (
    "What faults on one computer cannot show: a power cut here ends every process and the network at one instant, but the "
    "computer's page cache survives it, so whether the disks really had what MySQL had flushed (fsync) is not tested. "
    "All machines share one kernel and one clock, so clocks that run apart, a machine that freezes as a whole and the loss of a "
    "zone are not tested either. Packets are lost and late in the router between the machines, not on a real wire, and the load "
    "balancer in front is a HAProxy that checks and decides as AWS documents it for its own."
)
KEY = (
    '<p class="key">In the pictures, requests at the time they were due:'
    '<span style="background:#66bb6a"></span>answered<span style="background:#fdd835"></span>answered after more than a second'
    '<span style="background:#e53935"></span>failed. Point at a box for its numbers. Below them each server in its own words, '
    "asked from inside: how far the replica is behind, whether its MySQL accepts writes, and which role it has"
    '<span style="background:#64b5f6"></span>primary<span style="background:#bbdefb"></span>replica'
    '<span style="background:#ffe082"></span>replica that is behind<span style="background:#ffcc80"></span>none'
    '<span style="background:#bdbdbd"></span>no answer; whom it sees holding the lease, without which no server accepts writes; '
    "and whether the load balancer in front takes it for healthy.</p>"
)


def page(runs: Sequence[Run], *, computer: str, written: str) -> str:
    """The whole document."""
    groups = grouped(runs)
    held = sum(not one.broken for one in runs)
    verdict = f"{held} of {len(runs)} run{'' if len(runs) == 1 else 's'} did as expected."
    what = WHAT.format(reads=READS_PER_S, writes=WRITES_PER_S)
    usual = "".join(f'<li class="broken">{escape(sentence)}</li>' for sentence in usually_broken(runs))
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Drills</title><style>{STYLE}</style>"
        f"<h1>Drills</h1><p>{escape(written)}, {escape(computer)}. {what} <b>{verdict}</b></p><p>{CANNOT}</p>"
        f"{table(groups)}<ul>{usual}</ul>{KEY}{''.join(section(name, group) for name, group in groups.items())}</html>\n"
    )


def table(groups: dict[str, list[Run]]) -> str:
    titles = "".join(f"<th>{title}</th>" for title in ("drill", "runs", *(t for t, _, _ in COLUMNS), "as expected"))
    rows = "".join(
        f'<tr><td><a href="#{name}">{name}</a></td><td>{len(group)}</td>'
        + "".join(f"<td>{text}</td>" for text in cells(group))
        + f"<td>{verdict(group)}</td></tr>"
        for name, group in groups.items()
    )
    several = "<p>Of several runs: the median and the 95th percentile of times, the sum of counts.</p>"
    return f'<div class="wide"><table><tr>{titles}</tr>{rows}</table></div>{several}'


def verdict(group: Sequence[Run]) -> str:
    held = sum(not one.broken for one in group)
    return f'<span class="{"holds" if held == len(group) else "broken"}">{held} of {len(group)}</span>'


def section(name: str, group: Sequence[Run]) -> str:
    """A drill, with the picture of its worst run: most failures, then the longest outage."""
    worst = max(group, key=lambda one: (len(one.broken), one.figures.failed_reads, one.figures.write_outage_s))
    troubles = "".join(f'<li class="broken">{escape(sentence)}</li>' for sentence in worst.troubles)
    shown = f"Run {worst.number} of {len(group)}, the worst. " if len(group) > 1 else ""
    unasked_s = max(one.figures.unasked_s for one in group)
    drawn = timeline.picture(worst.requests(), worst.samples(), worst.events, worst.span.fault)
    title = f"{escape(worst.drill.title)} {shown}The server of the fault was {worst.server}."
    title += f" No database was left unasked whether it accepts writes for more than {unasked_s:.2f} s."
    return f'<h2 id="{name}">{name}</h2><p>{title}</p><ul>{troubles}</ul>{expected(worst)}{drawn}'


def expected(one: Run) -> str:
    """What was to be measured, and what was."""
    rows = "".join(
        f"<tr><td>{what}</td><td>{good}</td><td class={'holds' if held else 'broken'}>{found} {'✓' if held else '✗'}</td></tr>"
        for what, good, found, held in words.expectations(
            asdict(one.figures), one.drill.at_most, one.drill.exactly, one.drill.at_least
        )
    )
    return f"<table><tr><th></th><th>expected</th><th>found</th></tr>{rows}</table>"
