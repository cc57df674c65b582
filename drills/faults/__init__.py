"""What a drill does to the site: each fault begins at an instant and can be undone. One module per kind of fault."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from drills.server import Server
from drills.site import Site


class FaultFailed(Exception):
    """The site did not let the fault begin or be undone; the text says what it said."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """`server` is a name or a role. `undone` says in the report what its end is."""

    server: str
    undone: ClassVar[str] = "the fault is undone"

    def begin(self, site: Site, server: Server) -> None:
        """Raises FaultFailed."""
        raise NotImplementedError

    def confirm(self, site: Site, server: Server) -> None:
        """Asked right before its end: it is what its name says. Raises FaultFailed: a fault that befell nobody proves nothing."""

    def end(self, site: Site, server: Server) -> None:
        """Undo it. A fault that the servers mend by themselves has nothing to undo. Raises FaultFailed."""


@dataclass(frozen=True, kw_only=True)
class Nothing(Fault):
    """Time passes."""

    def begin(self, site: Site, server: Server) -> None:
        pass


def wait(condition: Callable[[], bool], deadline_s: float, what: str) -> None:
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise FaultFailed(f"waited {deadline_s:.0f} s for {what}")
        time.sleep(0.1)


def command(server: Server, script: str, timeout_s: float = 60) -> str:
    """What a script said, run on the server as root, as SSM runs it."""
    try:
        result = server.machine.run(script, timeout_s)
    except OSError as error:
        raise FaultFailed(f"{server.name}: {error}") from error
    if result.exit_code:
        raise FaultFailed(f"{server.name}: {script}: exit {result.exit_code}: {(result.stderr or result.stdout).strip()[-500:]}")
    return result.stdout
