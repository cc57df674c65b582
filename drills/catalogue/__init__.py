"""Every drill as data: the fault, how long it lasts, and what it may cost. One module per kind of fault."""

from __future__ import annotations

from drills.catalogue import lease, links, machines, services
from drills.catalogue.drill import Drill

# What can spoil most comes last.
ALL = (
    *services.DRILLS,
    *machines.PLANNED,
    *links.PARTITIONS,
    *lease.DRILLS,
    *machines.POWER,
    *links.NOISE,
    *machines.VOLUMES,
)
DRILLS = {drill.name: drill for drill in (*ALL, links.QUIET)}
QUICK = "quick"
SELECTIONS = {
    QUICK: (
        "primary-mysqld-kill",
        "switchover",
        "balancer-power-cut",
        "replica-power-cut",
        "primary-power-cut",
        "primary-partition",
    )
}


class UnknownDrill(Exception):
    """There is no such drill; the text lists those that there are."""


def selected(names: tuple[str, ...]) -> list[Drill]:
    """The named drills and selections, each once, or all but the quiet hour. Raises UnknownDrill."""
    wanted = list(dict.fromkeys(drill for name in names for drill in SELECTIONS.get(name, (name,))))
    for name in wanted:
        if name not in DRILLS:
            there = [(QUICK, ", ".join(SELECTIONS[QUICK])), *((drill.name, drill.title) for drill in DRILLS.values())]
            raise UnknownDrill(
                "\n  ".join([f"there is no drill {name!r}; there are:", *(f"{one}: {what}" for one, what in there)])
            )
    return [DRILLS[name] for name in wanted] if wanted else list(ALL)
