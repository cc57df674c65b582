"""A copy beside one's own data, exchanged for it in one step, and back when it does not serve."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.member import clone
from agent.mysql import Login, Mysql, MysqlFailed
from agent.system import Completed, Failed
from tests.unit.agent.fakes import FakeSystem
from tests.unit.agent.mysql_world import World

DONOR = Login(host="10.20.1.10", user="replication", password="replication-pw")
COPY = [
    "SET GLOBAL clone_valid_donor_list = '10.20.1.10:3306'",
    "SET GLOBAL clone_ssl_ca = '/etc/mysql/tls/ca.pem'",
    "CLONE INSTANCE FROM 'replication'@'10.20.1.10':3306 IDENTIFIED BY 'replication-pw'"
    " DATA DIRECTORY = '/var/lib/mysql/clone' REQUIRE SSL",
]
STOP, START = "systemctl stop mysql", "systemctl start mysql"


@pytest.fixture
def replica(system: FakeSystem, world: World) -> World:
    """web-b with old data of its own, which it serves; web-a is the primary."""
    world.created("web-a")
    world.here = "web-b"
    folder(system, "data", "old")
    return world


def folder(system: FakeSystem, name: str, what: str) -> None:
    path = system.path(f"/var/lib/mysql/{name}")
    path.mkdir(parents=True)
    (path / "ibdata1").write_text(what)


def volume(system: FakeSystem) -> dict[str, str]:
    """What lies in which folder."""
    return {path.name: (path / "ibdata1").read_text() for path in system.path("/var/lib/mysql").iterdir()}


def mysql(world: World) -> Mysql:
    return Mysql(Login(), world.query)


def test_the_donors_data_is_fetched_into_a_folder_beside_ones_own(system: FakeSystem, replica: World) -> None:
    clone.copy(system, mysql(replica), DONOR)
    assert replica.writes == COPY
    assert replica.clones == {"/var/lib/mysql/clone": replica.servers["web-a"]}
    assert volume(system) == {"data": "old"}
    assert system.commands == []


def test_what_an_earlier_attempt_left_is_removed_first(system: FakeSystem, replica: World) -> None:
    folder(system, "clone", "half")
    clone.copy(system, mysql(replica), DONOR)
    assert volume(system) == {"data": "old"}


def test_a_clone_that_fails_leaves_the_old_data_and_mysqld_as_they_are(system: FakeSystem, replica: World) -> None:
    replica.clone_error = MysqlFailed(3862, "Clone Donor Error: 1045 : Access denied (3862)")
    with pytest.raises(Failed, match="Clone Donor Error"):
        clone.copy(system, mysql(replica), DONOR)
    assert (volume(system), system.commands) == ({"data": "old"}, [])


@pytest.fixture
def copied(system: FakeSystem, replica: World) -> World:
    """The copy is there; the mysqld that is started serves whatever is in `data` then."""
    folder(system, "clone", "new")

    def start() -> Completed:
        served = volume(system)["data"]
        system.served.append(served)
        replica.local.cluster_id = "cluster-1" if served == "new" else "cluster-0"
        return Completed(0, "", "")

    system.served = []
    system.answers[START] = start
    return replica


def test_the_copy_is_served_and_only_then_the_old_data_goes(system: FakeSystem, copied: World) -> None:
    clone.swap(system, mysql(copied), "cluster-1")
    assert volume(system) == {"data": "new"}
    assert (system.commands, system.served, copied.writes) == ([STOP, START], ["new"], ["RESET REPLICA ALL"])


def refused(system: FakeSystem, copied: World) -> None:
    system.answers[START] = lambda: Completed(0 if volume(system)["data"] == "old" else 1, "", "cannot open tablespace")


def silent(system: FakeSystem, copied: World) -> None:
    start = system.answers[START]
    system.answers[START] = lambda: (setattr(copied.local, "up", volume(system)["data"] == "old"), start())[1]


def foreign(system: FakeSystem, copied: World) -> None:
    system.answers[START] = lambda: (setattr(copied.local, "cluster_id", "cluster-2"), Completed(0, "", ""))[1]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (refused, "systemctl start mysql: exit code 1: cannot open tablespace"),
        (silent, "clone: mysqld: not within 180 s: mysql on the local socket: Connection refused"),
        (foreign, "clone: the copy is of database cluster-2, not cluster-1"),
    ],
)
def test_a_copy_that_does_not_serve_is_exchanged_back(
    system: FakeSystem, copied: World, fault: Callable[[FakeSystem, World], None], reason: str
) -> None:
    fault(system, copied)
    with pytest.raises(Failed, match=reason):
        clone.swap(system, mysql(copied), "cluster-1")
    assert volume(system) == {"data": "old", "clone": "new"}
    assert system.commands == [STOP, START, STOP, START]
    assert copied.writes == []
    assert not clone.is_unfinished(system)


def test_a_mysqld_that_does_not_stop_keeps_its_data_and_is_started_if_it_ended_all_the_same(
    system: FakeSystem, copied: World
) -> None:
    system.answers[STOP] = Completed(1, "", "timed out")
    with pytest.raises(Failed, match="systemctl stop mysql: exit code 1"):
        clone.swap(system, mysql(copied), "cluster-1")
    assert volume(system) == {"data": "old", "clone": "new"}
    assert system.commands == [STOP, START]


def test_an_exchange_that_fails_leaves_mysqld_with_its_data(system: FakeSystem, copied: World) -> None:
    def exchange(*_: str) -> None:
        raise Failed("clone: cannot be exchanged")

    with pytest.raises(Failed, match="cannot be exchanged"):
        clone.swap(system, mysql(copied), "cluster-1", exchange)
    assert (system.commands, system.served, clone.is_unfinished(system)) == ([STOP, START], ["old"], False)


class Killed(BaseException):
    """The unit is: nothing of it runs any more."""


def cut(system: FakeSystem, copied: World, step: str) -> None:
    """The unit is killed in the middle of a swap: when it is about to stop, exchange or start."""

    def killed(*_: object) -> Completed:
        raise Killed

    start = system.answers[START]
    system.answers |= {"stop": {STOP: killed}, "start": {START: killed}}.get(step, {})
    with pytest.raises(Killed):
        clone.swap(system, mysql(copied), "cluster-1", killed if step == "exchange" else None)
    assert clone.is_unfinished(system)
    system.answers.pop(STOP, None)
    system.answers[START] = start
    system.commands.clear()


@pytest.mark.parametrize(
    ("step", "exchanged", "left"), [("stop", False, [STOP, START]), ("exchange", False, [STOP, START]), ("start", True, [START])]
)
def test_a_swap_that_was_cut_off_is_finished(
    system: FakeSystem, copied: World, step: str, exchanged: bool, left: list[str]
) -> None:
    cut(system, copied, step)
    assert volume(system) == ({"data": "new", "clone": "old"} if exchanged else {"data": "old", "clone": "new"})
    clone.finish(system, mysql(copied))
    assert (system.commands, volume(system), clone.is_unfinished(system)) == (left, {"data": "new"}, False)


def test_a_swap_that_was_cut_off_with_a_copy_that_does_not_serve_ends_with_the_old_data(
    system: FakeSystem, copied: World
) -> None:
    cut(system, copied, "start")
    refused(system, copied)
    with pytest.raises(Failed, match="cannot open tablespace"):
        clone.finish(system, mysql(copied))
    assert (volume(system), clone.is_unfinished(system)) == ({"data": "old", "clone": "new"}, False)
    assert system.commands == [START, STOP, START]


def test_nothing_is_exchanged_under_a_mysqld_that_does_not_stop(system: FakeSystem, copied: World) -> None:
    cut(system, copied, "start")
    foreign(system, copied)
    system.answers[STOP] = Completed(1, "", "timed out")
    with pytest.raises(Failed, match="systemctl stop mysql"):
        clone.finish(system, mysql(copied))
    assert (volume(system), clone.is_unfinished(system)) == ({"data": "new", "clone": "old"}, True)
    system.answers.pop(STOP)
    with pytest.raises(Failed, match="the copy is of database cluster-2"):
        clone.finish(system, mysql(copied))
    assert (volume(system), clone.is_unfinished(system)) == ({"data": "old", "clone": "new"}, False)


def test_two_folders_are_exchanged_in_one_step_by_the_kernel(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "was").write_text(name)
    clone._exchange(str(tmp_path / "one"), str(tmp_path / "other"))
    assert [(tmp_path / name / "was").read_text() for name in ("one", "other")] == ["other", "one"]


def test_an_exchange_with_nothing_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    with pytest.raises(Failed, match=r"clone: .*one and .*other cannot be exchanged: No such file or directory"):
        clone._exchange(str(tmp_path / "one"), str(tmp_path / "other"))
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
