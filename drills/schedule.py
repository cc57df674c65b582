"""When the measuring client sends what. Pure: the same seed gives the same visitors."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from drills.records import READ, WRITE

READS_PER_S = 100
WRITES_PER_S = 50
RAMP_S = 8  # until that many: a site that was idle has connections to open and caches to fill, which is no fault
NEW_VISITOR = 0.2  # of the requests open a connection; a browser asks for a handful of things on one


@dataclass(frozen=True, order=True)
class Planned:
    """A request at `at` seconds from the beginning. `fresh`: by a new visitor, who has no connection yet."""

    at: float
    kind: str
    fresh: bool


def requests(seed: int) -> Iterator[Planned]:
    """Without end, in order. An open loop: the times depend on nothing that the site does."""
    chance = random.Random(seed)
    streams = heapq.merge(evenly(READS_PER_S, READ), evenly(WRITES_PER_S, WRITE))
    return (Planned(at, kind, chance.random() < NEW_VISITOR) for at, kind in streams)


def evenly(per_second: int, kind: str) -> Iterator[tuple[float, str]]:
    """The rate grows steadily from nothing in RAMP_S, half as many requests as later in that time, and then stays."""
    ramp = per_second * RAMP_S // 2
    for number in itertools.count():
        yield (math.sqrt(2 * RAMP_S * number / per_second) if number < ramp else (number + ramp) / per_second), kind
