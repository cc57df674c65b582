"""From records to figures. Pure."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby, pairwise

from drills.records import READ, WRITE, Request, Sample

FRONT_DOOR_S = 15  # what the load balancer in front may take to notice a dead server
FEW = 5  # runs
CALM_S = 6  # when the load is whole already
BEAT_S = 0.05  # of the questions whether a node is writable
CAUGHT_UP_S = 2  # behind its source at most, as a switchover wants it
WELL = {"mysql": ("writable", "read-only"), "role": ("primary", "replica"), "target": ("healthy",)}


@dataclass(frozen=True, kw_only=True)
class Span:
    """Of a run: until when all was calm, when the fault began, when it was undone (a fault without an end: when it began), and
    the last request due."""

    calm: float
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
    failed_connections_share: float  # of the reads of new visitors, within FRONT_DOOR_S of the fault
    last_failure_s: float  # after the fault; 0: none
    read_p99_s: float  # while the fault lasted, at least FRONT_DOOR_S; failures with the time they took
    slowest_read_s: float
    slowest_read_answered_s: float  # of those that a balancer outside the fault is known to have taken
    slowest_write_s: float
    calm_read_p99_s: float  # of reads due in CALM_S until a second before anything happened
    acknowledged: int
    lost: int  # of the acknowledged: not in the database at the end
    salvaged: int  # of the lost: in what a former primary saved of its data
    missing: int  # of the lost: nowhere
    two_writable_samples: int
    unasked_s: float  # the longest time for which a node was not asked whether it is writable
    takeovers: int  # how often another node than before accepted writes
    epoch_before: int  # of the lease, as the nodes see it; 0: they see none
    epoch_after: int
    new_epochs: int
    recovered_s: float  # after the end of the fault: the last failed request or wrong answer of a node
    reads: int
    writes: int
    client_late_s: float  # how late the client itself sent at worst: what it measures is no better than that


def compute(
    requests: Sequence[Request],
    samples: Sequence[Sample],
    span: Span,
    *,
    faulty: str,
    found: Iterable[str],
    saved: Iterable[str] = (),
) -> Figures:
    """`faulty`: the server of the fault; `found`: the keys in the database at the end; `saved`: those in the salvage."""
    after = [request for request in requests if request.due >= span.fault]
    calm = [request for request in requests if span.calm - CALM_S <= request.due < span.calm - 1]
    failed = [request for request in requests if not request.ok]
    reads = [request for request in after if request.kind == READ]
    meanwhile = [r.took for r in reads if r.due <= max(span.end, span.fault + FRONT_DOOR_S)]
    new = [request for request in reads if request.fresh and request.due <= span.fault + FRONT_DOOR_S]
    acknowledged = {request.key for request in requests if request.kind == WRITE and request.ok}
    lost = acknowledged - set(found)
    before, after_all = epoch(samples, until=span.fault), epoch(samples, until=math.inf)
    return Figures(
        write_outage_s=outage(requests, WRITE, span),
        read_outage_s=outage(requests, READ, span),
        failed_reads=sum(request.kind == READ for request in failed),
        failed_writes=sum(request.kind == WRITE for request in failed),
        failed_reads_answered=sum(request.kind == READ and taken(request, faulty) for request in failed),
        failed_connections_share=sum(not request.ok for request in new) / len(new) if new else 0.0,
        last_failure_s=max((request.due - span.fault for request in failed), default=0.0),
        read_p99_s=quantile(meanwhile, 0.99),
        calm_read_p99_s=quantile((r.took for r in calm if r.kind == READ), 0.99),
        slowest_read_s=max((request.took for request in reads), default=0.0),
        slowest_read_answered_s=max((request.took for request in reads if taken(request, faulty)), default=0.0),
        slowest_write_s=max((r.took for r in after if r.kind == WRITE), default=0.0),
        acknowledged=len(acknowledged),
        lost=len(lost),
        salvaged=len(lost & set(saved)),
        missing=len(lost - set(saved)),
        two_writable_samples=two_writable(samples),
        unasked_s=unasked(samples, span),
        takeovers=takeovers(samples),
        epoch_before=before,
        epoch_after=after_all,
        new_epochs=after_all - before,
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
    """Beats in which more than one node was writable: it said so, or had said so and said so again when it was asked next."""
    writable = Counter(beat for questions in asked(samples) for beat in writable_beats(questions))
    return sum(servers > 1 for servers in writable.values())


def unasked(samples: Iterable[Sample], span: Span) -> float:
    """The longest time between two questions to the same node; without any, all of the run."""
    between = (late.at - early.at for questions in asked(samples) for early, late in pairwise(questions))
    return max(between, default=span.last - span.calm)


def asked(samples: Iterable[Sample]) -> Collection[list[Sample]]:
    """The questions whether it is writable to each node, in order."""
    questions = defaultdict(list)
    for sample in sorted((s for s in samples if s.about == "mysql"), key=lambda sample: sample.at):
        questions[sample.server].append(sample)
    return questions.values()


def writable_beats(questions: Sequence[Sample]) -> set[int]:
    """Of one node. When the first yes of several in a row was given is not known: before the next question, at the latest."""
    beats = set()
    for says_yes, row in groupby(questions, key=lambda sample: sample.answer == "writable"):
        if says_yes:
            first, *later = [math.floor(sample.at / BEAT_S) for sample in row]
            beats |= {first, *(range(later[0], later[-1] + 1) if later else ())}
    return beats


def takeovers(samples: Iterable[Sample]) -> int:
    """How often another node than before became the writable one."""
    ordered = sorted((s.at, s.server) for s in samples if s.about == "mysql" and s.answer == "writable")
    return sum(before != now for (_, before), (_, now) in pairwise(ordered))


def epoch(samples: Iterable[Sample], until: float) -> int:
    """The newest one that a node knew of; 0: none."""
    return max((s.epoch for s in samples if s.about == "lease" and s.epoch is not None and s.at <= until), default=0)


def recovered(failed: Iterable[Request], samples: Iterable[Sample], span: Span) -> float:
    """Seconds after `span.end` of the last failed request, wrong answer, or replica that is behind."""
    wrong = [sample.at for sample in samples if _is_unwell(sample)]
    return max([0.0, *(request.due - span.end for request in failed), *(at - span.end for at in wrong)])


def _is_unwell(sample: Sample) -> bool:
    behind = sample.lag is not None and sample.lag > CAUGHT_UP_S
    return behind or (sample.about in WELL and sample.answer not in WELL[sample.about])


def quantile(values: Iterable[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed (nearest rank); 0 of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def judged(
    values: Mapping[str, float], at_most: Mapping[str, float], exactly: Mapping[str, float], at_least: Mapping[str, float]
) -> list[tuple[str, str, float, bool]]:
    """(figure, how its limit is one, the limit, whether it holds) for each expectation, in the order of the drill."""
    rows = [(name, "at most", limit, not above(values[name], limit)) for name, limit in at_most.items()]
    rows += [(name, "only", good, values[name] == good) for name, good in exactly.items()]
    rows += [(name, "at least", least, values[name] >= least) for name, least in at_least.items()]
    return rows


def broken(
    figures: Figures, at_most: Mapping[str, float], exactly: Mapping[str, float], at_least: Mapping[str, float]
) -> list[str]:
    """The expectations that do not hold, as sentences."""
    values = asdict(figures)
    rows = judged(values, at_most, exactly, at_least)
    return [f"{name} is {values[name]:g}, {how} {limit:g} is good" for name, how, limit, holds in rows if not holds]


def broken_medians(runs: Sequence[Figures], median_at_most: Mapping[str, float]) -> list[str]:
    """The same of several runs: FEW say nothing about the usual one."""
    medians = {name: quantile([getattr(one, name) for one in runs], 0.5) for name in median_at_most}
    wrong = [name for name, limit in median_at_most.items() if len(runs) >= FEW and above(medians[name], limit)]
    return [f"the median of {name} is {medians[name]:g}, at most {median_at_most[name]:g} is good" for name in wrong]


def above(value: float, limit: float) -> bool:
    return round(value, 3) > limit
