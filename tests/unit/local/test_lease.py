"""What the servers' answers say together, for people."""

import pytest

from local import lease

A, B = "aaaaaaaa-0000-0000-0000-000000000000", "bbbbbbbb-0000-0000-0000-000000000000"


def answer(role="replica", executed=f"{A}:1-10", counter=7, stood=0.4, **more):
    record = {"holder": "web-a", "epoch": 3, "counter": counter, "ttl_s": 5, "gtid_executed": f"{A}:1-8"}
    usual = {"record": record, "stood_still_s": stood, "role": role, "executed": executed, "received": executed, "alarm": None}
    return usual | more


def shown(**answers):
    return list(lease.lines({server.replace("_", "-"): said for server, said in answers.items()}))


def test_a_pair_in_step():
    assert shown(web_a=answer("primary"), web_b=answer(stood=0.1)) == ["lease: web-a, epoch 3, renewed 0.4 s ago, ttl 5 s"]


def test_the_age_is_that_of_the_last_renewal_that_anybody_saw():
    assert lease.age_s({"web-a": answer(counter=8, stood=0.2), "web-b": answer(counter=7, stood=1.1)}) == 0.2


def test_what_a_replica_lacks_and_how_much_of_it_has_arrived():
    assert shown(web_a=answer("primary"), web_b=answer(executed=f"{A}:1-7", received=f"{A}:5-9"))[1:] == [
        f"web-b lacks 3 transactions of web-a, 2 of them received: {A}:8-10"
    ]


def test_what_a_replica_has_that_the_primary_never_had():
    assert shown(web_a=answer("primary"), web_b=answer(executed=f"{A}:1-10,{B}:4"))[1:] == [
        f"web-b has 1 transaction that web-a has not: {B}:4"
    ]


def test_a_dead_primary_leaves_what_it_published_last():
    assert shown(web_a={}, web_b=answer(executed=f"{A}:1-7", stood=12.34, alarm="web-b lacks 1 transaction: not taken")) == [
        "lease: web-a, epoch 3, renewed 12.3 s ago, ttl 5 s, nobody renews it",
        f"web-b lacks 1 transaction of what was published last: {A}:8",
        "web-a does not say who may write: it is silent, or runs an older release",
        "web-b: web-b lacks 1 transaction: not taken",
    ]


@pytest.mark.parametrize("dead", [{"executed": None}, {"executed": "", "error": "Connection refused"}])
def test_a_database_that_does_not_answer_is_compared_with_nothing(dead):
    compared = {"web-b": lease.Difference(lacks="", received="", extra=None)}
    assert lease.differences({"web-a": answer("primary", **dead), "web-b": answer()}) == compared
    assert lease.differences({"web-a": answer("primary"), "web-b": answer(**dead)}) == {}


def test_servers_that_have_read_no_record_or_not_long_enough():
    assert shown(web_b=answer(record=None, stood=None)) == ["lease: no server has read it"]
    assert shown(web_b=answer(stood=None))[0] == "lease: web-a, epoch 3, ttl 5 s, age not known yet"
    assert shown(web_a={}, web_b={})[0] == "lease: no server has read it"
