"""Whose turn it is on a full processor: a process's nice value, and its session's, which is what counts between sessions.

sched(7), "The autogroup feature": where the kernel groups processes by session, nice(1) alone weighs a process against those of
its own session only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROC = Path("/proc")


def set_nice(pid: int, nice: int) -> None:
    """From -20 (first) to 19 (last), of the process and of its session."""
    os.setpriority(os.PRIO_PROCESS, pid, nice)
    if (group := PROC / str(pid) / "autogroup").exists():  # absent when the kernel groups nobody
        group.write_text(str(nice))


@contextmanager
def last() -> Iterator[None]:
    """What this session starts in between gets what everybody else leaves of the processors."""
    former = os.getpriority(os.PRIO_PROCESS, 0)
    set_nice(os.getpid(), 19)
    try:
        yield
    finally:
        set_nice(os.getpid(), former)
