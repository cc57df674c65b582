"""The one thread of decisions: events in, `failover.step`, actions out. It waits for nothing but the next event or instant."""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from .. import failover
from ..lease.state import Action, Event, State, Tick, WasClosed, WasOpened
from ..lease.view import Local, Peer
from .look import Look
from .mysqld import boottime

SILENT_PART = 0.2  # of ttl: a mysqld that has not answered for so long does not answer
HANDING_S = 0.01  # between two ticks while the epoch is given away: writers wait for the candidate's last transaction
SETTLE_PART = 0.05  # of ttl: how long a look may take that has to be younger than an opening or a closing


class Hands(Protocol):
    """Does what actions ask for, in other threads, and posts what came of it."""

    def do(self, action: Action, state: State, generation: int) -> None: ...


class Sight(Protocol):
    """`since`: a look that began at `at` or later, within `timeout_s`; `local` and `peers` in the lease's words."""

    def since(self, at: float, timeout_s: float) -> Look: ...
    def local(self, look: Look, now: float) -> Local: ...
    def peers(self, now: float) -> dict[str, Peer]: ...


class Loop:
    """`state` may be read from any thread: it is a value, replaced whole."""

    def __init__(self, state: State, sight: Sight, feed: Callable[[], None], log: Callable[[str], None]) -> None:
        self.state, self._sight, self._feed, self._log = state, sight, feed, log
        self._events: queue.SimpleQueue[tuple[Event, int | None]] = queue.SimpleQueue()
        self._ticked = float("-inf")
        self._hurries = False  # the last event changed who may write, or how far that is: what follows from it waits for no beat
        # What mysqld said before the last opening or closing ended says nothing about now …
        self._changed = boottime()
        # … and the end of an earlier closing nothing about a later one.
        self.generation = 0
        self.hands: Hands | None = None

    @property
    def ttl_s(self) -> float:
        return self.state.settings.ttl_s

    def post(self, event: Event, generation: int | None = None) -> None:
        """From any thread. With a generation: void once that has passed."""
        self._events.put((event, generation))

    def run(self) -> None:
        while True:
            self.turn()

    def turn(self) -> None:
        """The next event, or a tick when it is time for one."""
        now = boottime()
        hold = self.state.hold
        beat = now if self._hurries else self._ticked + (HANDING_S if hold and hold.handing else self.ttl_s / 50)
        wait = min(beat, failover.due(self.state, now)) - now
        try:
            event, generation = self._events.get(timeout=max(0.0, wait)) if wait > 0 else self._events.get_nowait()
        except queue.Empty:
            self._tick()
            return
        if generation in (None, self.generation):
            self._step(event)

    def _tick(self) -> None:
        began, self._hurries = boottime(), False
        # At an instant that is due nothing may be waited for; what follows from it asks nobody's opinion of mysqld.
        patience = 0.0 if failover.due(self.state, self._ticked) <= began else SETTLE_PART * self.ttl_s
        look = self._sight.since(self._changed, patience)
        now = self._ticked = boottime()
        local = self._sight.local(look, now)
        silent = now - look.at > SILENT_PART * self.ttl_s or (look.at < self._changed and patience > 0)
        hold = self.state.hold
        # Read-only though opened: somebody else closed it. As good as dead, and opened again.
        closed = hold is not None and hold.opened and look.read_only and look.at >= self._changed
        if silent or closed:
            local = replace(local, alive=False)
        self._step(Tick(local=local, peers=self._sight.peers(now)))
        if failover.feeds_watchdog(self.state, now):
            self._feed()

    def _step(self, event: Event) -> None:
        if isinstance(event, WasOpened | WasClosed):
            self._changed = boottime()
            self.generation += 1
        before = self.state
        self.state, actions = failover.step(before, event, boottime())
        self._tell(before, self.state)
        if not isinstance(event, Tick):
            self._hurries |= (before.hold, before.closing) != (self.state.hold, self.state.closing)
        for action in actions:
            self.hands.do(action, self.state, self.generation)

    def _tell(self, before: State, after: State) -> None:
        """The journal has every change of who may write."""
        if (before.hold is None) != (after.hold is None):
            if after.hold:
                self._log(f"lease: epoch {after.hold.record.epoch} is this server's")
            else:
                self._log(f"lease: epoch {before.hold.record.epoch} is not this server's any more")
        opened = after.hold is not None and after.hold.opened
        if opened and not (before.hold and before.hold.opened):
            self._log("lease: open for writes")
        if before.closing is None and after.closing is not None:
            self._log("lease: closing")
