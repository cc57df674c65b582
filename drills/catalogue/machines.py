"""Drills of whole servers: planned stops, power cuts and what comes back, switchovers, servers and volumes that are gone."""

from __future__ import annotations

from drills.catalogue.drill import (
    A_THIRD,
    A_THIRD_TYPICALLY,
    FRONT_DOOR,
    NEVER,
    NO_TAKEOVER,
    NOTHING_LOST,
    ONE_TAKEOVER,
    OUTAGE,
    REJOIN,
    SEEN_AT_THE_FRONT_DOOR,
    UNSEEN,
    Drill,
)
from drills.faults.operations import LostForGood, Replacement, Switchover, TypeChange
from drills.faults.power import PowerCut, PowerCutAndEmptyVolume, Stop
from drills.given import Cloning, Lagging, LongTransaction, Unshipped
from drills.site import BALANCER, PRIMARY, REPLICA

AT_ONCE = {"write_outage_s": 0.5}
TYPICALLY = A_THIRD_TYPICALLY | {"write_outage_s": 6.5}
TAKEN_OVER = FRONT_DOOR | OUTAGE
REBUILT = {"recovered_s": 300}

PLANNED = (
    Drill(
        name="switchover",
        title="The primary hands over to its replica, as planned.",
        fault=Switchover(server=PRIMARY),
        at_most=UNSEEN | AT_ONCE,
        exactly=ONE_TAKEOVER,
        lasts_s=0,
    ),
    Drill(
        name="switchover-long-transaction",
        title="The primary hands over while a transaction is open that does not end by itself.",
        fault=Switchover(server=PRIMARY),
        given=LongTransaction(),
        at_most=UNSEEN | AT_ONCE,
        exactly=ONE_TAKEOVER,
        lasts_s=0,
    ),
    Drill(
        name="balancer-stop",
        title="lb is stopped through EC2, as planned work does it, and started again.",
        fault=Stop(server=BALANCER),
        at_most=UNSEEN | REJOIN,
        lasts_s=30,
    ),
    Drill(
        name="replica-stop",
        title="The replica's server is stopped through EC2, as planned work does it, and started again.",
        fault=Stop(server=REPLICA),
        at_most=UNSEEN | REJOIN,
        exactly=NO_TAKEOVER,
        lasts_s=30,
    ),
    Drill(
        name="primary-stop",
        title="The primary's server is stopped through EC2, as planned work does it, and started again.",
        fault=Stop(server=PRIMARY),
        at_most=UNSEEN | REJOIN,
        exactly=ONE_TAKEOVER,
        lasts_s=30,
    ),
)
POWER = (
    Drill(
        name="balancer-power-cut",
        title="The power of lb is cut; 30 s later it returns.",
        fault=PowerCut(server=BALANCER),
        at_most=A_THIRD | REJOIN,
        exactly=NO_TAKEOVER,
        at_least=SEEN_AT_THE_FRONT_DOOR,
        median_at_most=A_THIRD_TYPICALLY,
        lasts_s=30,
    ),
    Drill(
        name="replica-power-cut",
        title="The power of the replica's server is cut; 30 s later it returns.",
        fault=PowerCut(server=REPLICA),
        at_most=A_THIRD | REJOIN,
        exactly=NO_TAKEOVER,
        at_least=SEEN_AT_THE_FRONT_DOOR,
        median_at_most=A_THIRD_TYPICALLY,
        lasts_s=30,
    ),
    Drill(
        name="primary-power-cut",
        title="The power of the primary's server is cut; 30 s later it returns.",
        fault=PowerCut(server=PRIMARY),
        at_most=NEVER | TAKEN_OVER | REJOIN,
        exactly=ONE_TAKEOVER,
        median_at_most=TYPICALLY,
        lasts_s=30,
    ),
    Drill(
        name="primary-power-cut-replica-behind",
        title="The power of the primary's server is cut when its replica has not applied anything for 5 s.",
        fault=PowerCut(server=PRIMARY),
        given=Lagging(seconds=5),
        at_most=NEVER | TAKEN_OVER | REJOIN,
        exactly=ONE_TAKEOVER,
        lasts_s=30,
    ),
    Drill(
        name="divergent-primary-returns",
        title="The power of the primary's server is cut when the writes of 1.5 s have not reached its replica; it returns.",
        fault=PowerCut(server=PRIMARY),
        given=Unshipped(seconds=1.5),
        at_most=NEVER | TAKEN_OVER | REJOIN,
        exactly=ONE_TAKEOVER,
        at_least={"salvaged": 1},
        lasts_s=30,
    ),
)
VOLUMES = (
    Drill(
        name="replica-returns-empty",
        title="The power of the replica's server is cut; 30 s later it returns with an empty data volume.",
        fault=PowerCutAndEmptyVolume(server=REPLICA),
        at_most=A_THIRD | REJOIN,
        exactly=NO_TAKEOVER,
        lasts_s=30,
    ),
    # What the lost disk alone held cannot be salvaged: it is counted.
    Drill(
        name="primary-returns-empty",
        title="The power of the primary's server is cut; 30 s later it returns with an empty data volume.",
        fault=PowerCutAndEmptyVolume(server=PRIMARY),
        at_most={"two_writable_samples": 0} | TAKEN_OVER | REJOIN,
        exactly=ONE_TAKEOVER,
        lasts_s=30,
    ),
    Drill(
        name="donor-dies-in-clone",
        title="The replica is being filled anew when the power of its donor, the primary, is cut; 10 s later it returns.",
        fault=PowerCut(server=PRIMARY),
        given=Cloning(),
        at_most=NOTHING_LOST | {"recovered_s": 120},
        exactly={"takeovers": 0},
        lasts_s=10,
        recover_s=180,
    ),
    Drill(
        name="replica-lost-for-good",
        title="The replica's server and its data volume are gone for good; `make up` builds both anew.",
        fault=LostForGood(server=REPLICA),
        at_most=A_THIRD | REBUILT,
        exactly=NO_TAKEOVER,
        lasts_s=20,
        recover_s=300,
    ),
    Drill(
        name="primary-lost-for-good",
        title="The primary's server and its data volume are gone for good; `make up` builds both anew.",
        fault=LostForGood(server=PRIMARY),
        at_most={"two_writable_samples": 0} | TAKEN_OVER | REBUILT,
        exactly=ONE_TAKEOVER,
        lasts_s=20,
        recover_s=300,
    ),
    Drill(
        name="web-server-type-change",
        title="Both web servers get another instance type in one `pulumi up`, and in another one their own again.",
        fault=TypeChange(server=PRIMARY),
        at_most=UNSEEN | REBUILT,
        lasts_s=5,
        recover_s=300,
    ),
    Drill(
        name="server-replacement",
        title="All three servers are replaced in one `pulumi up`, as another image does it; their data volumes stay.",
        fault=Replacement(server=PRIMARY),
        at_most=UNSEEN | {"recovered_s": 600},  # they boot one after the other
        lasts_s=0,
        recover_s=300,
    ),
)
