"""Sets of transactions, as MySQL writes them: "uuid:1-5:7,uuid:1-3", "" when empty (manual, GTID Sets). Arithmetic only."""

from __future__ import annotations

from functools import lru_cache

Spans = tuple[tuple[int, int], ...]  # ascending, first and last both in it


def missing(wanted: str, have: str) -> str:
    """What of `wanted` is not in `have` (MySQL's GTID_SUBTRACT)."""
    held = dict(_parse(have))
    left = ((source, _without(spans, held.get(source, ()))) for source, spans in _parse(wanted))
    return _text(tuple((source, spans) for source, spans in left if spans))


def contains(have: str, wanted: str) -> bool:
    """MySQL's GTID_SUBSET(wanted, have)."""
    return wanted == have or not missing(wanted, have)


def count(gtids: str) -> int:
    return sum(last - first + 1 for _, spans in _parse(gtids) for first, last in spans)


def union(*sets: str) -> str:
    return _text(_parse(",".join(gtids for gtids in sets if gtids)))


@lru_cache(maxsize=4096)
def _parse(gtids: str) -> tuple[tuple[str, Spans], ...]:
    """Raises ValueError on what is not a GTID set. Tagged sets (uuid:tag:1-5) are not used here."""
    found: dict[str, list[tuple[int, int]]] = {}
    for part in filter(None, gtids.replace("\n", "").replace(" ", "").split(",")):
        source, *spans = part.split(":")
        for span in spans:
            first, _, last = span.partition("-")
            found.setdefault(source, []).append((int(first), int(last or first)))
    return tuple((source, _merged(spans)) for source, spans in sorted(found.items()))


def _merged(spans: list[tuple[int, int]]) -> Spans:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def _without(spans: Spans, held: Spans) -> Spans:
    for low, high in held:
        cut = []
        for first, last in spans:
            cut += [(a, b) for a, b in ((first, min(last, low - 1)), (max(first, high + 1), last)) if a <= b]
        spans = tuple(cut)
    return spans


def _text(sets: tuple[tuple[str, Spans], ...]) -> str:
    return ",".join(
        ":".join([source, *(str(first) if first == last else f"{first}-{last}" for first, last in spans)])
        for source, spans in sets
    )
