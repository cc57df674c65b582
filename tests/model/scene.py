"""What the tests of single decisions begin with: a record of server a, its own database, and a as its holder."""

from dataclasses import replace

from agent.lease.record import Record
from agent.lease.state import Hold, State
from agent.lease.view import Local, Settings

RECORD = Record(
    cluster_id="db",
    members=("a", "b"),
    holder="a",
    boot_nonce="a1",
    epoch=3,
    counter=7,
    ttl_s=5,
    failover=False,
    sync=True,
    gtid_executed="u:1-10",
    published_at_counter=7,
)
LOCAL = Local(alive=True, executed="u:1-10", cluster_id="db", complete=True)


def holder(**known):
    hold = Hold(record=RECORD, since=0, confirmed=1, counter=7, opened=True, touched=True)
    return State(server="a", boot_nonce="a1", settings=Settings(), closing=None, hold=replace(hold, **known))
