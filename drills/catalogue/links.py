"""Drills of the network: a server without its link, apart from the others, hard to hear; and a quiet hour to compare with."""

from __future__ import annotations

from drills.catalogue.drill import (
    A_THIRD,
    FRONT_DOOR,
    NEVER,
    NO_TAKEOVER,
    NOTHING_LOST,
    ONE_TAKEOVER,
    OUTAGE,
    READERS_GO_ON,
    REJOIN,
    SEEN_AT_THE_FRONT_DOOR,
    UNSEEN,
    Drill,
)
from drills.faults import Nothing
from drills.faults.links import LEASE_STORE, Delay, LinkDown, Loss, Partition
from drills.network import RECEIVED, SENT
from drills.site import PRIMARY, REPLICA

ALONE = NEVER | FRONT_DOOR | OUTAGE | REJOIN  # of a primary that nobody reaches
TEN_MINUTES, AN_HOUR = 600, 3600

PARTITIONS = (
    Drill(
        name="replica-link-down",
        title="The replica's server loses its network link for 25 s.",
        fault=LinkDown(server=REPLICA),
        at_most=A_THIRD | REJOIN,
        exactly=NO_TAKEOVER,
        at_least=SEEN_AT_THE_FRONT_DOOR,
        lasts_s=25,
    ),
    Drill(
        name="replica-partition",
        title="The replica reaches nobody and nobody reaches it, for 25 s.",
        fault=Partition(server=REPLICA),
        at_most=A_THIRD | REJOIN,
        exactly=NO_TAKEOVER,
        at_least=SEEN_AT_THE_FRONT_DOOR,
        lasts_s=25,
    ),
    Drill(
        name="primary-link-down",
        title="The primary's server loses its network link for 30 s.",
        fault=LinkDown(server=PRIMARY),
        at_most=ALONE,
        exactly=ONE_TAKEOVER,
        lasts_s=30,
    ),
    Drill(
        name="primary-partition",
        title="The primary reaches nobody and nobody reaches it, for 30 s.",
        fault=Partition(server=PRIMARY),
        at_most=ALONE,
        exactly=ONE_TAKEOVER,
        lasts_s=30,
    ),
    Drill(
        name="primary-is-not-heard",
        title="The primary hears the others, but nothing that it sends arrives, for 30 s.",
        fault=Partition(server=PRIMARY, loses=(SENT,)),
        at_most=ALONE,
        exactly=ONE_TAKEOVER,
        lasts_s=30,
    ),
    Drill(
        name="primary-does-not-hear",
        title="The others hear the primary, but nothing that they send arrives there, for 30 s.",
        fault=Partition(server=PRIMARY, loses=(RECEIVED,)),
        at_most=ALONE,
        exactly=ONE_TAKEOVER,
        lasts_s=30,
    ),
    Drill(
        name="primary-replica-partition",
        title="The primary and its replica do not reach each other for 30 s; all else is well.",
        fault=Partition(server=PRIMARY, peers=(REPLICA,)),
        # The replica's own HAProxy reaches no server that reaches the primary, and steps aside.
        at_most=READERS_GO_ON | A_THIRD | REJOIN,
        exactly=NO_TAKEOVER,
        lasts_s=30,
    ),
    Drill(
        name="primary-lease-partition",
        title="The primary does not reach the lease store for 30 s; the replica, which does, promises to wait.",
        fault=Partition(server=PRIMARY, peers=(LEASE_STORE,)),
        at_most=UNSEEN,
        exactly=NO_TAKEOVER,
        lasts_s=30,
    ),
)
NOISE = (
    Drill(
        name="primary-loss",
        title="A fifth of the primary's packets is lost for ten minutes.",
        fault=Loss(server=PRIMARY, percent=20),
        at_most=NOTHING_LOST,
        exactly=NO_TAKEOVER,
        at_least={"slowest_write_s": 0.3},
        lasts_s=TEN_MINUTES,
    ),
    Drill(
        name="primary-delay",
        title="Every packet to the primary's server is 300 ms late for ten minutes.",
        fault=Delay(server=PRIMARY, milliseconds=300),
        at_most=NOTHING_LOST,
        exactly=NO_TAKEOVER,
        at_least={"slowest_write_s": 0.3},
        lasts_s=TEN_MINUTES,
    ),
)
QUIET = Drill(
    name="quiet-hour",
    title="Nothing happens for an hour.",
    fault=Nothing(server=PRIMARY),
    at_most=UNSEEN,
    exactly=NO_TAKEOVER,
    lasts_s=AN_HOUR,
)
