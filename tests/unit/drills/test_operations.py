"""Updates of the stack in the middle of a drill: the settings they have, those they leave alone."""

from contextlib import nullcontext
from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace
from typing import ClassVar

import pytest

from drills.faults import FaultFailed
from drills.faults import operations as faults
from local.instance import Instance
from local.stack import Stack

DOOR = {"edge": {"https_port": 9443}}


class Updating(Stack):
    """Writes down with which settings it was updated. `works`: a new type is a new type, a replaced server another."""

    updates: ClassVar[list] = []
    options: ClassVar[list] = []
    web_type = "t3.small"
    works = True
    status = 0

    def pulumi(self, *arguments, capture=False):
        self.updates.append((arguments[0], dict(self.overrides)))
        self.options.append(arguments[4:])
        if self.works:
            type(self).web_type = self.overrides.get("servers", {}).get("web_type", "t3.small")
        return CompletedProcess(arguments, self.status, "error: no room\n", "")


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.setattr(Updating, "updates", [])
    monkeypatch.setattr(Updating, "options", [])
    monkeypatch.setattr(Updating, "web_type", "t3.small")
    monkeypatch.setattr(faults.priority, "last", nullcontext)
    monkeypatch.setattr(faults, "described", lambda site, server: {"InstanceType": Updating.web_type})
    instance = Instance(home=tmp_path, id="dw-test", api_port=1, packages_port=2)
    stack = Updating(instance=instance, name="local", engine=Path(), program=Path(), overrides=DOOR)
    server = SimpleNamespace(name="web-a", instance_id="i-1")

    def look_again():
        Updating.updates.append("look again")
        server.instance_id = "i-2" if Updating.works else "i-1"

    return SimpleNamespace(stack=stack, look_again=look_again, servers={"web-a": server}, databases=[server])


def test_another_type_is_set_for_one_update_and_the_front_door_stays_where_it_is(site):
    change = faults.TypeChange(server="web-a")
    change.begin(site, None)
    change.end(site, None)
    assert site.stack.updates == [("up", {**DOOR, "servers": {"web_type": "t3.medium"}}), ("up", DOOR)]


def test_all_servers_are_replaced_in_one_update(site):
    faults.Replacement(server="web-a").begin(site, None)
    assert site.stack.updates == [("up", DOOR), "look again"]
    assert site.stack.options == [("--replace", "**$aws:ec2/instance:Instance::**")]


@pytest.mark.parametrize(
    ("fault", "said"),
    [(faults.TypeChange, "left web-a a t3.small"), (faults.Replacement, "replaced no web-a")],
)
def test_an_update_that_changes_no_server_is_no_fault(site, monkeypatch, fault, said):
    monkeypatch.setattr(Updating, "works", False)
    with pytest.raises(FaultFailed, match=said):
        fault(server="web-a").begin(site, None)


def test_a_type_that_has_no_other_is_refused(site, monkeypatch):
    monkeypatch.setattr(faults, "described", lambda site, server: {"InstanceType": "m5.large"})
    with pytest.raises(FaultFailed, match=r"web_type is m5.large; this drill knows t3.small, t3.medium"):
        faults.TypeChange(server="web-a").begin(site, None)


def test_an_update_that_fails_says_what_the_engine_said(site, monkeypatch):
    monkeypatch.setattr(Updating, "status", 255)
    with pytest.raises(FaultFailed, match="pulumi up failed: error: no room"):
        faults.update(site)
