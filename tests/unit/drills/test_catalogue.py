"""The drills as data: names, expectations that exist, and those that cannot run yet."""

import re

import pytest

from drills import catalogue
from drills.figures import Figures


def test_names_are_unique_and_read_aloud():
    drills = (*catalogue.RUNNABLE, *catalogue.WAITING)
    assert len(catalogue.DRILLS) == len(drills)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)+", drill.name) for drill in drills)


@pytest.mark.parametrize("drill", catalogue.DRILLS.values(), ids=lambda drill: drill.name)
def test_every_expectation_is_about_a_figure_and_none_allows_loss_or_two_primaries(drill):
    assert set(drill.at_most) <= set(Figures.__dataclass_fields__)
    assert drill.at_most["lost"] == drill.at_most["two_writable_samples"] == 0


def test_without_a_name_all_that_can_run_are_selected():
    assert catalogue.selected(()) == list(catalogue.RUNNABLE)
    assert not any(drill.needs for drill in catalogue.RUNNABLE)


def test_a_drill_that_needs_what_is_not_there_is_refused():
    with pytest.raises(catalogue.UnknownDrill, match="primary-power-cut needs failover"):
        catalogue.selected(("nginx-kill", "primary-power-cut"))


def test_an_unknown_drill_is_refused_with_those_that_there_are():
    with pytest.raises(catalogue.UnknownDrill, match=r"no drill 'nginx'; there are: balancer-power-cut, .*nginx-kill"):
        catalogue.selected(("nginx",))
