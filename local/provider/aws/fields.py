"""Names of properties here and at AWS: pulumi's camelCase <-> the API's PascalCase, blocks included. No AWS call in here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNSET = (None, "", [], {})  # what terraform's GetOk takes as "not set"; False and 0 are values


@dataclass(frozen=True)
class Block:
    """A nested object, or a list of them, with the API's name and the fields inside."""

    name: str
    fields: Fields


Fields = Mapping[str, "str | Block"]  # property -> API name


def to_api(values: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    """API arguments for the properties that are set."""
    arguments: dict[str, Any] = {}
    for name, target in fields.items():
        value = values.get(name)
        if value in UNSET:
            continue
        if isinstance(target, Block):
            arguments[target.name] = _each(value, to_api, target.fields)
        else:
            arguments[target] = value
    return arguments


def from_api(answer: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    """Properties for what the API answered; what it left out is left out."""
    values: dict[str, Any] = {}
    for name, source in fields.items():
        key = source.name if isinstance(source, Block) else source
        if answer.get(key) is None:
            continue
        values[name] = _each(answer[key], from_api, source.fields) if isinstance(source, Block) else answer[key]
    return values


def _each(value: Any, convert: Any, fields: Fields) -> Any:
    return [convert(item, fields) for item in value] if isinstance(value, list) else convert(value, fields)


def changed(olds: Mapping[str, Any], news: Mapping[str, Any], *names: str) -> bool:
    """Does any of these properties differ? Unset, empty, false and 0 are the same, as in terraform-plugin-sdk."""
    return any((olds.get(name) or None) != (news.get(name) or None) for name in names)
