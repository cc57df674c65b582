"""Every span of the lease, as parts of its time to live. Nothing else in the package multiplies a ttl.

Clock rates differ by 10 % at most: what a holder bounds by 0.9 * ttl of its own clock is over after 1.0 * ttl of true time,
and what a taker, or a promiser, waits for 1.1 * ttl of its own clock lasts at least 1.0 * ttl of true time.
"""

from __future__ import annotations

WATCHDOG_PART = 0.12  # of ttl: WatchdogSec= of the unit
STOP_PART = 0.2  # of ttl: what the unit, told to stop, has to close MySQL in before it is killed
FENCE_PART = 0.08  # of ttl: the longest a killed mysqld may take to be gone, whoever kills it


def deadline(sent: float, ttl_s: float) -> float:
    """Until when a renewal, or a promise, that was sent for at `sent` lets this server write."""
    return sent + 0.7 * ttl_s


def kill_at(demoted: float, ttl_s: float) -> float:
    """When a mysqld that did not confirm being read-only is killed; demoted at 0.7 * ttl, killed at 0.8, gone by 0.9."""
    return demoted + 0.1 * ttl_s


def planned_kill_at(begun: float, ttl_s: float) -> float:
    """The same in a planned switchover, whose holder goes on renewing: writers wait in HAProxy meanwhile, which is better
    than a mysqld that has to recover."""
    return begun + 0.4 * ttl_s


def renewal_period(ttl_s: float) -> float:
    return ttl_s / 5


def read_period(ttl_s: float) -> float:
    return ttl_s / 10


def stood_still(since: float, now: float, ttl_s: float) -> bool:
    return now - since >= 1.1 * ttl_s


def is_gap(asked: float, now: float, ttl_s: float) -> bool:
    """Whether the read before, sent at `asked`, is too old for the answer at `now` to continue one watch.

    A record may change and be restored unseen only between two reads; a restore that takes longer ends every watch.
    """
    return now - asked > 0.3 * ttl_s


def store_is_silent(confirmed: float, now: float, ttl_s: float) -> bool:
    """Two renewals unanswered: time to ask the members, with room for two questions before the deadline."""
    return now - confirmed >= 0.3 * ttl_s


def promise_end(received: float, ttl_s: float) -> float:
    """The holder lives on it until 0.9 * ttl after it asked, by its own clock."""
    return received + 1.1 * ttl_s


def tenure(renewals: int, watched_s: float, ttl_s: float) -> float:
    """How long an epoch has lasted at least, in seconds: its renewals are a period apart (the first comes at
    once), then the record stood still."""
    return max(0, renewals - 1) * renewal_period(ttl_s) + watched_s
