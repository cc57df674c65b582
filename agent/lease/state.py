"""What a server knows of the lease, what can happen to it (events) and what it may ask for (actions). Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from . import timing
from .record import Record, Write
from .view import Local, Peer, Settings

NEVER = float("-inf")


@dataclass(frozen=True, kw_only=True)
class Watch:
    """`record`, None when the item is missing, has stood still since `since`; `asked`: when the newest read was sent."""

    record: Record | None
    since: float
    asked: float


@dataclass(frozen=True, kw_only=True)
class Take:
    """A taking that may still land in the store."""

    write: Write
    observed: Record
    sent: float


@dataclass(frozen=True, kw_only=True)
class Hold:
    """The epoch is this server's. It may write only before `until`, and only once `opened`."""

    record: Record  # the newest confirmed
    since: float
    confirmed: float = NEVER  # when the newest confirmed renewal was sent
    counter: int  # the newest sent
    sent: tuple[tuple[int, float], ...] = ()  # (counter, when) of the last renewals
    renewed: float = NEVER
    last_sync: int = -1  # the newest counter that said sync=true
    waits: bool = False  # commits wait for the replicas: that was confirmed, and nothing else was ordered since
    order: SemiSync | None = None  # the newest
    alone_since: float | None = None  # a replica is not connected
    promises: Mapping[str, float] = field(default_factory=dict)  # member: when it was asked for its newest promise
    asked: float = NEVER
    opening: bool = False  # an opening was ordered and its end is not known
    opened: bool = False
    touched: bool = False  # an opening was ordered since mysqld was last confirmed closed
    down_since: float | None = None  # mysqld cannot be opened
    handing: str | None = None  # to whom the epoch is being given
    handing_since: float = NEVER
    unasked: bool = False  # … by a failover: no operator and no stop that was planned asked for it
    handover: Write | None = None  # once it is sent there is no way back

    @property
    def until(self) -> float:
        """The deadline: of the newest renewal, or of the oldest of every other member's newest promise."""
        others = [name for name in self.record.members if name != self.record.holder]
        promised = min((self.promises.get(name, NEVER) for name in others), default=NEVER)
        return timing.deadline(max(self.confirmed, promised), self.record.ttl_s)

    def store_is_silent(self, now: float) -> bool:
        return timing.store_is_silent(self.confirmed, now, self.record.ttl_s)


@dataclass(frozen=True, kw_only=True)
class State:
    server: str
    boot_nonce: str
    settings: Settings
    hold: Hold | None = None
    watch: Watch | None = None
    take: Take | None = None
    closing: float | None = NEVER  # when a mysqld not confirmed read-only is killed; None: confirmed. A start confirms nothing
    promised_until: float = NEVER
    seen: tuple[int, int] = (-1, -1)  # (epoch, counter) of the newest record seen
    given_up: int = -1  # the newest epoch that was this server's and is no more: never resumed
    read: float = NEVER  # when the newest read was sent
    forced_epoch: int | None = None  # an operator accepts what a taking after this epoch loses


class Outcome(Enum):
    DONE = "done"
    REFUSED = "refused"  # the condition did not hold. Also the second copy of a write that was done
    UNKNOWN = "unknown"  # no answer in time, or an error that does not say


# Events.


@dataclass(frozen=True, kw_only=True)
class Tick:
    """Time went by: every ttl/50, and exactly at `failover.due`. `local` was looked at after every event before this."""

    local: Local
    peers: Mapping[str, Peer] = field(default_factory=dict)  # the members that answer, this one not among them


@dataclass(frozen=True, kw_only=True)
class WasRead:
    """A strongly consistent read sent at `sent` was answered; None: there is no item."""

    sent: float
    record: Record | None


@dataclass(frozen=True, kw_only=True)
class WasWritten:
    write: Write
    sent: float
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The holder `by` asks for a promise; `ask` is its own time and comes back with the answer."""

    by: str
    epoch: int
    ttl_s: int
    ask: float


@dataclass(frozen=True, kw_only=True)
class Promised:
    by: str
    epoch: int
    ask: float
    yes: bool


@dataclass(frozen=True)
class WasOpened:
    """The opening that was ordered ended; nothing of it can still happen."""

    ok: bool


@dataclass(frozen=True)
class WasClosed:
    """super_read_only is on and clients are gone, or mysqld is dead by its pidfd. Nothing ordered before can undo it."""


@dataclass(frozen=True)
class WasSemiSync:
    """mysqld did what the order says; it may do so long after that was given."""

    order: SemiSync


@dataclass(frozen=True)
class Switchover:
    to: str


@dataclass(frozen=True)
class Promote:
    """An operator accepts the loss that taking the lease after `epoch` means (make promote FORCE=…)."""

    epoch: int


Event = Tick | WasRead | WasWritten | Asked | Promised | WasOpened | WasClosed | WasSemiSync | Switchover | Promote


# Actions. None of them is waited for; the answer is an event.


@dataclass(frozen=True)
class Read:
    sent: float


@dataclass(frozen=True)
class Send:
    write: Write
    sent: float


@dataclass(frozen=True, kw_only=True)
class Ask:
    to: str
    epoch: int
    ttl_s: int
    ask: float


@dataclass(frozen=True, kw_only=True)
class Reply:
    to: str
    epoch: int
    ask: float
    yes: bool
    reason: str = ""


@dataclass(frozen=True)
class Open:
    """Fence the old mysqld (200 ms, best effort), stop replica, apply, reset replica all, and at the very last, if
    `failover.is_primary` would still allow it, make mysqld writable."""

    semi_sync: bool


@dataclass(frozen=True)
class Close:
    """Close the write listener, kill the clients, super_read_only=ON. Again and again until it is confirmed."""


@dataclass(frozen=True)
class Kill:
    """SIGKILL mysqld and wait for its pidfd."""


@dataclass(frozen=True)
class Restart:
    """Kill mysqld if it is stopped or hangs, and start it, read-only."""


@dataclass(frozen=True)
class SemiSync:
    """Let commits wait for the replicas, or not. Given again under its own number until it was done."""

    on: bool
    number: int


@dataclass(frozen=True)
class Alarm:
    reason: str


Action = Read | Send | Ask | Reply | Open | Close | Kill | Restart | SemiSync | Alarm
Step = tuple[State, tuple[Action, ...]]
