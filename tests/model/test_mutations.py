"""The model is worth what it finds: each rule of the lease, broken, must break a promise within a few runs."""

import pytest

from . import mutations  # noqa: F401  (registers them)
from .faults import run
from .mutation import MUTATIONS
from .world import Violation

RUNS = 150


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_model_finds_that(name, monkeypatch):
    mutation = MUTATIONS[name]
    for target, attribute, replacement in mutation.replaces:
        monkeypatch.setattr(target, attribute, replacement)
    for seed in (mutation.first, *range(RUNS)):
        try:
            run(seed, mutation.profile)
        except Violation as violation:
            if mutation.finds in str(violation).splitlines()[0]:
                return
    pytest.fail(f"{RUNS} runs did not find that {name}")
