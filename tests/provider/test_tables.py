"""Every table against pulumi's own packages and itself: nothing misspelt, nothing silently accepted."""

from __future__ import annotations

import typing
from typing import Any

import pytest
from pulumi._types import input_type_py_to_pulumi_names, input_type_types, is_input_type

from local.provider import random, tls
from local.provider.aws import kinds
from local.provider.paths import has_rows_below
from local.provider.resource import Kind

KINDS = [*kinds().values(), *random.KINDS, *tls.KINDS]


@pytest.mark.parametrize("kind", KINDS, ids=[kind.token for kind in KINDS])
def test_every_row_names_an_input_or_a_secret_output(kind: Kind) -> None:
    legal = set(input_type_py_to_pulumi_names(kind.args).values())
    named = {name.split(".")[0] for name, row in kind.properties.items() if not row.secret}
    assert named <= legal
    assert kind.tags == ("tags" in legal)
    assert "tags" not in kind.properties


@pytest.mark.parametrize("kind", KINDS, ids=[kind.token for kind in KINDS])
def test_every_property_of_a_block_has_a_row(kind: Kind) -> None:
    """A block without rows would pass as a free map, and take any key."""
    blocks = [name for name in kind.properties if nested_args(kind.args, name) is not None]
    assert [name for name in blocks if not has_rows_below(name, kind.properties)] == []
    for name in kind.properties:
        *above, own = name.split(".")
        if above and (args := nested_args(kind.args, ".".join(above))):
            assert own in input_type_py_to_pulumi_names(args).values(), name


@pytest.mark.parametrize("kind", KINDS, ids=[kind.token for kind in KINDS])
def test_every_table_names_the_file_its_rows_were_read_from(kind: Kind) -> None:
    assert kind.source.endswith(".go")
    assert "internal/" in kind.source


def nested_args(args: type, dotted: str) -> type | None:
    """The `…Args` class of a property, if it is an object or a list of objects."""
    for name in dotted.split("."):
        found = args_class(input_type_types(args).get(name))
        if found is None:
            return None
        args = found
    return args


def args_class(hint: Any) -> type | None:
    if isinstance(hint, type) and is_input_type(hint):
        return hint
    if str in typing.get_args(hint):  # a JSON document, which pulumi also takes as an object
        return None
    return next(filter(None, map(args_class, typing.get_args(hint))), None)
