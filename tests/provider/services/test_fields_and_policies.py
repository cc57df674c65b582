"""The two pure helpers of the tables: names of properties, and policies that mean the same."""

from __future__ import annotations

import json

import pytest

from local.provider.aws.fields import Block, changed, from_api, to_api
from local.provider.aws.policies import in_words_of, same_policy

FIELDS = {
    "name": "Name",
    "enabled": "Enabled",
    "days": "Days",
    "rules": Block("Rules", {"id": "ID", "filter": Block("Filter", {"prefix": "Prefix"})}),
}
VALUES = {"name": "x", "enabled": False, "days": 0, "rules": [{"id": "a", "filter": {"prefix": "logs/"}}, {"id": "b"}]}
ARGUMENTS = {"Name": "x", "Enabled": False, "Days": 0, "Rules": [{"ID": "a", "Filter": {"Prefix": "logs/"}}, {"ID": "b"}]}


def test_names_are_translated_in_blocks_and_lists_both_ways():
    assert to_api({**VALUES, "unknown": 1}, FIELDS) == ARGUMENTS
    assert from_api({**ARGUMENTS, "ResponseMetadata": {}}, FIELDS) == VALUES


def test_what_is_not_set_is_not_sent():
    assert to_api({"name": "", "rules": [], "enabled": None}, FIELDS) == {}


@pytest.mark.parametrize(("old", "new", "differs"), [(None, "", False), (None, False, False), (0, 300, True), ("a", None, True)])
def test_unset_and_zero_are_the_same(old, new, differs):
    assert changed({"x": old}, {"x": new}, "x") is differs


def statement(**parts: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **parts}]})


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (statement(Action=["a", "b"]), statement(Action=["b", "a"]), True),
        (statement(Action=["a"]), statement(Action="a"), True),
        (statement(Action="a", Resource="*"), statement(Resource=["*"], Action=["a"]), True),
        (statement(Condition={"Bool": {"tls": False}}), statement(Condition={"Bool": {"tls": "false"}}), True),
        (statement(Action=["a"]), json.loads(statement(Action="a")), True),
        (statement(Action="a"), statement(Action="b"), False),
        (statement(Action=["a", "b"]), statement(Action=["a"]), False),
        ("no json", "no json", True),
        ("no json", statement(), False),
    ],
)
def test_policies_are_the_same_when_they_say_the_same(left, right, same):
    assert same_policy(left, right) is same


def test_a_policy_is_told_in_the_words_of_the_program_when_it_says_the_same():
    mine = statement(Action=["a"])
    assert in_words_of(mine, json.loads(mine)) == mine
    assert json.loads(in_words_of(mine, {"Statement": []})) == {"Statement": []}
    assert in_words_of(None, "{}") == "{}"
