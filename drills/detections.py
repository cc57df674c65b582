"""Who noticed the fault first, of each kind of observer, and who did what about it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from drills.figures import WELL
from drills.records import READ, Event, Request, Sample

SAYS = {"target": "the front door gives {} up", "mysql": "MySQL on {} is silent", "role": "{} says that it has no role"}


def detections(requests: Iterable[Request], samples: Sequence[Sample], faulty: str, since: float) -> list[Event]:
    """In the order of their times. `faulty`: the server of the fault, which began at `since`."""
    ordered = sorted(samples, key=lambda sample: sample.at)
    events = (*noticed(ordered, faulty, since), *taken(ordered, since), *moved(requests, since))
    return sorted(events, key=lambda event: event.at)


def noticed(samples: Sequence[Sample], faulty: str, since: float) -> Iterator[Event]:
    for about, says in SAYS.items():
        own = [s for s in samples if (s.server, s.about) == (faulty, about) and s.at > since]
        if first := next((sample for sample in own if sample.answer not in WELL[about]), None):
            silent = about == "role" and not first.answer
            text = f"{faulty} does not say any more which role it has" if silent else says.format(faulty)
            yield Event(at=first.at, kind="detection", text=text)


def taken(samples: Sequence[Sample], since: float) -> Iterator[Event]:
    """The lease has another holder, and another MySQL accepts writes."""
    leases = [s for s in samples if s.about == "lease" and s.epoch is not None]
    before = max((s.epoch for s in leases if s.at <= since), default=0)
    if first := next((s for s in leases if s.at > since and s.epoch > before), None):
        yield Event(at=first.at, kind="takeover", text=f"{first.answer} holds the lease (epoch {first.epoch})")
    writable = [s for s in samples if s.about == "mysql" and s.answer == "writable"]
    former = next((s.server for s in reversed(writable) if s.at <= since), None)
    if first := next((s for s in writable if former and s.at > since and s.server != former), None):
        yield Event(at=first.at, kind="takeover", text=f"MySQL on {first.server} accepts writes")


def moved(requests: Iterable[Request], since: float) -> Iterator[Event]:
    answered = sorted((r for r in requests if r.ok and r.kind == READ and r.web), key=lambda request: request.ended)
    before = next((r.web for r in reversed(answered) if r.ended <= since), "")
    if first := next((r for r in answered if r.ended > since and r.web != before), None):
        yield Event(at=first.ended, kind="detection", text=f"{first.web} answers visitors instead of {before}")
