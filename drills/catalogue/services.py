"""Drills of one service on one server: killed, hung, reloaded, without room."""

from __future__ import annotations

from drills.catalogue.drill import (
    A_THIRD,
    NEVER,
    NO_TAKEOVER,
    NOTHING_LOST,
    OUTAGE,
    REJOIN,
    SEEN_BY_WRITERS,
    SOON,
    SOON_TYPICALLY,
    UNSEEN,
    UNSEEN_BY_READERS,
    Drill,
)
from drills.faults.processes import DiskFull, Hang, Kill, ReloadBalancer, StaysDead
from drills.site import ACTIVE, BALANCER, PRIMARY, REPLICA

IN_PLACE_S = 4  # until a killed mysqld serves again where it was

WEB = (
    Drill(
        name="nginx-kill",
        title="Nginx of the active web server is killed.",
        fault=Kill(server=ACTIVE, unit="nginx"),
        at_most=UNSEEN_BY_READERS | SOON,
        median_at_most=SOON_TYPICALLY,
        lasts_s=0,
    ),
    Drill(
        name="nginx-hang",
        title="Nginx of the active web server hangs for 12 s.",
        fault=Hang(server=ACTIVE, unit="nginx"),
        at_most=UNSEEN_BY_READERS | SOON,
        median_at_most=SOON_TYPICALLY,
    ),
    Drill(
        name="app-kill",
        title="The application of the active web server is killed.",
        fault=Kill(server=ACTIVE, unit="app"),
        at_most=UNSEEN_BY_READERS | SOON,
        median_at_most=SOON_TYPICALLY,
        lasts_s=0,
    ),
    Drill(
        name="app-hang",
        title="The application of the active web server hangs for 12 s.",
        fault=Hang(server=ACTIVE, unit="app"),
        at_most=UNSEEN_BY_READERS | SOON,
        median_at_most=SOON_TYPICALLY,
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
        at_most=UNSEEN | SOON,
        median_at_most=SOON_TYPICALLY,
        lasts_s=0,
    ),
    Drill(
        name="active-haproxy-kill",
        title="HAProxy on the active web server is killed, its application's way to the database with it.",
        fault=Kill(server=ACTIVE, unit="haproxy"),
        at_most=A_THIRD,
        lasts_s=0,
    ),
    Drill(
        name="active-haproxy-hang",
        title="HAProxy on the active web server hangs for 25 s, its application's way to the database with it.",
        fault=Hang(server=ACTIVE, unit="haproxy"),
        at_most=A_THIRD,
        lasts_s=25,
    ),
)
AGENTS = (
    Drill(
        name="agent-kill",
        title="The primary's agent is killed.",
        fault=Kill(server=PRIMARY, unit="agent"),
        at_most=UNSEEN,
        exactly=NO_TAKEOVER,
        lasts_s=0,
    ),
    Drill(
        name="agent-hang",
        title="The primary's agent hangs for 12 s.",
        fault=Hang(server=PRIMARY, unit="agent"),
        at_most=UNSEEN,
        exactly=NO_TAKEOVER,
    ),
    Drill(
        name="replica-failover-kill",
        title="The failover unit of the replica's server is killed.",
        fault=Kill(server=REPLICA, unit="failover"),
        at_most=UNSEEN | REJOIN,
        exactly=NO_TAKEOVER,
        lasts_s=0,
    ),
    Drill(
        name="replica-failover-hang",
        title="The failover unit of the replica's server hangs; its watchdog kills it.",
        fault=Hang(server=REPLICA, unit="failover"),
        at_most=UNSEEN | REJOIN,
        exactly=NO_TAKEOVER,
    ),
    # Without it nobody renews the lease, so the database is closed at once: by its unit's end, or by the watchdog's.
    Drill(
        name="failover-kill",
        title="The failover unit of the primary's server is killed.",
        fault=Kill(server=PRIMARY, unit="failover"),
        at_most=NOTHING_LOST | OUTAGE | REJOIN | {"failed_reads": 0},
        lasts_s=0,
        at_least=SEEN_BY_WRITERS,
    ),
    Drill(
        name="failover-hang",
        title="The failover unit of the primary's server hangs; its watchdog kills it.",
        fault=Hang(server=PRIMARY, unit="failover"),
        at_most=NOTHING_LOST | OUTAGE | REJOIN | {"failed_reads": 0},
        at_least=SEEN_BY_WRITERS,
    ),
)
DATABASES = (
    Drill(
        name="primary-mysqld-kill",
        title="mysqld of the primary is killed and starts again in place.",
        fault=Kill(server=PRIMARY, unit="mysql"),
        at_most=NOTHING_LOST | {"failed_reads": 0, "write_outage_s": IN_PLACE_S},
        exactly=NO_TAKEOVER,
        lasts_s=0,
        at_least=SEEN_BY_WRITERS,
    ),
    Drill(
        name="primary-mysqld-stays-dead",
        title="mysqld of the primary is killed and does not start again; after the restart budget the replica takes over.",
        fault=StaysDead(server=PRIMARY),
        at_most=NEVER | OUTAGE | REJOIN | {"failed_reads": 0},
        exactly={"new_epochs": 1},
        at_least=SEEN_BY_WRITERS,
    ),
    Drill(
        name="primary-mysqld-hang",
        title="mysqld of the primary hangs; its server kills it.",
        fault=Hang(server=PRIMARY, unit="mysql"),
        at_most=NOTHING_LOST | OUTAGE | REJOIN | {"failed_reads": 0},
        at_least=SEEN_BY_WRITERS,
    ),
    Drill(
        name="primary-disk-full",
        title="The primary's data volume is full for 30 s.",
        fault=DiskFull(server=PRIMARY),
        at_most=NOTHING_LOST | OUTAGE | {"failed_reads": 0, "recovered_s": 120},
        at_least={"new_epochs": 1},
        lasts_s=30,
        recover_s=120,
    ),
    Drill(
        name="replica-mysqld-kill",
        title="mysqld of the replica is killed.",
        fault=Kill(server=REPLICA, unit="mysql"),
        at_most=UNSEEN | REJOIN,
        exactly=NO_TAKEOVER,
        lasts_s=0,
    ),
    Drill(
        name="replica-mysqld-hang",
        title="mysqld of the replica hangs for 12 s.",
        fault=Hang(server=REPLICA, unit="mysql"),
        at_most=UNSEEN | REJOIN,
        exactly=NO_TAKEOVER,
    ),
    Drill(
        name="replica-disk-full",
        title="The replica's data volume is full for 12 s.",
        fault=DiskFull(server=REPLICA),
        at_most=UNSEEN,
        exactly=NO_TAKEOVER,
        recover_s=120,
    ),
)
DRILLS = (*WEB, *AGENTS, *DATABASES)
