"""Diff: what would change between the last inputs and the new ones, path by path, and what must be replaced for it. Pure.

Follows terraform-plugin-sdk v2, on which the AWS provider is built: a zero value equals an absent one, Optional+Computed
properties that the program leaves out never differ, sets ignore order, a DiffSuppressFunc (`Property.same`) has the last word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from local.provider import paths
from local.provider.check import DEFAULTED, rows
from local.provider.resource import Inputs, Kind, Property
from local.provider.values import Asset, Unknown


@dataclass(frozen=True)
class Change:
    """`kind` is ADD, DELETE or UPDATE. `of_input` is false for a change that is only seen in the outputs."""

    path: paths.Path
    kind: str
    replaces: bool
    of_input: bool = True


@dataclass(frozen=True)
class Diff:
    changes: tuple[Change, ...]
    delete_before_replace: bool

    @property
    def replaces(self) -> bool:
        return any(change.replaces for change in self.changes)


def diff(
    resource: Kind,
    olds: Inputs,
    state: Mapping[str, Any],
    news: Inputs,
    ignored: Iterable[str] = (),
) -> Diff:
    """`olds`: last inputs. `state`: last outputs. `ignored`: paths of the resource option ignore_changes."""
    comparison = _Comparison(rows(resource), always_replaces=not resource.updatable)
    ignored = tuple(ignored)
    changes = [
        change
        for key in sorted({*olds, *news} - {DEFAULTED})
        for change in comparison.compare((key,), olds.get(key), news.get(key), state.get(key))
        if not _is_ignored(change.path, ignored)
    ]
    replacing = set(resource.replaces(olds, news)) if changes else set()
    changes = [replace(change, replaces=True) if change.path[0] in replacing else change for change in changes]
    return Diff(tuple(changes), delete_before_replace=_name_is_taken(resource, olds, news))


@dataclass(frozen=True)
class _Comparison:
    properties: Mapping[str, Property]
    always_replaces: bool

    def compare(self, path: paths.Path, old: Any, new: Any, state: Any = None) -> Iterator[Change]:
        row = paths.row_of(path, self.properties)
        if old is None and new is not None:
            old = _as_far_as_asked(state, new)  # set for the first time to what it already is: no change
        if isinstance(new, Unknown):
            yield self.change(path, "ADD" if old is None else "UPDATE", row)
        elif new is None:
            if not row.computed and not _is_zero(old):
                yield self.change(path, "DELETE", row)
        elif (_is_zero(old) and _is_zero(new)) or (row.same and row.same(old, new)):
            return
        elif isinstance(new, Mapping) and isinstance(old, Mapping):
            within = state if isinstance(state, Mapping) else {}
            for key in sorted({*old, *new}):
                yield from self.compare((*path, key), old.get(key), new.get(key), within.get(key))
        elif isinstance(new, list) and isinstance(old, list):
            compare = self.compare_sets if row.unordered else self.compare_lists
            yield from compare(path, old, new, row)
        elif old != new:
            yield self.change(path, "ADD" if old is None else "UPDATE", row)

    def compare_lists(self, path: paths.Path, old: list[Any], new: list[Any], row: Property) -> Iterator[Change]:
        for index, (before, after) in enumerate(zip(old, new, strict=False)):
            yield from self.compare((*path, index), before, after)
        for index in range(len(new), len(old)):
            yield self.change((*path, index), "DELETE", row)
        for index in range(len(old), len(new)):
            yield self.change((*path, index), "ADD", row)

    def compare_sets(self, path: paths.Path, old: list[Any], new: list[Any], row: Property) -> Iterator[Change]:
        unmatched = list(enumerate(old))
        for index, item in enumerate(new):
            here = (*path, index)
            twin = next((pair for pair in unmatched if not any(self.compare(here, pair[1], item))), None)
            if twin:
                unmatched.remove(twin)
            else:
                yield self.change(here, "ADD", row)
        for index, _ in unmatched:
            yield self.change((*path, index), "DELETE", row)

    def change(self, path: paths.Path, kind: str, row: Property) -> Change:
        return Change(path, kind, row.force_new or self.always_replaces)


def _as_far_as_asked(state: Any, new: Any) -> Any:
    """Of an object that is there already, the keys that the program now speaks of."""
    if isinstance(state, Mapping) and isinstance(new, Mapping):
        return {key: value for key, value in state.items() if key in new}
    return state


def _is_zero(value: Any) -> bool:
    """Absent, or what terraform-plugin-sdk cannot tell from absent."""
    return not isinstance(value, Unknown | Asset) and not value


def _is_ignored(path: paths.Path, ignored: tuple[str, ...]) -> bool:
    own = paths.text(path)
    return any(own == other or own.startswith((other + ".", other + "[")) for other in ignored)


def _name_is_taken(resource: Kind, olds: Inputs, news: Inputs) -> bool:
    """A fixed name that stays the same cannot exist twice: the old object goes first (as in the bridge)."""
    if resource.name is None:
        return False
    key = resource.name.property
    return key in news and key not in news.get(DEFAULTED, ()) and olds.get(key) == news[key]
