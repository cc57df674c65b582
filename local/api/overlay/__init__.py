"""What the local AWS API does beyond moto: missing calls, missing refusals, and the machines' observed state.

One module per topic, each listed here; importing this package installs them into moto, once for the process.
Every function says what AWS does and where that is written (`EC2 API`, `ELBv2 API`…: the service's API reference).
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from local.api.host import Host
from local.api.overlay import (  # noqa: F401
    associations,
    balancers,
    buckets,
    calls,
    commands,
    dlm,
    documents,
    groups,
    instances,
    issuing,
    launches,
    listeners,
    logs,
    networks,
    outages,
    targets,
    volumes,
    zones,
)
from local.api.overlay.calls import Served
from local.instance import Instance


def serve(instance: Instance, host: Host, changed: Callable[[str], None]) -> None:
    """From now on ask this host, and call `changed(section)` when state changes without a request."""
    Served.instance = instance
    Served.host = host
    Served.changed = staticmethod(changed)
    Served.closed = threading.Event()
    associations.resume()
    commands.give_up_interrupted()


def close() -> None:
    """No more runs are begun; those under way end with the process, or are done again by the next server."""
    Served.closed.set()
