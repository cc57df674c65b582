"""Planned changes of the primary: to a named server, or to any that can before this one stops."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from ..lease import handing
from ..lease.state import State, Switchover
from ..system import Failed, System
from .config import Config
from .look import Observer
from .loop import Loop
from .mysqld import boottime
from .peers import Peers

POLL_S = 0.01
STARTED_S = 1.0
LAG_S = 2.0  # of a candidate, at most; MySQL counts whole seconds
OPENED_S = 5.0  # beyond what the holder waits for the other to catch up
LONGEST_S = STARTED_S + handing.PATIENCE_S + OPENED_S  # of one attempt
RESIGN_S = 45  # systemd allows 50 (handover.service)
TOGETHER_S = 5.0  # whoever said goodbye so lately stops together with this server: nobody to wait for


@dataclass(frozen=True, kw_only=True)
class Switched:
    to: str
    epoch: int
    seconds: float  # from the order until the new primary was open


class Switchovers:
    def __init__(self, system: System, config: Config, loop: Loop, observer: Observer, peers: Peers) -> None:
        self._system, self._config, self._loop, self._observer, self._peers = system, config, loop, observer, peers
        self._lock = threading.Lock()
        self._goodbyes: dict[str, float] = {}

    def to(self, name: str | None) -> Switched:
        """Hand the lease over; without a name to the first that is fit. Raises Failed: then this server is primary as before,
        or the text says otherwise."""
        state = self._holding()
        if state.hold.store_is_silent(boottime()):
            raise Failed("the lease's table does not answer: nobody could take over; writes go on here")
        if not self._observer.latest.local.alive:
            raise Failed(
                f"mysqld of {self._config.server} does not answer, and nobody else knows its last writes; see: make status"
            )
        names = [name] if name else list(self._config.others)
        unknown = [other for other in names if other not in self._config.others]
        if unknown:
            raise Failed(f"switchover to {unknown[0]}: allowed is {', '.join(self._config.others)}")
        refusals = {other: self._refusal(state, other) for other in names}
        chosen = next((other for other, refusal in refusals.items() if not refusal), None)
        if chosen is None:
            raise Failed("; ".join(str(refusal) for refusal in refusals.values()))
        with self._lock:
            return self._hand_over(chosen)

    def resign(self) -> str:
        """Before this server stops: hold the stop until a server that has caught up serves, RESIGN_S at most."""
        self._peers.tell_all("/goodbye", {}, 0.5)
        last, said = boottime() + RESIGN_S - LONGEST_S, "this server does not hold the lease"
        while self._loop.state.hold:
            staying = [name for name in self._config.others if boottime() - self._goodbyes.get(name, -TOGETHER_S) >= TOGETHER_S]
            if not staying:
                return "the other servers stop as well"
            try:
                switched = self.to(None if len(staying) == len(self._config.others) else staying[0])
                return f"{switched.to} is the primary, epoch {switched.epoch}, {switched.seconds:.2f} s without writes"
            except Failed as failed:
                said = str(failed)
            if boottime() > last:
                break
            self._system.sleep(0.2)
        return said

    def said_goodbye(self, name: str) -> None:
        self._goodbyes[name] = boottime()

    def _holding(self) -> State:
        state = self._loop.state
        if state.hold is None:
            record = state.watch.record if state.watch else None
            raise Failed(f"{self._config.server} does not hold the lease; {record.holder if record else 'nobody'} does")
        return state

    def _refusal(self, state: State, name: str) -> str | None:
        """Why `name` could not take over now. What it lacks of the last writes is waited for, once these have stopped."""
        try:
            status = self._peers.status(name)
        except Failed as failed:
            return str(failed)
        if not status.local.alive:
            return f"{name}: mysqld does not answer"
        if status.local.cluster_id != state.hold.record.cluster_id:
            return f"{name} has not got the data of database {state.hold.record.cluster_id}"
        if status.source != self._config.server:
            return f"{name} does not follow {self._config.server}"
        if not status.local.complete:  # nor does anybody know yet how far behind it is
            return f"{name} has not caught up since its mysqld started: writes would have to wait for it"
        if status.lag_s is not None and status.lag_s > LAG_S:
            return f"{name} is {status.lag_s:.0f} s behind: writes would have to wait for it"
        return None

    def _hand_over(self, name: str) -> Switched:
        began = boottime()
        self._loop.post(Switchover(name))
        self._wait(lambda: self._loop.state.hold is None or self._loop.state.hold.handing, STARTED_S, "the switchover to begin")
        self._wait(lambda: self._is_over(name), LONGEST_S - STARTED_S, f"{name} to take over")
        if self._loop.state.hold:
            raise Failed(f"given up, {self._config.server} is the primary as before: {self._why(name)}")
        record = self._loop.state.watch.record if self._loop.state.watch else None
        return Switched(to=name, epoch=record.epoch if record else self._loop.state.given_up + 1, seconds=boottime() - began)

    def _is_over(self, name: str) -> bool:
        hold = self._loop.state.hold
        if hold is not None:
            return hold.handing is None
        try:
            return self._peers.status(name).leads
        except Failed:
            return False

    def _why(self, name: str) -> str:
        said = self._peers.said.get(name)
        if said is None or self._loop.state.hold is None:
            return f"{name} does not answer"
        return handing.refusal(self._loop.state, self._observer.latest.local, said.status.peer) or f"{name} was not ready in time"

    def _wait(self, condition, deadline_s: float, what: str) -> None:
        end = boottime() + deadline_s
        while not condition():
            if boottime() > end:
                raise Failed(f"switchover: waited {deadline_s:.0f} s for {what}; see: agent lease")
            self._system.sleep(POLL_S)
