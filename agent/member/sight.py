"""What this server sees, in the lease's words: its own last look, completed by what only the other members know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..lease import gtid
from ..lease.view import Local, Peer
from .config import Config
from .look import Look, Observer
from .mysqld import boottime
from .peers import Peers, Status

FRESH_PART = 0.2  # of ttl: an older answer of a member is none
NEAR_S = 2.0  # behind this server, at most, for its commits to begin to wait for a replica


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the source (an address) had executed at `since`, CLOCK_BOOTTIME."""

    source: str | None = None
    executed: str = ""
    since: float = 0.0


class MemberSight:
    def __init__(self, config: Config, observer: Observer, peers: Peers, synchronous_from: Callable[[], str | None]) -> None:
        self._config, self._observer, self._peers, self._synchronous_from = config, observer, peers, synchronous_from
        self._complete: int | None = None  # the mysqld (process id) that has caught up with its source since it started
        self._receiving: tuple[int | None, float] = (None, float("inf"))  # a mysqld, and since when it receives
        # Values, replaced whole: the loop and whoever answers the members ask at the same time.
        self._past: tuple[tuple[float, str], ...] = ()  # when, and what this server had executed then; of the last NEAR_S
        self._had = (float("-inf"), "")  # when, and what it had received then: the newest look at a living mysqld
        self._wanted = Wanted()
        self._began = boottime()

    def since(self, at: float, timeout_s: float) -> Look:
        return self._observer.since(at, timeout_s)

    def peers(self, now: float) -> dict[str, Peer]:
        return {name: status.peer for name, status in self._fresh(now).items()}

    def heard(self) -> dict[str, float]:
        """When each other member was last asked a question that it answered; none yet: when this unit began."""
        return dict.fromkeys(self._config.others, self._began) | {n: said.asked for n, said in list(self._peers.said.items())}

    def local(self, look: Look, now: float) -> Local:
        statuses = self._fresh(now)
        self._want(look)
        if look.receiving and look.mysqld != self._receiving[0]:
            self._receiving = (look.mysqld, look.at)
        had_at, had = self._had
        if look.local.alive and look.at > had_at:
            if not gtid.contains(look.received, had):  # dropped with its relay log, when it was set up anew
                self._complete, self._receiving = None, (look.mysqld, look.at)
            self._had = (look.at, look.received)
        if look.receiving and self._has_caught_up(look):
            self._complete = look.mysqld
        followers = [statuses.get(name) for name in self._config.others]
        connected = all(self._follows(status) for status in followers)
        past = self._executed_before(look, now - NEAR_S)
        synchronous_from = self._synchronous_from()
        return replace(
            look.local,
            complete=look.mysqld is not None and look.mysqld == self._complete,
            replicas_connected=connected,
            replicas_near=connected and all(gtid.contains(status.received, past) for status in followers),
            replicas_caught_up=connected
            and synchronous_from is not None
            and all(gtid.contains(status.received, synchronous_from) for status in followers),
        )

    def lag(self, look: Look, now: float) -> Look:
        """The look with the lag that the source's own word shows. MySQL counts from the event that its applier works on: 0 for
        a receiver that is stuck, by a full disk or by a network that loses everything."""
        if look.lag_s is None or gtid.contains(look.local.executed, self._wanted.executed):
            return look
        return replace(look, lag_s=max(look.lag_s, round(now - self._wanted.since, 1)))

    def _want(self, look: Look) -> None:
        """The source's newest known word once the last one is done."""
        said = self._peers.said.get(self._config.named(look.source) or "")
        if said is None or look.source != self._wanted.source:
            self._wanted = Wanted(source=look.source)
        if said and gtid.contains(look.local.executed, self._wanted.executed):
            self._wanted = Wanted(source=look.source, executed=said.status.local.executed, since=said.asked)

    def _executed_before(self, look: Look, at: float) -> str:
        """By this server at `at`; as of its first look when that is later."""
        past = self._past
        if not past or look.at > past[-1][0]:
            past += ((look.at, look.local.executed),)
        before = sum(seen <= at for seen, _ in past)
        self._past = past = past[max(0, before - 1) :]
        return past[0][1]

    def _fresh(self, now: float) -> dict[str, Status]:
        return self._peers.fresh(now, FRESH_PART * self._config.settings.ttl_s)

    def _follows(self, status: Status | None) -> bool:
        return status is not None and status.receiving and status.source == self._config.server

    def _has_caught_up(self, look: Look) -> bool:
        """It has all that its source had when that was asked, after this mysqld had begun to receive: what it had
        acknowledged in a former life and lost is among that."""
        said = self._peers.said.get(self._config.named(look.source) or "")
        if said is None or said.asked < self._receiving[1]:
            return False
        return gtid.contains(look.received, said.status.local.executed)
