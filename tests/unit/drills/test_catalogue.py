"""The drills as data: names, faults, and expectations that exist."""

import re

import pytest

from drills import catalogue
from drills.figures import Figures
from drills.server import Server

# Of these the only disk with the last writes is gone: they are counted.
DISK_GONE = ("primary-returns-empty", "primary-lost-for-good")


def test_names_are_unique_and_read_aloud():
    assert len(catalogue.DRILLS) == len(catalogue.ALL) + 1
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in catalogue.DRILLS)


@pytest.mark.parametrize("drill", catalogue.DRILLS.values(), ids=lambda drill: drill.name)
def test_every_expectation_is_about_a_figure_and_none_allows_two_primaries_or_a_loss_that_can_be_prevented(drill):
    assert {*drill.at_most, *drill.exactly, *drill.at_least, *drill.median_at_most} <= set(Figures.__dataclass_fields__)
    assert drill.at_most["two_writable_samples"] == 0
    assert drill.at_most.get("missing") == (None if drill.name in DISK_GONE else 0)


@pytest.mark.parametrize("drill", catalogue.DRILLS.values(), ids=lambda drill: drill.name)
def test_where_commits_wait_for_the_replica_nothing_may_be_lost_even_with_a_disk(drill):
    waiting = drill.where_commits_wait()
    assert waiting.at_most == {**drill.at_most, "lost": 0}
    assert "salvaged" not in waiting.at_least


@pytest.mark.parametrize("drill", catalogue.DRILLS.values(), ids=lambda drill: drill.name)
def test_a_fault_that_lasts_says_how_it_ends_and_one_that_does_not_has_nothing_to_undo(drill):
    undoes = type(drill.fault).end is not catalogue.drill.Fault.end
    assert undoes == (drill.lasts_s > 0 and drill.name != "quiet-hour")


def test_a_drill_named_twice_is_run_once() -> None:
    names = [drill.name for drill in catalogue.selected(("nginx-kill", "quick", "switchover", "nginx-kill"))]
    assert names == ["nginx-kill", *catalogue.SELECTIONS["quick"]]


def test_without_a_name_all_are_selected_but_the_quiet_hour_and_what_spoils_most_comes_last():
    names = [drill.name for drill in catalogue.selected(())]
    assert set(catalogue.DRILLS) - set(names) == {"quiet-hour"}
    assert names[-3:] == ["primary-lost-for-good", "web-server-type-change", "server-replacement"]


def test_the_quick_selection_cuts_the_power_of_each_server():
    names = [drill.name for drill in catalogue.selected(("quick",))]
    assert names == [
        "primary-mysqld-kill",
        "switchover",
        "balancer-power-cut",
        "replica-power-cut",
        "primary-power-cut",
        "primary-partition",
    ]


def test_an_unknown_drill_is_refused_with_those_that_there_are():
    with pytest.raises(catalogue.UnknownDrill) as refused:
        catalogue.selected(("nginx",))
    first, quick, kill, *_, hour = str(refused.value).split("\n  ")
    assert first == "there is no drill 'nginx'; there are:"
    assert quick.startswith("quick: primary-mysqld-kill, switchover, ")
    assert kill == "nginx-kill: Nginx of the active web server is killed."
    assert hour.startswith("quiet-hour: ")


def test_servers_are_asked_for_their_roles_where_their_health_is_not():
    asked = []

    class Listening(Server):
        def get(self, port, path):
            asked.append((port, path))
            return {}

    server = Listening(name="web-a", address="10.0.0.1", machine=None, netns="", router="", port="")
    assert (server.health(), server.role(), server.lease()) == ({}, {}, {})
    assert asked == [(9200, "/health"), (9201, "/replica"), (9201, "/lease")]
