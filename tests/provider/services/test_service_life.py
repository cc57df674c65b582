"""Every kind of service resource: create, no difference, update in place, replace, delete, and a create that was killed."""

from __future__ import annotations

import pytest

from local.provider.resource import Resource
from tests.provider.services.service_cases import CASES, Case, unique


def name(case: Case) -> str:
    return case.token.rsplit(":", 1)[-1]


def kind(case: Case, engine) -> Resource:
    return engine.servicer.plugin.kinds[case.token]


@pytest.fixture(scope="module", params=CASES, ids=name)
def born(request, engine, aws):
    """(case, its resource as created, what the program says). Tests leave it as they found it; the last one deletes it."""
    case, program = request.param, request.param.program(aws)
    return case, engine.resource(case.token, unique("site")).create(**program), program


def test_what_was_created_shows_no_difference_after_a_refresh(born):
    _, resource, program = born
    assert resource.changes(**program) == {}
    assert resource.refresh()
    assert resource.changes(**program) == {}


def test_an_import_finds_what_the_program_said(born, engine):
    case, resource, program = born
    if case.importable:
        named = kind(case, engine).name
        name = {named.property: resource.inputs[named.property]} if named else {}
        imported = engine.resource(case.token, unique("site")).import_(resource.id)
        assert set(imported.changes(**{**program, **name})) == set(case.untold)


def test_what_cannot_change_in_place_replaces(born):
    case, resource, program = born
    assert set(resource.diff(**{**program, **case.replacing}).replaces) == set(case.replacing)


def test_tags_of_the_program_and_of_the_provider_are_told_apart(born, engine):
    case, resource, program = born
    if kind(case, engine).tags:
        assert resource.outputs["tags"] == program["tags"]
        assert resource.outputs["tagsAll"] == {**program["tags"], "project": "distributed-web"}


def test_every_output_that_a_preview_calls_unknown_is_known_in_the_end(born, engine):
    case, resource, _ = born
    unknown = set(kind(case, engine).outputs_unknown) - set(case.never_told)
    assert unknown <= set(resource.outputs)


def test_a_create_that_was_killed_is_found_again(born, engine, engine_after_a_kill):
    case, resource, program = born
    if not kind(case, engine).find:
        return
    again = engine_after_a_kill(resource.urn, resource.inputs)
    again = again.resource(case.token, resource.urn.rsplit("::", 1)[-1]).create(**program)
    assert again.id == resource.id


def test_a_change_is_made_in_place_stays_and_can_be_taken_back(born):
    case, resource, program = born
    if not case.change:
        return
    changed = {**program, **case.change}
    found = resource.diff(**changed)
    assert set(found.diffs) - {"tagsAll"} == set(case.change)
    assert not found.replaces
    resource.update(**changed)
    assert resource.refresh()
    assert resource.changes(**changed) == {}
    for key, value in case.change.items():
        if isinstance(value, str | int):
            assert resource.outputs[key] == value
    resource.update(**program)
    assert resource.refresh()
    assert resource.changes(**program) == {}


def test_deleting_leaves_nothing_and_may_be_repeated(born):
    case, resource, _ = born
    resource.delete()
    assert not (case.can_be_undone and resource.refresh())
    resource.delete()
