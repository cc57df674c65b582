"""Whose turn it is on a full processor: a process's nice value, and its session's, which is what counts between sessions.

sched(7), "The autogroup feature": where the kernel groups processes by session, nice(1) alone weighs a process against those of
its own session only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

AUTOGROUP = Path("/proc/self/autogroup")  # absent when the kernel groups nobody


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
    if AUTOGROUP.exists():
        AUTOGROUP.write_text(str(value))
