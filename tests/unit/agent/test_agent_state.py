"""The folders of releases and applications: what goes, and what a running process still needs."""

from __future__ import annotations

import os

from agent import state
from tests.unit.agent.fakes import FakeSystem


def release(system: FakeSystem, name: str, application: str, age: int) -> None:
    folder = system.path(state.folder(name))
    folder.mkdir(parents=True)
    system.path(state.application(application)).mkdir(parents=True, exist_ok=True)
    (folder / "app").symlink_to(f"../../applications/{application}")
    os.utime(folder, (1_000_000 - age, 1_000_000 - age))


def names(system: FakeSystem, of: str) -> list[str]:
    return sorted(path.name for path in system.path(f"{state.HOME}/{of}").iterdir())


def test_an_application_that_no_later_release_changed_outlives_the_release_that_brought_it(tmp_path):
    system = FakeSystem(tmp_path)
    for age, (name, application) in enumerate([("r5", "same"), ("r4", "same"), ("r3", "same"), ("r2", "same"), ("r1", "old")]):
        release(system, name, application, age)
    state.prune(system, keep=["r5"])
    assert names(system, "releases") == ["r3", "r4", "r5"]
    assert names(system, "applications") == ["same"]


def test_the_current_release_is_kept_however_old_its_folder_is(tmp_path):
    system = FakeSystem(tmp_path)
    for age, name in enumerate(["r4", "r3", "r2", "r1"]):
        release(system, name, name, age)
    state.prune(system, keep=["r1"])
    assert names(system, "releases") == names(system, "applications") == ["r1", "r3", "r4"]
