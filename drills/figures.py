"""From records to figures. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from drills.records import READ, WRITE, Event, Request, Sample

FRONT_DOOR_S = 15  # what the load balancer in front may take to notice a dead server
BEAT_S = 0.05  # of the questions whether a node is writable
WELL = {"mysql": ("writable", "read-only"), "agent": ("primary", "replica"), "target": ("healthy",)}


@dataclass(frozen=True, kw_only=True)
class Span:
    """Of a run: when the fault began, when it was undone (a fault without an end: when it began), and the last request due."""

    fault: float
    end: float
    last: float


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Seconds end in `_s`. Outages are the longest time without a success; they include the usual gap between two."""

    write_outage_s: float
    read_outage_s: float
    failed_reads: int
    failed_writes: int
    failed_reads_answered: int  # among those that a balancer outside the fault is known to have taken
    failed_connections_share: float  # of the first requests of new visitors, within FRONT_DOOR_S of the fault
    last_failure_s: float  # after the fault; 0: none
    read_p99_s: float  # while the fault lasted, at least FRONT_DOOR_S; failures with the time they took
    slowest_read_s: float
    calm_read_p99_s: float  # of reads due until a second before the fault
    acknowledged: int
    lost: int
    two_writable_samples: int
    takeovers: int
    recovered_s: float  # after the end of the fault: the last failed request or wrong answer of a node
    reads: int
    writes: int
    client_late_s: float  # how late the client itself sent at worst: what it measures is no better than that


def compute(requests: Sequence[Request], samples: Sequence[Sample], span: Span, *, faulty: str, found: Iterable[str]) -> Figures:
    """`faulty`: the server of the fault; `found`: the keys that were in the database at the end."""
    after = [request for request in requests if request.due >= span.fault]
    failed = [request for request in requests if not request.ok]
    reads = [request for request in after if request.kind == READ]
    meanwhile = [r.took for r in reads if r.due <= max(span.end, span.fault + FRONT_DOOR_S)]
    new = [request for request in after if request.fresh and request.due <= span.fault + FRONT_DOOR_S]
    acknowledged = {request.key for request in requests if request.kind == WRITE and request.ok}
    return Figures(
        write_outage_s=outage(requests, WRITE, span),
        read_outage_s=outage(requests, READ, span),
        failed_reads=sum(request.kind == READ for request in failed),
        failed_writes=sum(request.kind == WRITE for request in failed),
        failed_reads_answered=sum(request.kind == READ and taken(request, faulty) for request in failed),
        failed_connections_share=sum(not request.ok for request in new) / len(new) if new else 0.0,
        last_failure_s=max((request.due - span.fault for request in failed), default=0.0),
        read_p99_s=quantile(meanwhile, 0.99),
        calm_read_p99_s=quantile((r.took for r in requests if r.kind == READ and r.due < span.fault - 1), 0.99),
        slowest_read_s=max((request.took for request in reads), default=0.0),
        acknowledged=len(acknowledged),
        lost=len(acknowledged - set(found)),
        two_writable_samples=two_writable(samples),
        takeovers=takeovers(samples),
        recovered_s=recovered(failed, samples, span),
        reads=sum(request.kind == READ for request in requests),
        writes=sum(request.kind == WRITE for request in requests),
        client_late_s=max((request.sent - request.due for request in requests), default=0.0),
    )


def outage(requests: Iterable[Request], kind: str, span: Span) -> float:
    """The longest time between two successes, one of which is not before the fault."""
    done = sorted(request.ended for request in requests if request.kind == kind and request.ok)
    before = max((at for at in done if at <= span.fault), default=span.fault)
    marks = [before, *(at for at in done if span.fault < at < span.last), max(span.last, before)]
    return max(late - early for early, late in pairwise(marks))


def taken(request: Request, faulty: str) -> bool:
    """A surviving balancer had it: it answered with an error, or the connection is known to lead to one."""
    return request.status != 0 or request.balancer not in ("", faulty)


def two_writable(samples: Iterable[Sample]) -> int:
    """Beats in which more than one node said that it is writable."""
    writable = defaultdict(set)
    for sample in samples:
        if sample.about == "mysql" and sample.answer == "writable":
            writable[math.floor(sample.at / BEAT_S)].add(sample.server)
    return sum(len(servers) > 1 for servers in writable.values())


def takeovers(samples: Iterable[Sample]) -> int:
    """How often another node than before became the writable one."""
    ordered = sorted((s.at, s.server) for s in samples if s.about == "mysql" and s.answer == "writable")
    return sum(before != now for (_, before), (_, now) in pairwise(ordered))


def recovered(failed: Iterable[Request], samples: Iterable[Sample], span: Span) -> float:
    wrong = [sample.at for sample in samples if sample.answer not in WELL[sample.about]]
    return max([0.0, *(request.due - span.end for request in failed), *(at - span.end for at in wrong)])


def quantile(values: Iterable[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed (nearest rank); 0 of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def broken(figures: Figures, at_most: Mapping[str, float]) -> list[str]:
    """The expectations that do not hold, as sentences."""
    pairs = ((name, getattr(figures, name), limit) for name, limit in at_most.items())
    return [f"{name} is {value:g}, at most {limit:g} is good" for name, value, limit in pairs if round(value, 3) > limit]


def detections(requests: Iterable[Request], samples: Iterable[Sample], faulty: str, since: float) -> list[Event]:
    """Who noticed the fault first, of each kind of observer."""
    found = []
    for about, text in (
        ("target", f"the front door gives {faulty} up"),
        ("mysql", "its MySQL is silent"),
        ("agent", "its agent"),
    ):
        noticed = [s for s in samples if s.server == faulty and s.about == about and s.at > since and s.answer not in WELL[about]]
        if noticed:
            first = min(noticed, key=lambda sample: sample.at)
            said = f" says {first.answer!r}" if about == "agent" and first.answer else " is silent" if about == "agent" else ""
            found.append(Event(at=first.at, kind="detection", text=text + said))
    answered = sorted((r for r in requests if r.ok and r.kind == READ and r.web), key=lambda request: request.ended)
    before = next((r.web for r in reversed(answered) if r.ended <= since), "")
    if moved := next((r for r in answered if r.ended > since and r.web != before), None):
        found.append(Event(at=moved.ended, kind="detection", text=f"{moved.web} answers instead of {before}"))
    return sorted(found, key=lambda event: event.at)
