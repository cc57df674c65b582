"""Which step a machine needs next, for everything that can be wanted and be."""

import pytest

from local.host.steps import due

NOTHING = {"on": False, "seen_running": False, "has_disk": False, "connected": True, "volumes_match": True}


@pytest.mark.parametrize(
    ("wanted", "found", "step"),
    [
        ("running", {}, "boot"),
        ("running", {"has_disk": True}, "boot"),  # stopped before, or the computer was restarted
        ("running", {"connected": False}, None),  # not before its firewall is in force
        ("running", {"on": True, "has_disk": True}, None),
        ("running", {"on": True, "has_disk": True, "connected": False}, None),
        ("running", {"on": True, "has_disk": True, "volumes_match": False}, "match_volumes"),
        ("running", {"has_disk": True, "seen_running": True}, None),  # shut itself down: the API does not know yet
        ("stopped", {"has_disk": True, "seen_running": True}, "report_shutdown"),
        ("stopped", {"on": True, "has_disk": True}, "power_off"),
        ("stopped", {"on": True, "has_disk": True, "seen_running": True}, "power_off"),
        ("stopped", {"has_disk": True}, None),
        ("terminated", {"on": True, "has_disk": True}, "terminate"),
        ("terminated", {"has_disk": True}, "terminate"),
        ("terminated", {}, None),
    ],
)
def test_the_next_step_follows_from_what_is_wanted_and_what_is(wanted, found, step):
    assert due(wanted, **NOTHING | found) == step
