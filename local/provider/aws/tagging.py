"""Bringing an object's tags from the old to the new set, for services whose calls take a list of Key/Value pairs."""

from __future__ import annotations

from collections.abc import Callable

from local.provider.resource import Inputs
from local.provider.tags import as_list, changes


def update_tags(
    olds: Inputs,
    news: Inputs,
    *,
    put: Callable[[list[dict[str, str]]], object],
    remove: Callable[[list[str]], object],
) -> None:
    """Calls `remove` with the keys that went and `put` with the tags that came or changed, if there are any."""
    added, gone = changes(olds, news)
    if gone:
        remove(gone)
    if added:
        put(as_list(added))
