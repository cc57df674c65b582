"""One run as a picture: requests by quarter seconds, the nodes' roles, the fault and who noticed it. Inline SVG, pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from drills.records import READ, WRITE, Event, Request, Sample

BIN_S = 0.25
LEFT, WIDTH, RIGHT = 130, 860, 30  # of the plot, in pixels
BARS, STRIP, GAP = 70, 16, 8
COLOURS = {"fault": "#c62828", "end": "#6d4c41", "detection": "#6a1b9a", "recovered": "#2e7d32"}
ROLES = {"primary": "#64b5f6", "replica": "#bbdefb", "none": "#ffcc80", "healthy": "#a5d6a7", "": "#bdbdbd"}
TROUBLE = "#ef9a9a"


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Seconds after the fault on x."""

    first: float
    last: float

    def x(self, at: float) -> float:
        share = (at - self.first) / (self.last - self.first)
        return round(LEFT + WIDTH * min(1, max(0, share)), 1)


def picture(requests: Sequence[Request], samples: Sequence[Sample], events: Sequence[Event], zero: float) -> str:
    """`zero`: the instant of the fault. Rows from above: reads, writes, a strip for each node and question, the axis."""
    times = [request.due - zero for request in requests] or [0.0, 1.0]
    axis = Axis(first=math.floor(min(times)), last=math.ceil(max(times)))
    parts, top = [], 14 * (len(events) + 1)
    for kind in (READ, WRITE):
        parts += bars([r for r in requests if r.kind == kind], kind, axis, zero, top)
        top += BARS + GAP
    for server, about, title in strips(samples):
        own = [s for s in samples if (s.server, s.about) == (server, about)]
        parts += strip(own, title, axis, zero, top)
        top += STRIP + GAP // 2
    parts += marks(events, axis, zero, top)
    parts += seconds(axis, top)
    return f'<svg viewBox="0 0 {LEFT + WIDTH + RIGHT} {top + 30}" role="img">{"".join(parts)}</svg>'


def bars(requests: Iterable[Request], kind: str, axis: Axis, zero: float, top: int) -> Iterator[str]:
    """Per quarter second, by when each request was due: answered in good time, answered late (over a second), failed."""
    counts: dict[int, Counter] = {}
    for request in requests:
        result = "failed" if not request.ok else "slow" if request.took > 1 else "ok"
        counts.setdefault(math.floor((request.due - zero) / BIN_S), Counter())[result] += 1
    most = max((sum(count.values()) for count in counts.values()), default=1)
    yield label(f"{kind}s", top + BARS / 2)
    for number, count in sorted(counts.items()):
        x, width, y = axis.x(number * BIN_S), axis.x((number + 1) * BIN_S) - axis.x(number * BIN_S), float(top + BARS)
        for result, colour in (("failed", "#e53935"), ("slow", "#fdd835"), ("ok", "#66bb6a")):
            height = BARS * count[result] / most
            y -= height
            if height:
                text = f"{count[result]} {kind}s {result}, {number * BIN_S:+.2f} s"
                yield box(x, round(y, 1), width, round(height, 1), colour, text)


def strips(samples: Iterable[Sample]) -> list[tuple[str, str, str]]:
    """(server, about, title) of each row."""
    titles = {"mysql": "writable?", "agent": "role", "target": "front door"}
    found = {(sample.server, sample.about) for sample in samples}
    return [(server, about, f"{server} {titles[about]}") for server, about in sorted(found)]


def strip(samples: Sequence[Sample], title: str, axis: Axis, zero: float, top: int) -> Iterator[str]:
    """A node's answers over time, equal neighbours as one box; with the lag where it is two seconds or more."""
    yield label(title, top + STRIP / 2)
    ordered = sorted(samples, key=lambda sample: sample.at)
    begin = 0
    for number, sample in enumerate(ordered):
        following = ordered[number + 1] if number + 1 < len(ordered) else None
        if following and words(following) == words(sample):
            continue
        x, end = axis.x(ordered[begin].at - zero), axis.x((following or sample).at - zero)
        if end > x:
            said = words(sample)
            yield box(x, top, round(end - x, 1), STRIP, colour_of(sample), said)
            if end - x > 7 * len(said):
                yield f'<text x="{x + 4}" y="{top + 12}" class="said">{escape(said)}</text>'
        begin = number + 1


def words(sample: Sample) -> str:
    lag = f", {sample.lag:.0f} s behind" if sample.lag is not None and sample.lag >= 2 else ""
    return (sample.answer or "silent") + lag


def colour_of(sample: Sample) -> str:
    same = {"writable": "primary", "read-only": "replica"}
    return ROLES.get(same.get(sample.answer, sample.answer), TROUBLE)


def marks(events: Iterable[Event], axis: Axis, zero: float, bottom: int) -> Iterator[str]:
    """A line for each event, its words above the rows, each on a line of its own."""
    for number, event in enumerate(sorted(events, key=lambda event: event.at)):
        x, y, colour = axis.x(event.at - zero), 12 + 14 * number, COLOURS[event.kind]
        text = escape(f"{event.at - zero:.1f} s: {event.text}")
        side = "end" if x > LEFT + WIDTH * 0.6 else "start"
        yield f'<line x1="{x}" x2="{x}" y1="{y}" y2="{bottom}" stroke="{colour}" stroke-dasharray="3 2"/>'
        yield f'<text x="{x + (4 if side == "start" else -4)}" y="{y}" fill="{colour}" text-anchor="{side}">{text}</text>'


def seconds(axis: Axis, top: int) -> Iterator[str]:
    step = 1 if axis.last - axis.first <= 30 else 5
    for second in range(int(math.ceil(axis.first / step) * step), int(axis.last) + 1, step):
        yield f'<text x="{axis.x(second)}" y="{top + 16}" text-anchor="middle" class="axis">{second} s</text>'


def label(text: str, middle: float) -> str:
    return f'<text x="{LEFT - 8}" y="{middle + 4}" text-anchor="end">{escape(text)}</text>'


def box(x: float, y: float, width: float, height: float, colour: str, text: str) -> str:
    shape = f'x="{x}" y="{y}" width="{round(width, 1)}" height="{height}" fill="{colour}"'
    return f"<rect {shape}><title>{escape(text)}</title></rect>"
