"""One run as a picture: requests by when they were due, the nodes' roles, the fault and who noticed it. Inline SVG, pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from drills.records import READ, WRITE, Event, Request, Sample

BINS_S, BINS = (0.25, 0.5, 1, 2, 5, 10, 30), 400  # how long a bar may stand for, and how many of them may be drawn
LEFT, WIDTH, RIGHT = 130, 860, 30  # of the plot, in pixels
BARS, LAGS, STRIP, GAP = 70, 32, 16, 8
LAG_S = 2  # the least that the whole height of the lags stands for; a replica that is as far behind is shown as late
COLOURS = {"fault": "#c62828", "end": "#6d4c41", "detection": "#6a1b9a", "takeover": "#1565c0", "recovered": "#2e7d32"}
ROLES = {"primary": "#64b5f6", "replica": "#bbdefb", "none": "#ffcc80", "healthy": "#a5d6a7", "": "#bdbdbd"}
HOLDERS = ("#d1c4e9", "#b39ddb")  # epochs of the lease, by turns
LATE = "#ffe082"
TROUBLE = "#ef9a9a"


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Seconds after the fault on x."""

    first: float
    last: float

    def x(self, at: float) -> float:
        share = (at - self.first) / (self.last - self.first)
        return round(LEFT + WIDTH * min(1, max(0, share)), 1)

    def bin(self, at: float) -> int:
        """Which bar stands for it."""
        return math.floor(at / self.bin_s)

    def edges(self, number: int) -> tuple[float, float]:
        """Of a bar: where it begins, and its width."""
        x = self.x(number * self.bin_s)
        return x, self.x((number + 1) * self.bin_s) - x

    @property
    def bin_s(self) -> float:
        """What a bar stands for."""
        return next((size for size in BINS_S if (self.last - self.first) / size <= BINS), BINS_S[-1])

    @property
    def step_s(self) -> int:
        """Between two numbers below."""
        return next((step for step in (1, 2, 5, 10, 30, 60, 300) if (self.last - self.first) / step <= 20), 600)


def picture(requests: Sequence[Request], samples: Sequence[Sample], events: Sequence[Event], zero: float) -> str:
    """`zero`: the instant of the fault. Rows from above: reads, writes, lag, a strip for each node and question, the axis."""
    times = [request.due - zero for request in requests] or [0.0, 1.0]
    axis = Axis(first=math.floor(min(times)), last=math.ceil(max(times)))
    parts, top = [], 14 * (len(events) + 1)
    for kind in (READ, WRITE):
        parts += bars([r for r in requests if r.kind == kind], kind, axis, zero, top)
        top += BARS + GAP
    parts += lags(samples, axis, zero, top)
    top += LAGS + GAP
    for server, about, title in strips(samples):
        own = [s for s in samples if (s.server, s.about) == (server, about)]
        parts += strip(own, title, axis, zero, top)
        top += STRIP + GAP // 2
    parts += marks(events, axis, zero, top)
    parts += seconds(axis, top)
    return f'<svg viewBox="0 0 {LEFT + WIDTH + RIGHT} {top + 30}" role="img">{"".join(parts)}</svg>'


def bars(requests: Iterable[Request], kind: str, axis: Axis, zero: float, top: int) -> Iterator[str]:
    """By when each request was due: answered in good time, answered late (over a second), failed."""
    counts: dict[int, Counter] = {}
    for request in requests:
        result = "failed" if not request.ok else "slow" if request.took > 1 else "ok"
        counts.setdefault(axis.bin(request.due - zero), Counter())[result] += 1
    most = max((sum(count.values()) for count in counts.values()), default=1)
    yield label(f"{kind}s", top + BARS / 2)
    for number, count in sorted(counts.items()):
        (x, width), y = axis.edges(number), float(top + BARS)
        for result, colour in (("failed", "#e53935"), ("slow", "#fdd835"), ("ok", "#66bb6a")):
            height = BARS * count[result] / most
            y -= height
            if height:
                text = f"{count[result]} {kind}s {result}, {number * axis.bin_s:+.2f} s"
                yield box(x, round(y, 1), width, round(height, 1), colour, text)


def lags(samples: Iterable[Sample], axis: Axis, zero: float, top: int) -> Iterator[str]:
    """The largest lag of any replica that a bar stands for, up to the largest of all."""
    largest: dict[int, float] = {}
    for sample in samples:
        if sample.answer == "replica" and sample.lag is not None:
            number = axis.bin(sample.at - zero)
            largest[number] = max(sample.lag, largest.get(number, 0.0))
    most = max(LAG_S, *largest.values()) if largest else LAG_S
    yield label(f"lag, 0 to {most:.0f} s", top + LAGS / 2)
    yield f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{top + LAGS}" y2="{top + LAGS}" stroke="#bdbdbd"/>'
    for number, lag in sorted(largest.items()):
        (x, width), height = axis.edges(number), round(LAGS * lag / most, 1)
        if height and width:
            text = f"{lag:.1f} s, {number * axis.bin_s:+.2f} s"
            yield box(x, round(top + LAGS - height, 1), width, height, LATE, text)


def strips(samples: Iterable[Sample]) -> list[tuple[str, str, str]]:
    """(server, about, title) of each row."""
    titles = {"mysql": "accepts writes?", "role": "role", "lease": "sees the lease", "target": "is healthy?"}
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
    lag = f", {sample.lag:.0f} s behind" if behind(sample) else ""
    epoch = f", epoch {sample.epoch}" if sample.answer and sample.epoch is not None else ""
    return (sample.answer or "silent") + epoch + lag


def behind(sample: Sample) -> bool:
    return sample.answer == "replica" and sample.lag is not None and sample.lag >= LAG_S


def colour_of(sample: Sample) -> str:
    if sample.about == "lease":
        return HOLDERS[(sample.epoch or 0) % len(HOLDERS)] if sample.answer else ROLES[""]
    if behind(sample):
        return LATE
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
    for second in range(math.ceil(axis.first / axis.step_s) * axis.step_s, int(axis.last) + 1, axis.step_s):
        yield f'<text x="{axis.x(second)}" y="{top + 16}" text-anchor="middle" class="axis">{second} s</text>'


def label(text: str, middle: float) -> str:
    return f'<text x="{LEFT - 8}" y="{middle + 4}" text-anchor="end">{escape(text)}</text>'


def box(x: float, y: float, width: float, height: float, colour: str, text: str) -> str:
    shape = f'x="{x}" y="{y}" width="{round(width, 1)}" height="{height}" fill="{colour}"'
    return f"<rect {shape}><title>{escape(text)}</title></rect>"
