"""Check and Diff on a made-up kind: names, defaults, refusals, and which change replaces."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from local.provider import paths
from local.provider.check import DEFAULTED, Checked, check
from local.provider.diff import diff
from local.provider.resource import AutoName, Property, Resource, same_json
from local.provider.values import UNKNOWN, Asset

SEED = bytes.fromhex("abcdef0123")


@pulumi.input_type
class ThingArgs:
    name: str = pulumi.property("name")
    fixed: str = pulumi.property("fixed")
    plain: str = pulumi.property("plain")
    computed: str = pulumi.property("computed")
    policy: str = pulumi.property("policy")
    block: Any = pulumi.property("block")
    rules: Any = pulumi.property("rules")
    source: Any = pulumi.property("source")
    switch: bool = pulumi.property("switch")
    tags: Any = pulumi.property("tags")
    unlisted: str = pulumi.property("unlisted")


def nothing(*_: Any) -> Any:
    return None


THING = Resource(
    token="aws:test/thing:Thing",
    source="internal/service/test/thing.go",
    args=ThingArgs,
    name=AutoName(max_length=20),
    properties={
        "name": Property(force_new=True),
        "fixed": Property(force_new=True),
        "plain": Property(),
        "computed": Property(computed=True),
        "policy": Property(same=same_json),
        "block": Property(computed=True),
        "block.size": Property(computed=True),
        "block.kind": Property(force_new=True, default="ssd"),
        "rules": Property(unordered=True),
        "rules.port": Property(),
        "source": Property(),
        "switch": Property(default=False),
    },
    replaces=lambda olds, news: ("plain",) if news.get("plain") == "other kind" else (),
    create=nothing,
    read=nothing,
    update=nothing,
    delete=nothing,
)


def checked(olds: dict[str, Any] | None = None, **news: Any) -> Checked:
    return check(THING, olds or {}, news, "site", SEED)


def test_a_name_is_made_of_the_logical_name_and_seven_hex_digits_and_then_kept() -> None:
    first = checked().inputs
    assert first == {"name": "site-abcdef0", "switch": False, "tagsAll": {}, DEFAULTED: ["name", "switch"]}
    assert check(THING, first, {}, "site", bytes(32)).inputs["name"] == "site-abcdef0"
    assert checked(name="mine").inputs == {"name": "mine", "switch": False, "tagsAll": {}, DEFAULTED: ["switch"]}


def test_a_made_name_is_cut_to_what_aws_allows() -> None:
    assert check(THING, {}, {}, "a-very-long-logical-name", SEED).inputs["name"] == "a-very-long--abcdef0"


def test_a_name_that_was_once_given_is_not_kept_when_the_program_stops_giving_it() -> None:
    assert checked({"name": "mine", DEFAULTED: []}).inputs["name"] == "site-abcdef0"


def test_a_nested_default_is_filled_in_where_its_block_is_set() -> None:
    assert checked(block={"size": 1}).inputs["block"] == {"size": 1, "kind": "ssd"}
    assert "block" not in checked().inputs


@pytest.mark.parametrize(
    ("news", "path", "words"),
    [
        ({"plane": "x"}, "plane", "has no property 'plane' (did you mean 'plain'?)"),
        ({"unlisted": "x"}, "unlisted", "does not support property 'unlisted' of aws:test/thing:Thing yet"),
        ({"block": {"sise": 1}}, "block.sise", "does not support property 'block.sise' of aws:test/thing:Thing yet"),
        ({"rules": [{"port": 1}, {"prot": 1}]}, "rules[1].prot", "(did you mean 'rules.port'?)"),
    ],
)
def test_what_is_not_in_the_table_is_refused_with_its_path(news: dict[str, Any], path: str, words: str) -> None:
    ((failed_path, reason),) = checked(**news).failures
    assert failed_path == path
    assert words in reason


def changes(olds: dict[str, Any], news: dict[str, Any], state: dict[str, Any] | None = None, **more: Any) -> dict[str, str]:
    found = diff(THING, olds, state if state is not None else olds, news, **more)
    return {paths.text(one.path): one.kind + ("_REPLACE" if one.replaces else "") for one in found.changes}


@pytest.mark.parametrize(
    ("olds", "news", "expected"),
    [
        ({"fixed": "a"}, {"fixed": "a"}, {}),
        ({"fixed": "a"}, {"fixed": "b"}, {"fixed": "UPDATE_REPLACE"}),
        ({"plain": "a"}, {"plain": "b"}, {"plain": "UPDATE"}),
        ({}, {"plain": "b"}, {"plain": "ADD"}),
        ({"plain": "a"}, {}, {"plain": "DELETE"}),
        ({"plain": ""}, {}, {}),
        ({"switch": False}, {}, {}),
        ({"computed": "a"}, {}, {}),
        ({"computed": "a"}, {"computed": UNKNOWN}, {"computed": "UPDATE"}),
        ({"fixed": "a"}, {"fixed": UNKNOWN}, {"fixed": "UPDATE_REPLACE"}),
        ({"plain": "a"}, {"plain": "other kind"}, {"plain": "UPDATE_REPLACE"}),
        ({"policy": '{"a": 1, "b": 2}'}, {"policy": '{"b":2,"a":1}'}, {}),
        ({"block": {"size": 1, "kind": "ssd"}}, {"block": {"size": 2, "kind": "ssd"}}, {"block.size": "UPDATE"}),
        ({"block": {"kind": "ssd"}}, {"block": {"kind": "disk"}}, {"block.kind": "UPDATE_REPLACE"}),
        ({"rules": [{"port": 1}, {"port": 2}]}, {"rules": [{"port": 2}, {"port": 1}]}, {}),
        (
            {"rules": [{"port": 1}, {"port": 2}]},
            {"rules": [{"port": 3}, {"port": 1}]},
            {"rules[0]": "ADD", "rules[1]": "DELETE"},
        ),
        ({"source": Asset(hash="1")}, {"source": Asset(hash="1", path="elsewhere")}, {}),
        ({"source": Asset(hash="1")}, {"source": Asset(hash="2", path="elsewhere")}, {"source": "UPDATE"}),
        ({"tags": {"a.b": "1"}}, {"tags": {"a.b": "2"}}, {'tags["a.b"]': "UPDATE"}),
    ],
)
def test_a_change_is_found_where_it_is_and_replaces_when_its_row_says_so(
    olds: dict[str, Any], news: dict[str, Any], expected: dict[str, str]
) -> None:
    assert changes(olds, news) == expected


def test_setting_a_property_to_what_it_already_is_changes_nothing() -> None:
    assert changes({}, {"computed": "a", "block": {"size": 1}}, {"computed": "a", "block": {"size": 1, "kind": "ssd"}}) == {}


def test_the_providers_default_tags_are_merged_into_tags_all_and_compared_there() -> None:
    def with_defaults(**default_tags: str) -> dict[str, Any]:
        return check(THING, {}, {"name": "it", "tags": {"a": "1"}}, "site", SEED, default_tags).inputs

    assert with_defaults(stack="dev")["tagsAll"] == {"stack": "dev", "a": "1"}
    assert with_defaults(a="2")["tagsAll"] == {"a": "1"}
    assert changes(with_defaults(stack="dev"), with_defaults(stack="prod")) == {"tagsAll.stack": "UPDATE"}
    assert check(THING, {}, {"tags": UNKNOWN}, "site", SEED, {"stack": "dev"}).inputs["tagsAll"] is UNKNOWN


def test_a_property_that_the_program_ignores_never_changes() -> None:
    assert changes({"plain": "a", "fixed": "a"}, {"plain": "b", "fixed": "b"}, ignored=["fixed"]) == {"plain": "UPDATE"}


def test_a_name_that_stays_is_freed_before_its_replacement_takes_it() -> None:
    fixed = {"name": "mine", "fixed": "a"}
    assert diff(THING, fixed, fixed, {"name": "mine", "fixed": "b"}).delete_before_replace
    made = {"name": "site-abcdef0", "fixed": "a", DEFAULTED: ["name"]}
    assert not diff(THING, made, made, {**made, "fixed": "b"}).delete_before_replace
