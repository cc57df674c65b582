"""When the peer is whole, and when its new primary was there."""

from bench.peers.group import complaints
from bench.peers.run import DRILLS, new_primary
from drills.catalogue import DRILLS as OWN
from tests.unit.drills.example import FAULT, samples

A, B, FRONT = "10.30.0.11", "10.30.0.12", "10.30.0.13"
WHOLE = [(A, "ONLINE", "PRIMARY"), (B, "ONLINE", "SECONDARY"), (FRONT, "ONLINE", "SECONDARY")]


def test_a_group_in_which_everyone_sees_three_members_and_the_same_primary_is_whole():
    assert complaints({"member-a": WHOLE, "member-b": WHOLE, "front": WHOLE}, FRONT) == []


def test_a_member_that_is_silent_or_still_recovering_is_told():
    recovering = [*WHOLE[:2], (FRONT, "RECOVERING", "SECONDARY")]
    assert complaints({"member-a": recovering, "member-b": []}, FRONT) == [
        "member-a sees 2 members online",
        "member-b sees 0 members online",
    ]


def test_a_primary_that_no_drill_may_hit_is_told():
    moved = [(A, "ONLINE", "SECONDARY"), (B, "ONLINE", "SECONDARY"), (FRONT, "ONLINE", "PRIMARY")]
    assert complaints({"member-a": moved}, FRONT) == [f"member-a sees as primary: {FRONT}"]


def test_the_new_primary_is_the_first_other_member_that_was_writable_after_the_fault():
    found = samples("member-a", "mysql", [(99, "writable"), (100.1, "writable"), (101, "")])
    found += samples("member-b", "mysql", [(99, "writable"), (105, "read-only"), (110.5, "writable"), (111, "writable")])
    assert new_primary(found, FAULT, "member-a") == 10.5
    assert new_primary(found, FAULT + 20, "member-a") is None


def test_the_faults_are_those_of_this_projects_drills_of_the_same_name():
    for name in ("primary-power-cut", "primary-mysqld-kill"):
        assert (DRILLS[name].fault, DRILLS[name].lasts_s) == (OWN[name].fault, OWN[name].lasts_s)
