"""Whose turn it is on a full processor, among processes outside control groups: a process's nice value, and its session's, which
is what counts between sessions.

sched(7), "The autogroup feature": where the kernel groups processes by session, nice(1) alone weighs a process against those of
its own session only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Absent when the kernel groups nobody; empty in the session that the computer began with: it has no group and may be given none.
AUTOGROUP = Path("/proc/self/autogroup")


def first() -> None:
    """This process, in a session of its own, goes before everybody else: it stands for what has a computer of its own."""
    _be_nice(-10)


@contextmanager
def last() -> Iterator[None]:
    """What this session starts in between gets what everybody else leaves of the processors."""
    former = os.getpriority(os.PRIO_PROCESS, 0)
    _be_nice(19)
    try:
        yield
    finally:
        _be_nice(former)


def _be_nice(value: int) -> None:
    os.setpriority(os.PRIO_PROCESS, 0, value)
    if AUTOGROUP.exists() and AUTOGROUP.read_text():
        AUTOGROUP.write_text(str(value))
