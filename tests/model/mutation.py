"""What a mutation is: functions replaced for one test, and the circumstances in which the model finds it soonest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent import failover

from .world import Profile

Replacement = tuple[object, str, object]


@dataclass(frozen=True)
class Mutation:
    replaces: tuple[Replacement, ...]
    profile: Profile
    finds: str  # a part of the violation
    first: int  # the seed that found it last: tried before the others


MUTATIONS: dict[str, Mutation] = {}
TWO = "two writable"
LOST = "without acknowledged writes"
NOBODY = "nobody writable"


def mutation(finds: str, first: int = 0, **profile) -> Callable[[Callable], Callable]:
    """Registers a function that gives the replacements under its name, which says what is broken."""

    def register(build: Callable[[], tuple[Replacement, ...]]):
        MUTATIONS[build.__name__.replace("_", " ")] = Mutation(build(), Profile(**profile), finds, first)
        return build

    return register


def before_step(change: Callable) -> tuple[Replacement, ...]:
    """The decision sees another event."""
    original = failover._step
    return ((failover, "_step", lambda state, event, now: original(state, change(event, now), now)),)
