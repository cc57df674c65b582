"""`agent fence`, ExecStopPost= of the unit: a mysqld that may be writable does not outlive whoever watched over it."""

from __future__ import annotations

from ..system import System
from .mark import is_marked, unmark
from .mysqld import Mysqld

DEADLINE_S = 5


def fence(system: System) -> None:
    """Raises Failed when mysqld outlives its SIGKILL."""
    if is_marked(system):
        system.log("fence: mysqld may be writable and nobody watches over it: killed")
        Mysqld(system).kill(DEADLINE_S)
        unmark(system)
