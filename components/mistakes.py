"""Says what is wrong with a setting in the user's words: key, value, what is allowed, and the command that mends it. Pure.

What is allowed is read from the schema itself: a field's `description`, or the choices of its Literal; `examples[0]` is a value
that works.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

# A check that finds settings at odds with others raises PydanticCustomError of this type; its context has the refused `values`
# by key, what would be `allowed`, and an `example`.
CONTRADICTION = "contradiction"

Path = tuple[str | int, ...]  # from the namespace to the value, as in pydantic's `loc`


@dataclass(frozen=True, kw_only=True)
class Mistake:
    key: str
    value: str
    allowed: str
    remedy: str

    def __str__(self) -> str:
        return f"  {self.key} is {self.value}\n    allowed: {self.allowed}\n    mend it: {self.remedy}"


def explain(error: ValidationError, schema: type[BaseModel], namespace: str, stack: str) -> Iterator[Mistake]:
    """Every value that `schema` refused."""
    for problem in error.errors():
        if problem["type"] == CONTRADICTION:
            yield from _contradictions(problem, namespace, stack)
        else:
            yield _mistake(problem, schema, namespace, stack)


def _contradictions(problem: Mapping[str, Any], namespace: str, stack: str) -> Iterator[Mistake]:
    context = problem["ctx"]
    for key, value in context["values"].items():
        path = (*problem["loc"], key)
        remedy = _command(path, context["example"], namespace, stack)
        yield Mistake(key=_name(path, namespace), value=f'"{value}"', allowed=context["allowed"], remedy=remedy)


def _mistake(problem: Mapping[str, Any], schema: type[BaseModel], namespace: str, stack: str) -> Mistake:
    path = problem["loc"]
    if path[-1] == "[key]":  # of a mapping: the mapping as a whole says which keys it takes
        path = path[:-2]
    if problem["type"] == "extra_forbidden":
        parent = _model(_field(schema, path[:-1])) if path[:-1] else schema
        return _unknown(path, parent, schema, namespace, stack)
    field, value = _field(schema, path), problem["input"]
    unset = problem["type"] == "missing" or value is None
    return Mistake(
        key=_name(path, namespace),
        value="not set" if unset else f'"{value}"' if isinstance(value, str) else str(value),
        allowed=_allowed(field),
        remedy=_remedy(path, field, namespace, stack),
    )


def _unknown(path: Path, parent: type[BaseModel], schema: type[BaseModel], namespace: str, stack: str) -> Mistake:
    remedy = f"pulumi config rm --stack {stack} --path '{_name(path, namespace)}'"
    known = [key for key in parent.model_fields if key not in ("stack", "region")]
    for meant in difflib.get_close_matches(str(path[-1]), known, n=1):
        corrected = (*path[:-1], meant)
        remedy += f"; if {meant} was meant, also {_remedy(corrected, _field(schema, corrected), namespace, stack)}"
    return Mistake(key=_name(path, namespace), value="not a setting", allowed=", ".join(known), remedy=remedy)


def _remedy(path: Path, field: FieldInfo, namespace: str, stack: str) -> str:
    """The command for one value that works; in a section or mapping for its first key, in a list for its first entry."""
    section = _model(field)
    if section:
        first, field = next(iter(section.model_fields.items()))
        path = (*path, first)
    elif get_origin(field.annotation) is tuple and not isinstance(path[-1], int):
        path = (*path, 0)
    elif get_origin(field.annotation) is dict and len(path) < 3:
        path = (*path, get_args(get_args(field.annotation)[0])[0])
    return _command(path, field.examples[0], namespace, stack)


def _command(path: Path, value: object, namespace: str, stack: str) -> str:
    return f"pulumi config set --stack {stack} --path '{_name(path, namespace)}' {value}"


def _field(schema: type[BaseModel], path: Path) -> FieldInfo:
    """The schema of the value at `path`; an entry of a list or mapping is described by the whole."""
    field = schema.model_fields[str(path[0])]
    section = _model(field)
    return _field(section, path[1:]) if section and path[1:] else field


def _model(field: FieldInfo) -> type[BaseModel] | None:
    return field.annotation if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel) else None


def _allowed(field: FieldInfo) -> str:
    section = _model(field)
    if section:
        return "the keys " + ", ".join(section.model_fields)
    if get_origin(field.annotation) is Literal:
        return ", ".join(get_args(field.annotation))
    optional = " or nothing" if NoneType in get_args(field.annotation) else ""
    return (field.description or "") + optional


def _name(path: Path, namespace: str) -> str:
    """`distributed-web:network.zones[0]`, as `pulumi config set --path` reads it."""
    return f"{namespace}:" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)[1:]
