"""A fault is undone whatever happens, and the course of a run becomes its events."""

import contextlib

import pytest

from drills import run
from drills.catalogue.drill import Drill
from drills.faults import Fault, FaultFailed
from drills.given import Given
from drills.run import Course


class Told(Fault):
    """Writes down what is done with it; raises `failure` at its beginning, `void` when it is to confirm that it happened."""

    def __init__(self, failure=None, void=None):
        super().__init__(server="web-a")
        object.__setattr__(self, "failure", failure)
        object.__setattr__(self, "void", void)
        object.__setattr__(self, "told", [])

    def begin(self, site, server):
        self.told.append("begin")
        if self.failure:
            raise self.failure

    def confirm(self, site, server):
        self.told.append("confirm")
        if self.void:
            raise self.void

    def end(self, site, server):
        self.told.append("end")


class Ready(Given):
    def __init__(self, told, failure=None):
        self.told, self.failure = told, failure

    @contextlib.contextmanager
    def holds(self, site):
        if self.failure:
            raise self.failure
        self.told.append("given")
        yield
        self.told.append("no longer given")


def drill(fault, given=None, lasts_s=0.01):
    return Drill(name="told", title="Told.", fault=fault, at_most={}, given=given or Given(), lasts_s=lasts_s)


def test_what_is_given_holds_when_the_fault_begins_and_not_when_it_ends():
    fault, course = Told(), Course(calm=1)
    run.suffer(None, drill(fault, Ready(fault.told)), None, course)
    assert fault.told == ["given", "begin", "no longer given", "confirm", "end"]
    assert course.calm < course.began < course.ended


@pytest.mark.parametrize("failure", [FaultFailed("no"), KeyboardInterrupt(), OSError("gone")], ids=lambda failure: repr(failure))
def test_a_fault_that_fails_or_is_interrupted_is_undone(failure):
    fault = Told(failure)
    with pytest.raises(type(failure)):
        run.suffer(None, drill(fault), None, Course(calm=1))
    assert fault.told == ["begin", "end"]


def test_a_fault_that_befell_nobody_is_undone_and_says_so():
    fault = Told(void=FaultFailed("no packet"))
    with pytest.raises(FaultFailed, match="no packet"):
        run.suffer(None, drill(fault), None, Course(calm=1))
    assert fault.told == ["begin", "confirm", "end"]


def test_a_fault_whose_preparation_failed_is_undone_too_and_has_a_time():
    fault, course = Told(), Course(calm=1)
    with pytest.raises(FaultFailed):
        run.suffer(None, drill(fault, Ready(fault.told, FaultFailed("no clone"))), None, course)
    assert fault.told == ["end"]
    assert course.began == course.ended > 0


def test_the_end_of_a_fault_is_an_event_only_when_it_lasts():
    course = Course(calm=90, began=100, ended=110)
    assert [(event.at, event.text) for event in course.events(drill(Told()), recovered_s=2)] == [
        (100, "Told."),
        (110, "the fault is undone"),
        (112, "all is well"),
    ]
    assert [event.at for event in course.events(drill(Told(), lasts_s=0), recovered_s=2)] == [100, 102]
    assert [event.at for event in course.events(drill(Told()), recovered_s=None)] == [100, 110]
    assert course.span(drill(Told(), lasts_s=0), last=120).end == 100
