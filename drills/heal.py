"""Undoes whatever any fault may have left, also one whose drill was killed; safe to repeat.

Only a server that is gone (`lost for good`) and a changed instance type are left to `make up`.
"""

from __future__ import annotations

import contextlib
import signal

from drills import delay, network
from drills.faults.power import state, switch_on
from drills.faults.processes import UNITS, make_room, send, thaw
from drills.faults.store import SERVICE
from drills.site import Site
from local.api import outage


def heal(site: Site) -> None:
    """No fault of any drill is left afterwards. Raises FaultFailed when a machine, or its mysqld, does not start again."""
    outage.end(site.instance, SERVICE)
    site.look_again()
    for router in {server.router for server in site.servers.values()}:
        network.relieve(router)
        delay.relieve(router)
    for server in site.servers.values():
        if server.machine.leader_pid() is None or state(site, server) != "running":
            switch_on(site, server)
        network.plug(server.router, server.port)
        for unit in UNITS:
            send(server, unit, signal.SIGCONT)
        with contextlib.suppress(OSError):
            make_room(server)
    for server in site.databases:
        thaw(server)
