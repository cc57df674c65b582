"""Figures in the words of a person who has not read the code."""

from __future__ import annotations

from collections.abc import Mapping

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
    rows = [(name, limit, figures[name] <= limit + 0.0005, "at most ") for name, limit in at_most.items()]
    rows += [(name, good, figures[name] == good, "") for name, good in exactly.items()]
    rows += [(name, least, figures[name] >= least, "at least ") for name, least in at_least.items()]
    found = [(name, limit, held, "" if limit == 0 else how) for name, limit, held, how in rows]
    return [(WORDS[name], how + value(name, limit), value(name, figures[name]), held) for name, limit, held, how in found]
