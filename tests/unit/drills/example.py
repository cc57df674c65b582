"""Records as a run would leave them, made by hand: a steady load, a fault at second 100, and nodes that answer."""

from collections.abc import Iterable

from drills.figures import Span
from drills.records import READ, WRITE, Request, Sample

FAULT = 100.0
SPAN = Span(calm=FAULT, fault=FAULT, end=110.0, last=120.0)


def request(due: float, kind: str = READ, *, took: float = 0.01, ok: bool = True, fresh: bool = False, **rest) -> Request:
    success = 200 if kind == READ else 201
    values = {
        "key": f"note {due:g}" if kind == WRITE else "",
        "status": success if ok else 0,
        "error": "" if ok else "no answer",
        "web": "web-a" if ok else "",
        "balancer": "lb" if ok else "",
    }
    return Request(kind=kind, due=due, sent=due, ended=due + took, fresh=fresh, **values | rest)


def steady(kind: str = READ, *, first: float = 90, last: float = 120, without: tuple[float, float] = (0, 0)) -> list[Request]:
    """Ten a second, all answered, none due in [without[0], without[1])."""
    dues = (first + number / 10 for number in range(round((last - first) * 10) + 1))
    return [request(due, kind) for due in dues if not without[0] <= due < without[1]]


def samples(server: str, about: str, answers: Iterable[tuple[float, str]]) -> list[Sample]:
    return [Sample(at=at, server=server, about=about, answer=answer) for at, answer in answers]


def leases(server: str, found: Iterable[tuple[float, str, int]]) -> list[Sample]:
    """Who holds the lease in which epoch, as a server sees it."""
    return [Sample(at=at, server=server, about="lease", answer=holder, epoch=epoch) for at, holder, epoch in found]
