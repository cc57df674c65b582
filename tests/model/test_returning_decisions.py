"""What a server that comes back does with its data: whom it follows, and when it may be copied over."""

from dataclasses import replace

from agent.lease import gtid, last_copy, returning
from agent.lease.view import Peer

from .scene import LOCAL, RECORD


def test_a_foreign_volume_is_neither_cloned_over_nor_followed_from():
    peer = Peer(name="a", boot_nonce="a1", ttl_s=5, local=LOCAL)
    course = returning.course(replace(LOCAL, cluster_id="other"), RECORD, peer, None)
    assert isinstance(course, returning.Refuse)


def returned(local, holder_purged, salvaged=None):
    """What b does that comes back with `local` to a, which executed 1-10."""
    peer = Peer(name="a", boot_nonce="a1", ttl_s=5, local=replace(LOCAL, purged=holder_purged))
    return returning.course(local, RECORD, peer, salvaged)


def test_a_server_follows_as_long_as_the_holder_can_send_it_what_it_lacks():
    behind = replace(LOCAL, executed="u:1-6")
    assert returned(behind, holder_purged="u:1-6") == returning.Follow("a")
    assert returned(behind, holder_purged="u:1-7") == returning.Clone("a")


def test_a_clone_for_want_of_logs_still_gives_up_no_transaction_of_its_own():
    divergent = replace(LOCAL, executed="u:1-6,b:1-2")
    assert returned(divergent, holder_purged="u:1-7") == returning.Salvage("b:1-2")
    saved = last_copy.Copy(where="s3", cluster_id="db", executed="b:1-2", verified=True)
    assert returned(divergent, "u:1-7", saved) == returning.Clone("a")
    assert returned(divergent, "u:1-7", replace(saved, verified=False)) == returning.Salvage("b:1-2")
    assert returned(divergent, "u:1-7", replace(saved, cluster_id="other")) == returning.Refuse(
        "transactions b:1-2 are in no verified copy (a): salvage them first"
    )


def test_only_verified_copies_of_the_same_database_count_as_copies():
    copy = last_copy.Copy(where="s3", cluster_id="db", executed="u:1-10", verified=True)
    mine = {"cluster_id": "db", "executed": "u:1-10", "empty": False}
    assert last_copy.refusal(**mine, copies=[copy]) is None
    assert last_copy.refusal(**mine, copies=[replace(copy, verified=False)])
    assert last_copy.refusal(**mine, copies=[replace(copy, cluster_id="other")])
    assert "u:10" in last_copy.refusal(**mine, copies=[replace(copy, executed="u:1-9")])


def test_gtid_sets_subtract_as_mysql_does():
    assert gtid.missing("u:1-10:12,v:1-3", "u:2-5,v:1-9") == "u:1:6-10:12"
    assert gtid.contains("u:1-3:4-6", "u:2-5") and gtid.count("u:1-3:7,v:5") == 5
