"""Read's inputs: the object as it is now, in the shape in which the program wrote it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi._types import input_type_py_to_pulumi_names

from local.provider import paths
from local.provider.check import rows
from local.provider.resource import Inputs, Kind, Outputs, Property
from local.provider.values import Asset


def refreshed(resource: Kind, outputs: Outputs, last: Inputs) -> dict[str, Any]:
    """The last inputs with what the API says now; what the program did not set stays out."""
    properties = rows(resource)
    inputs = {key: _project((key,), value, outputs.get(key, value), properties) for key, value in last.items()}
    return {key: value for key, value in inputs.items() if value is not None}


def imported(resource: Kind, outputs: Outputs) -> dict[str, Any]:
    """Every input that the object tells of itself."""
    legal = set(input_type_py_to_pulumi_names(resource.args).values()) & set(rows(resource))
    return {key: outputs[key] for key in sorted(legal) if outputs.get(key)}


def _project(path: paths.Path, last: Any, now: Any, properties: Mapping[str, Property]) -> Any:
    """`now`, but in the words of `last` wherever both mean the same."""
    row = paths.row_of(path, properties)
    if isinstance(last, Asset) or (not last and not now) or (row.same and row.same(last, now)):
        return last
    if isinstance(last, Mapping) and isinstance(now, Mapping):
        if paths.has_rows_below(paths.row_name(path), properties):
            return {key: _project((*path, key), value, now.get(key, value), properties) for key, value in last.items()}
        return dict(now)
    if isinstance(last, list) and isinstance(now, list):
        return _project_list(path, last, now, row.unordered, properties)
    return now


def _project_list(
    path: paths.Path, last: list[Any], now: list[Any], unordered: bool, properties: Mapping[str, Property]
) -> list[Any]:
    if not unordered:
        kept = [_project((*path, 0), old, new, properties) for old, new in zip(last, now, strict=False)]
        return kept + now[len(last) :]
    remaining, ordered = list(now), []
    for old in last:
        twin = next((new for new in remaining if _project((*path, 0), old, new, properties) == old), None)
        if twin is not None:
            remaining.remove(twin)
            ordered.append(old)
    return ordered + remaining
