"""The stand-in random provider."""

from __future__ import annotations

import string

import pytest

from local.provider import random
from local.provider.servicer import Servicer
from tests.provider.provider_engine import Engine, Refused

PASSWORD = "random:index/randomPassword:RandomPassword"
ID = "random:index/randomId:RandomId"


@pytest.fixture
def engine() -> Engine:
    return Engine(Servicer(random.plugin()))


def test_a_password_has_the_length_and_the_classes_asked_for(engine: Engine) -> None:
    password = engine.resource(PASSWORD).create(length=32, special=False).outputs["result"]
    assert len(password) == 32
    assert set(password) <= set(string.ascii_letters + string.digits)
    few = engine.resource(PASSWORD).create(length=4, minSpecial=2, minNumeric=2, overrideSpecial="_").outputs["result"]
    assert sorted(character.isdigit() for character in few) == [False, False, True, True]
    assert few.count("_") == 2


def test_a_password_stays_the_same_until_its_inputs_change(engine: Engine) -> None:
    it = engine.resource(PASSWORD).create(length=32)
    first = it.outputs["result"]
    assert it.refresh()
    assert it.outputs["result"] == first
    assert it.changes(length=32) == {}
    assert it.changes(length=33) == {"length": "UPDATE_REPLACE"}
    assert it.changes(length=32, keepers={"round": "2"}) == {"keepers": "ADD_REPLACE"}


def test_a_preview_tells_no_password(engine: Engine) -> None:
    assert repr(engine.resource(PASSWORD).preview_create(length=32)["result"]) == "UNKNOWN"


def test_a_password_that_cannot_be_made_is_refused_with_the_reason(engine: Engine) -> None:
    with pytest.raises(Refused, match=r"creating random:\S+ 'it': length is 1, but the min… properties ask for 2"):
        engine.resource(PASSWORD).create(length=1, minUpper=2)


def test_an_id_is_given_in_every_form(engine: Engine) -> None:
    it = engine.resource(ID).create(byteLength=4, prefix="x-")
    assert it.outputs["hex"] == f"x-{int(it.outputs['dec'].removeprefix('x-')):08x}"
    assert it.outputs["b64Url"] == "x-" + it.id
