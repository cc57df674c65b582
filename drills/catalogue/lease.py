"""Drills of the lease store: out with an error, silent, and restored to an older copy."""

from __future__ import annotations

from drills.catalogue.drill import NO_TAKEOVER, NOTHING_LOST, UNSEEN, Drill
from drills.faults.links import StoreSilence
from drills.faults.store import StoreOutage, StoreRollback
from drills.site import PRIMARY

A_MINUTE = 60

DRILLS = (
    Drill(
        name="lease-store-outage",
        title="The lease store answers every call with an error for a minute; the servers promise each other to wait.",
        fault=StoreOutage(server=PRIMARY),
        at_most=UNSEEN,
        exactly=NO_TAKEOVER,
        lasts_s=A_MINUTE,
    ),
    Drill(
        name="lease-store-silence",
        title="Nobody reaches the lease store for a minute; the servers promise each other to wait.",
        fault=StoreSilence(server=PRIMARY),
        at_most=UNSEEN,
        exactly=NO_TAKEOVER,
        lasts_s=A_MINUTE,
    ),
    Drill(
        name="lease-store-rollback",
        title="The lease store is restored to a copy of 10 s ago.",
        fault=StoreRollback(server=PRIMARY, seconds=10),
        at_most=UNSEEN,
        exactly=NO_TAKEOVER,
        lasts_s=15,
    ),
    # Nobody goes by a record that is older than one he saw: writes stop until an operator decides.
    Drill(
        name="lease-store-rollback-past-switchover",
        title="The lease store is restored to a copy from before a switchover, 10 s after it.",
        fault=StoreRollback(server=PRIMARY, seconds=10, past_switchover=True),
        at_most=NOTHING_LOST | {"failed_reads": 0},
        at_least={"write_outage_s": 10},
        lasts_s=15,
        recover_s=90,
    ),
)
