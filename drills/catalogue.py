"""Every drill as data: the fault, how long it lasts, and what it may cost. Figures are those of `figures.Figures`.

A drill that `needs` something is named here so that its place is known; it cannot be run before that exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drills.faults import DiskFull, Fault, Hang, Kill, LinkDown, Loss, Partition, PowerCut, ReloadBalancer, Stop
from drills.site import ACTIVE, BALANCER, PRIMARY, REPLICA

FAILOVER = "failover"


@dataclass(frozen=True, kw_only=True)
class Drill:
    """`at_most`: figure -> the largest value that is still good. `recover_s`: until all is well after the fault's end."""

    name: str
    title: str
    fault: Fault
    at_most: Mapping[str, float]
    lasts_s: float = 12
    recover_s: float = 60  # lasts_s 0: the servers mend it themselves
    needs: str = ""


NEVER = {"lost": 0, "two_writable_samples": 0}
# Retries cost time, never an error; and nobody waits longer than two seconds.
UNSEEN_BY_READERS = NEVER | {"failed_reads": 0, "read_p99_s": 1, "slowest_read_s": 2}
UNSEEN = UNSEEN_BY_READERS | {"failed_writes": 0}
# What the load balancer in front allows (interval 5 s, two failures): a third of the new connections, for 15 s.
A_THIRD = NEVER | {"failed_connections_share": 0.34, "last_failure_s": 15, "failed_reads_answered": 0}
REJOIN = {"recovered_s": 60}

RUNNABLE = (
    Drill(
        name="balancer-power-cut",
        title="The power of lb is cut; 30 s later it returns.",
        fault=PowerCut(server=BALANCER),
        at_most=A_THIRD | REJOIN,
        lasts_s=30,
    ),
    Drill(
        name="balancer-stop",
        title="lb is stopped through EC2, as planned work does it, and started again.",
        fault=Stop(server=BALANCER),
        at_most=UNSEEN | REJOIN,
        lasts_s=30,
    ),
    Drill(
        name="replica-power-cut",
        title="The power of the replica's server is cut; 30 s later it returns.",
        fault=PowerCut(server=REPLICA),
        at_most=A_THIRD | REJOIN,
        lasts_s=30,
    ),
    Drill(
        name="replica-stop",
        title="The replica's server is stopped through EC2, as planned work does it, and started again.",
        fault=Stop(server=REPLICA),
        at_most=UNSEEN | REJOIN,
        lasts_s=30,
    ),
    Drill(
        name="nginx-kill",
        title="Nginx of the active web server is killed.",
        fault=Kill(server=ACTIVE, unit="nginx"),
        at_most=UNSEEN_BY_READERS,
        lasts_s=0,
    ),
    Drill(
        name="nginx-hang",
        title="Nginx of the active web server hangs for 12 s.",
        fault=Hang(server=ACTIVE, unit="nginx"),
        at_most=UNSEEN_BY_READERS,
    ),
    Drill(
        name="app-kill",
        title="The application of the active web server is killed.",
        fault=Kill(server=ACTIVE, unit="app"),
        at_most=UNSEEN_BY_READERS,
        lasts_s=0,
    ),
    Drill(
        name="app-hang",
        title="The application of the active web server hangs for 12 s.",
        fault=Hang(server=ACTIVE, unit="app"),
        at_most=UNSEEN_BY_READERS,
    ),
    Drill(
        name="haproxy-kill",
        title="HAProxy on lb is killed.",
        fault=Kill(server=BALANCER, unit="haproxy"),
        at_most=A_THIRD,
        lasts_s=0,
    ),
    Drill(
        name="haproxy-hang",
        title="HAProxy on lb hangs for 25 s.",
        fault=Hang(server=BALANCER, unit="haproxy"),
        at_most=A_THIRD,
        lasts_s=25,
    ),
    Drill(
        name="haproxy-reload",
        title="HAProxy on lb takes up its configuration again, as at a release.",
        fault=ReloadBalancer(server=BALANCER),
        at_most=UNSEEN,
        lasts_s=0,
    ),
    Drill(
        name="replica-mysqld-kill",
        title="mysqld of the replica is killed.",
        fault=Kill(server=REPLICA, unit="mysql"),
        at_most=UNSEEN | REJOIN,
        lasts_s=0,
    ),
    Drill(
        name="replica-mysqld-hang",
        title="mysqld of the replica hangs for 12 s.",
        fault=Hang(server=REPLICA, unit="mysql"),
        at_most=UNSEEN | REJOIN,
    ),
    Drill(
        name="replica-disk-full",
        title="The replica's data volume is full for 12 s.",
        fault=DiskFull(server=REPLICA),
        at_most=UNSEEN,
        recover_s=120,
    ),
    Drill(
        name="primary-mysqld-kill",
        title="mysqld of the primary is killed and starts again in place.",
        fault=Kill(server=PRIMARY, unit="mysql"),
        at_most=NEVER | {"failed_reads": 0, "write_outage_s": 4},
        lasts_s=0,
    ),
    Drill(
        name="agent-kill",
        title="The primary's agent is killed.",
        fault=Kill(server=PRIMARY, unit="agent"),
        at_most=UNSEEN,
        lasts_s=0,
    ),
    Drill(
        name="link-down",
        title="The replica's server loses its network link for 25 s.",
        fault=LinkDown(server=REPLICA),
        at_most=A_THIRD | REJOIN,
        lasts_s=25,
    ),
    Drill(
        name="replica-partition",
        title="The replica reaches nobody and nobody reaches it, for 25 s.",
        fault=Partition(server=REPLICA),
        at_most=A_THIRD | REJOIN,
        lasts_s=25,
    ),
)

TAKEOVER = NEVER | {"write_outage_s": 8, "recovered_s": 60}
NO_TAKEOVER = NEVER | {"takeovers": 0}
WAITING = tuple(
    Drill(name=name, title=title, fault=fault, at_most=at_most, lasts_s=lasts_s, needs=FAILOVER)
    for name, title, fault, at_most, lasts_s in (
        ("primary-power-cut", "The power of the primary's server is cut.", PowerCut(server=PRIMARY), TAKEOVER, 30),
        ("primary-stop", "The primary's server is stopped as planned.", Stop(server=PRIMARY), UNSEEN, 30),
        ("primary-mysqld-hang", "mysqld of the primary hangs.", Hang(server=PRIMARY, unit="mysql"), TAKEOVER, 30),
        ("primary-disk-full", "The primary's data volume is full.", DiskFull(server=PRIMARY), TAKEOVER, 30),
        ("primary-agent-hang", "The primary's agent hangs.", Hang(server=PRIMARY, unit="agent"), TAKEOVER, 30),
        ("primary-link-down", "The primary's server loses its link.", LinkDown(server=PRIMARY), TAKEOVER, 30),
        ("primary-partition", "The primary is cut off from everyone.", Partition(server=PRIMARY), TAKEOVER, 30),
        (
            "primary-replica-partition",
            "The primary is cut off from its replica only.",
            Partition(server=PRIMARY, peers=(REPLICA,)),
            NO_TAKEOVER,
            30,
        ),
        (
            "primary-lease-partition",
            "The primary is cut off from the lease store only.",
            Partition(server=PRIMARY, peers=("the lease store",)),
            TAKEOVER,
            30,
        ),
        (
            "primary-loss",
            "A fifth of the primary's packets is lost for ten minutes.",
            Loss(server=PRIMARY, percent=20),
            NO_TAKEOVER,
            600,
        ),
    )
)
DRILLS = {drill.name: drill for drill in (*RUNNABLE, *WAITING)}


class UnknownDrill(Exception):
    """There is no such drill, or it cannot be run yet; the text lists those that can."""


def selected(names: tuple[str, ...]) -> list[Drill]:
    """The named drills, or all that can be run. Raises UnknownDrill."""
    for name in names:
        if name not in DRILLS:
            raise UnknownDrill(f"there is no drill {name!r}; there are: {', '.join(drill.name for drill in RUNNABLE)}")
        if needed := DRILLS[name].needs:
            raise UnknownDrill(f"{name} needs {needed}, which this version does not have")
    return [DRILLS[name] for name in names] if names else list(RUNNABLE)
