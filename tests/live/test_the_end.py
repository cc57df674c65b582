"""Kill, reboot, down and destroy: what survives them, and that nothing is left behind. Last, for it ends the site."""

import secrets
import signal

import pytest

from local import cloud
from local.host import leftovers

from .conftest import eventually

pytestmark = [pytest.mark.live, pytest.mark.subprocess]


def post(site, text: str) -> None:
    status, _, answer = site.request("/api/notes", {"text": text})
    assert status == 201, answer


def has(site, text: str) -> bool:
    return any(note["text"] == text for note in site.notes()["notes"])


def ids(site) -> set[str]:
    return {described["InstanceId"] for described in site.servers().values()}


def test_a_killed_daemon_is_taken_over_by_the_next_up(site):
    before = ids(site)
    cloud.process(site.instance).signal(signal.SIGKILL)
    eventually(lambda: not cloud.running(site.instance), 10)
    site.make("up")
    assert ids(site) == before
    assert site.request("/")[0] == 200


def test_after_everything_ended_at_once_as_in_a_power_cut_the_next_up_has_every_note(site):
    before, text = ids(site), f"kept {secrets.token_hex(4)}"
    post(site, text)
    assert leftovers.remove(site.instance) != []
    assert leftovers.find(site.instance) == []
    site.make("up")
    assert ids(site) == before
    eventually(lambda: has(site, text), 30)


def test_down_leaves_nothing_running_and_the_next_up_has_every_note(site):
    text = f"kept {secrets.token_hex(4)}"
    post(site, text)
    site.make("down")
    assert leftovers.find(site.instance) == []
    site.make("up")
    eventually(lambda: has(site, text), 30)


def test_down_with_volumes_deleted_destroys_everything(site):
    site.make("down", "VOLUMES=delete")
    assert leftovers.find(site.instance) == []
    assert not (site.checkout / ".local" / "volumes").exists()
