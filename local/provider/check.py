"""Check: the inputs of one resource with name and defaults filled in, and what is wrong with them. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi._types import input_type_py_to_pulumi_names

from local.provider import paths
from local.provider.resource import AutoName, Inputs, Kind, Property
from local.provider.values import Unknown

DEFAULTED = "__defaults"  # names of the inputs that Check filled in; the bridge keeps the same list under the same key
TAGS_ALL = "tagsAll"  # tags with the provider's default_tags merged in: the bridge makes it an input too, so that it is compared
TAGS = {"tags": Property(), TAGS_ALL: Property()}
NAME_SUFFIX_DIGITS = 7


@dataclass
class Checked:
    """`inputs` may be used when `failures` ((property path, reason), …) is empty."""

    inputs: dict[str, Any]
    failures: list[tuple[str, str]] = field(default_factory=list)


def rows(resource: Kind) -> Mapping[str, Property]:
    return {**resource.properties, **TAGS} if resource.tags else resource.properties


def check(
    resource: Kind,
    olds: Inputs,
    news: Inputs,
    name: str,
    seed: bytes,
    default_tags: Mapping[str, str] | None = None,
) -> Checked:
    """`olds`: the last inputs, empty on a create. `name`: the logical name. `seed`: random bytes for a new name."""
    properties = rows(resource)
    checked = Checked({key: value for key, value in news.items() if key not in (DEFAULTED, TAGS_ALL)})
    legal = set(input_type_py_to_pulumi_names(resource.args).values())
    for key in checked.inputs:
        if key not in legal:
            checked.failures.append((key, f"{resource.token} has no property {key!r}{_did_you_mean(key, legal)}"))
        elif key not in properties:
            checked.failures.append((key, _unsupported(key, resource, properties)))
    _refuse_unknown_keys((), checked.inputs, resource, properties, checked.failures)
    if not checked.failures:
        _fill_in(resource, properties, olds, checked.inputs, _new_name(resource.name, name, seed))
        if resource.tags:
            tags = checked.inputs.get("tags") or {}
            checked.inputs[TAGS_ALL] = tags if isinstance(tags, Unknown) else {**(default_tags or {}), **tags}
    return checked


def _fill_in(resource: Kind, properties: Mapping[str, Property], olds: Inputs, inputs: dict[str, Any], new_name: str) -> None:
    defaulted = []
    if resource.name and resource.name.property not in inputs and "namePrefix" not in inputs:
        key = resource.name.property
        inputs[key] = olds[key] if key in olds.get(DEFAULTED, ()) else new_name
        defaulted.append(key)
    for path, row in properties.items():
        if row.default is None:
            continue
        *above, key = path.split(".")
        for holder in _objects_at(inputs, above):
            if key not in holder:
                holder[key] = row.default
                if not above:
                    defaulted.append(key)
    if defaulted:
        inputs[DEFAULTED] = sorted(defaulted)


def _objects_at(value: Any, above: list[str]) -> list[dict[str, Any]]:
    """Every object that the program set at this dotted place (several when there is a list on the way)."""
    if isinstance(value, list):
        return [found for item in value for found in _objects_at(item, above)]
    if not isinstance(value, dict):
        return []
    return [value] if not above else _objects_at(value.get(above[0]), above[1:])


def _refuse_unknown_keys(
    path: paths.Path, value: Any, resource: Kind, properties: Mapping[str, Property], failures: list[tuple[str, str]]
) -> None:
    """Nested objects whose keys have rows take no other key."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_unknown_keys((*path, index), item, resource, properties, failures)
    if not isinstance(value, Mapping):
        return
    for key, item in value.items():
        here = (*path, key)
        if path and paths.row_name(here) not in properties:
            if paths.has_rows_below(paths.row_name(path), properties):
                failures.append((paths.text(here), _unsupported(paths.row_name(here), resource, properties)))
            continue
        _refuse_unknown_keys(here, item, resource, properties, failures)


def _unsupported(key: str, resource: Kind, properties: Mapping[str, Property]) -> str:
    return (
        f"the stand-in provider does not support property {key!r} of {resource.token} yet{_did_you_mean(key, properties)}: "
        f"leave it out, or add it to the table of {resource.token} in local/provider (rows are read from {resource.source})"
    )


def _did_you_mean(key: str, known: Any) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _new_name(rule: AutoName | None, name: str, seed: bytes) -> str:
    if rule is None:
        return ""
    suffix = rule.separator + seed.hex()[:NAME_SUFFIX_DIGITS]
    made = rule.prefix + name[: rule.max_length - len(rule.prefix) - len(suffix)] + suffix
    return made.lower() if rule.lower else made
