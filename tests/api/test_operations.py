"""The operator's verbs and `make status` against the API: the stack's own documents, on servers that answer as the test says."""

import json
from itertools import pairwise

import pytest

from components import naming
from components.operations import AGENT, contents
from local import operations, status
from local.api.host import CommandResult, TargetHealth
from local.errors import CannotStart
from tests.api.worlds import balancer, forward, launch, target_group

SOURCE = "aaaaaaaa-0000-0000-0000-000000000000"
RECORD = {"holder": "web-a", "epoch": 3, "counter": 7, "ttl_s": 5, "gtid_executed": f"{SOURCE}:1-8"}


def lease(role, executed, **more):
    seen = {"record": RECORD, "stood_still_s": 0.4, "lag_s": None, "alarm": None}
    return seen | {"role": role, "executed": f"{SOURCE}:{executed}", "received": f"{SOURCE}:{executed}"} | more


def well(server):
    return {"server": server, "release": "0123456789abcdef", "checks": {"release": True, "nginx": True}}


@pytest.fixture
def servers(ec2, world, host, ssm):
    """lb, web-a and web-b, by name, and the documents of the stack."""
    for verb, content in contents(["web-a", "web-b"]).items():
        name = naming.document_name("local", verb)
        ssm.create_document(Name=name, DocumentType="Command", DocumentFormat="JSON", Content=json.dumps(content))
    tags = lambda name: [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": f"local-{name}"}]}]  # noqa: E731
    return {name: launch(ec2, world[1][0], TagSpecifications=tags(name)) for name in ("lb", "web-a", "web-b")}


@pytest.fixture
def says(host, servers):
    """says(server, ...): what its agent's next verbs print, with their exit codes; its answers on 9200 and 9201 else."""
    scripts, verbs, answers = [], {name: [] for name in servers}, {name: [[well(name), {}]] for name in servers}

    def run(instance_id, script, timeout_s):
        server = next(name for name, known in servers.items() if known == instance_id)
        if AGENT in script:
            scripts.append((server, script.replace(AGENT, "agent"), timeout_s))
            return verbs[server].pop(0)
        told = answers[server].pop(0) if len(answers[server]) > 1 else answers[server][0]
        both = dict(zip((status.AGENT, status.FAILOVER), told, strict=True))
        urls = script.removeprefix("for url in ").split(";")[0].split()
        return CommandResult(0, stdout="".join(f"{json.dumps(both[url]) if both[url] else ''}\n" for url in urls))

    host.run = run

    def says(server, *results, answering=None):
        verbs[server] += results
        if answering is not None:
            answers[server] = answering
        return scripts

    return says


def pair(says, **more):
    says("web-a", answering=[[well("web-a"), lease("primary", "1-10")]])
    says("web-b", answering=[[well("web-b"), lease("replica", "1-9", lag_s=0.1, **more)]])


# -- switchover -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("to", "argument"), [(None, ""), ("web-b", "web-b")])
def test_a_switchover_is_asked_of_a_web_server_and_its_words_are_shown(instance, says, capsys, to, argument):
    scripts = says("web-a", CommandResult(0, "draining\nweb-b is the primary, epoch 4, 0.18 s without writes\n"))
    operations.switchover(instance, to)
    assert scripts == [("web-a", f"agent switchover {argument}\n", 120.0)]
    assert capsys.readouterr().out == "draining\n✓ web-b is the primary, epoch 4, 0.18 s without writes\n"


def test_a_switchover_is_asked_of_the_server_that_answers(instance, servers, host, says):
    host.offline.add(servers["web-a"])
    assert says("web-b", CommandResult(1, "web-a is silent\n")) == []
    with pytest.raises(SystemExit) as ended:
        operations.switchover(instance, None)
    assert ended.value.code == "web-a is silent"


def test_a_switchover_is_refused_before_anything_is_asked(instance, servers, host, says):
    with pytest.raises(CannotStart, match="'lb' is no server with a database; there are: web-a, web-b; for example: make switch"):
        operations.switchover(instance, "lb")
    host.offline |= set(servers.values())
    with pytest.raises(CannotStart, match="none of web-a, web-b answers; see: make status"):
        operations.switchover(instance, None)
    assert says("web-a") == []


def test_a_stack_of_an_older_release_has_no_such_document(instance, ssm, says):
    ssm.delete_document(Name="distributed-web-local-switchover")
    with pytest.raises(CannotStart, match="no document distributed-web-local-switchover yet; bring it up to date: make up"):
        operations.switchover(instance, None)


def test_a_server_that_does_not_finish_is_not_waited_for_for_ever(instance, says, monkeypatch):
    monkeypatch.setattr(operations, "DEADLINE_S", 0)
    monkeypatch.setattr(operations, "wait", lambda ssm, command, instance_id, deadline: None)
    says("web-a", CommandResult(0))
    with pytest.raises(CannotStart, match="web-a has not finished within 0 s, and may still; see: make status"):
        operations.switchover(instance, None)


# -- promote ----------------------------------------------------------------------------------------------------------


def test_a_promotion_without_an_epoch_shows_what_it_would_lose(instance, says, capsys):
    pair(says)
    scripts = says("web-b", CommandResult(1, "would lose 1 transaction\nTo do it: force=3\n"))
    with pytest.raises(SystemExit) as ended:
        operations.promote(instance, None, None)
    assert scripts == [("web-b", 'force=""\nagent promote ${force:+--force $force}\n', 120.0)]
    assert capsys.readouterr().out == "would lose 1 transaction\n"
    assert ended.value.code == "To do it: make promote TO=web-b FORCE=3"


@pytest.mark.parametrize("to", [None, "web-b"])
def test_a_forced_promotion_goes_to_the_server_that_takes(instance, servers, host, says, capsys, to):
    pair(says)
    scripts = says("web-b", CommandResult(0, "web-b is the primary, epoch 4\n"))
    host.offline.add(servers["web-a"])
    operations.promote(instance, to, "3")
    assert scripts == [("web-b", 'force="3"\nagent promote ${force:+--force $force}\n', 120.0)]
    assert capsys.readouterr().out == "✓ web-b is the primary, epoch 4\n"


@pytest.mark.parametrize(
    ("to", "force", "reason"),
    [
        ("web-c", "3", "'web-c' is no server with a database; there are: web-a, web-b; for example: make promote TO=web-b"),
        ("web-b", "soon", "FORCE is the number of an epoch, not 'soon'; without FORCE it says which: make promote"),
        ("web-b", "3; id", "FORCE is the number of an epoch"),
        ("web-a", "3", "web-a does not answer, and it has to take over itself; see: make status"),
    ],
)
def test_a_promotion_is_refused_before_anything_is_asked(instance, servers, host, says, to, force, reason):
    host.offline.add(servers["web-a"])
    with pytest.raises(CannotStart, match=reason):
        operations.promote(instance, to, force)
    assert says("web-a") == []


def test_who_is_to_take_over_must_be_said_when_nobody_knows_the_holder(instance, says):
    with pytest.raises(CannotStart, match=r"which server .* One of: web-a, web-b; say so: make promote TO=web-b"):
        operations.promote(instance, None, "3")


# -- status -----------------------------------------------------------------------------------------------------------


def shown(instance, capsys):
    """The rows of the table as {server: {title: cell}}, and the lines below it."""
    status.show_servers(instance)
    head, *rest = capsys.readouterr().out.splitlines()
    begins = [head.index(title) for title in status.TITLES] + [None]
    cells = lambda line: [line[a:b].strip() for a, b in pairwise(begins)]  # noqa: E731
    table = {row[0]: dict(zip(status.TITLES, row, strict=True)) for row in map(cells, rest[:3])}
    return table, rest[3:]


def test_the_status_of_a_whole_site(instance, servers, says, capsys):
    pair(says)
    table, lines = shown(instance, capsys)
    assert table["web-b"] | {"instance": "", "address": ""} == {
        "server": "web-b", "instance": "", "state": "running", "zone": "eu-central-1a", "address": "", "health": "ok",
        "front door": "", "database": "replica", "lag": "0.1 s", "lacks": "1", "extra": "0", "release": "0123456789abcdef",
    }  # fmt: skip
    columns = ("database", "lag", "lacks", "extra")
    assert [table["web-a"][title] for title in columns] == ["primary", "", "", ""]
    assert [table["lb"][title] for title in columns] == ["", "", "", ""]
    assert lines == [
        "lease: web-a, epoch 3, renewed 0.4 s ago, ttl 5 s",
        f"web-b lacks 1 transaction of web-a: {SOURCE}:10",
    ]


def test_what_a_replica_received_since_the_primary_was_asked_is_not_extra(instance, says, capsys):
    says("web-a", answering=[[well("web-a"), lease("primary", "1-10")], [well("web-a"), lease("primary", "1-12")]])
    says("web-b", answering=[[well("web-b"), lease("replica", "1-11")]])
    table, _ = shown(instance, capsys)
    assert (table["web-b"]["lacks"], table["web-b"]["extra"]) == ("1", "0")


def test_a_silent_server_and_one_of_an_older_release_show_what_is_known(instance, servers, host, says, capsys):
    host.offline.add(servers["web-a"])
    says("lb", answering=[[{"server": "lb", "release": "f" * 16, "checks": {"haproxy": "failed"}}, {}]])
    says("web-b", answering=[[well("web-b"), {"error": "not one of /health"}]])
    table, lines = shown(instance, capsys)
    assert {name: (row["health"], row["release"], row["database"]) for name, row in table.items()} == {
        "lb": ("not ok: haproxy", "f" * 16, ""),
        "web-a": ("silent", "", ""),
        "web-b": ("ok", "0123456789abcdef", ""),
    }
    assert lines == [
        "lease: no server has read it",
        "web-a does not say who may write: it is silent, or runs an older release",
        "web-b does not say who may write: it is silent, or runs an older release",
    ]


def test_a_long_word_cuts_no_other(instance, says, capsys):
    checks = {f"a-check-with-a-long-name-{number}": False for number in range(9)}
    says("web-b", answering=[[well("web-b") | {"checks": checks}, {}]])
    table, _ = shown(instance, capsys)
    assert (table["web-b"]["health"], table["lb"]["release"]) == (f"not ok: {', '.join(checks)}", "0123456789abcdef")


def test_the_front_door_tells_of_each_server_what_its_health_checks_found(instance, elb, world, servers, host, says, capsys):
    door = balancer(elb, world)["LoadBalancerArn"]
    addresses = {name: row["address"] for name, row in shown(instance, capsys)[0].items()}
    for port in (8443, 8080):
        settings = {"Name": f"on-{port}", "Protocol": "TCP", "Port": port, "TargetType": "ip"}
        group = target_group(elb, world, **settings)["TargetGroupArn"]
        elb.create_listener(LoadBalancerArn=door, Protocol="TCP", Port=port, DefaultActions=forward(group))
        elb.register_targets(TargetGroupArn=group, Targets=[{"Id": addresses[name], "Port": port} for name in ("web-a", "web-b")])
    host.health[addresses["web-b"]] = TargetHealth("unhealthy", "Target.Timeout", "Request timed out")
    table, _ = shown(instance, capsys)
    found = {name: row["front door"] for name, row in table.items()}
    assert found == {"lb": "", "web-a": "healthy", "web-b": "unhealthy"}
    with pytest.raises(
        CannotStart, match=r"web-b: ok, release 0123456789abcdef, unhealthy for the front door; see: make logs SERVER="
    ):
        status.wait_for_servers(instance, "0123456789abcdef", 0)
    assert status.summary({8443: "healthy", 8080: "unhealthy Target.Timeout"}) == [
        "8080 unhealthy Target.Timeout",
        "8443 healthy",
    ]
