"""What a drill is, and the expectations that several share. Figures are those of `figures.Figures`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from drills.faults import Fault
from drills.given import Given


@dataclass(frozen=True, kw_only=True)
class Drill:
    """`at_most`: figure -> the largest value that is still good; `exactly`: the only good one; `median_at_most`: of several runs.
    `at_least`: what a fault that happened cannot but cost, so that one that did not happen proves nothing.

    `given` is already so when the fault begins. `recover_s`: until all is well after the fault's end.
    """

    name: str
    title: str
    fault: Fault
    at_most: Mapping[str, float]
    exactly: Mapping[str, float] = field(default_factory=dict)
    at_least: Mapping[str, float] = field(default_factory=dict)
    median_at_most: Mapping[str, float] = field(default_factory=dict)
    given: Given = field(default_factory=Given)
    lasts_s: float = 12
    recover_s: float = 60  # lasts_s 0: the servers mend it themselves

    def where_commits_wait(self) -> Drill:
        """In semi-sync mode nothing acknowledged is lost, not even with a disk, and there is nothing to salvage."""
        at_least = {name: least for name, least in self.at_least.items() if name != "salvaged"}
        return replace(self, at_most={**self.at_most, "lost": 0}, at_least=at_least)


# In every drill: an acknowledged write is in the database at the end or, if its server's disk came back, in the salvage.
NEVER = {"missing": 0, "two_writable_samples": 0}
NOTHING_LOST = NEVER | {"lost": 0}
# Retries cost time, never an error; and nobody waits longer than two seconds.
READERS_GO_ON = NOTHING_LOST | {"failed_reads": 0, "slowest_read_s": 2}
UNSEEN_BY_READERS = READERS_GO_ON | {"slowest_write_s": 2}
UNSEEN = UNSEEN_BY_READERS | {"failed_writes": 0}
# Of a web server's parts, and of HAProxy's reload. In one run some 15 reads decide it.
SOON = {"read_p99_s": 1.25}
SOON_TYPICALLY = {"read_p99_s": 1}
# What the load balancer in front allows (interval 5 s, two failures): a third of the new connections, for 15 s.
FRONT_DOOR = {"failed_connections_share": 0.4, "last_failure_s": 15, "failed_reads_answered": 0, "slowest_read_answered_s": 2}
A_THIRD_TYPICALLY = {"failed_connections_share": 0.34}  # of one run a few hundredths more are chance: of some 300 connections
A_THIRD = NOTHING_LOST | FRONT_DOOR
SEEN_AT_THE_FRONT_DOOR = {"failed_connections_share": 0.05}
REJOIN = {"recovered_s": 60}
# With the lease's default ttl of 5 s.
OUTAGE = {"write_outage_s": 8}
SEEN_BY_WRITERS = {"write_outage_s": 0.2}
ONE_TAKEOVER = {"takeovers": 1, "new_epochs": 1}
NO_TAKEOVER = {"takeovers": 0, "new_epochs": 0}
