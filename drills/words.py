"""Figures in the words of a person who has not read the code."""

from __future__ import annotations

from collections.abc import Mapping

from drills.figures import judged

WORDS = {
    "missing": "acknowledged writes that are nowhere any more",
    "lost": "acknowledged writes that the database does not have at the end",
    "salvaged": "acknowledged writes that the database lacks and the former primary saved",
    "two_writable_samples": "moments in which two servers accepted writes",
    "takeovers": "how often another server became the one that accepts writes",
    "new_epochs": "how often the lease changed hands",
    "write_outage_s": "longest time without a successful write",
    "failed_reads": "reads that failed",
    "failed_writes": "writes that failed",
    "read_p99_s": "what 99 of 100 reads took at most while the fault lasted",
    "slowest_read_s": "slowest read",
    "slowest_read_answered_s": "slowest read that a surviving balancer took",
    "slowest_write_s": "slowest write, failed or not",
    "failed_connections_share": "share of new visitors who got no answer",
    "last_failure_s": "last failure, after the beginning of the fault",
    "failed_reads_answered": "reads that failed although a server outside the fault had them",
    "recovered_s": "until all was well, after the end of the fault",
}


def value(figure: str, number: float) -> str:
    """With its unit, as far as it matters."""
    if figure.endswith("_share"):
        return f"{number:.0%}"
    return f"{number:.2f}".rstrip("0").rstrip(".") + " s" if figure.endswith("_s") else f"{number:g}"


def expectations(
    figures: Mapping[str, float], at_most: Mapping[str, float], exactly: Mapping[str, float], at_least: Mapping[str, float]
) -> list[tuple]:
    """(what, what was good, what was found, whether it was good) for each, in the order of the drill."""
    rows = judged(figures, at_most, exactly, at_least)
    found = [(name, limit, holds, "" if limit == 0 or how == "only" else f"{how} ") for name, how, limit, holds in rows]
    return [(WORDS[name], how + value(name, limit), value(name, figures[name]), holds) for name, limit, holds, how in found]
