"""What only this server has, brought to S3: which objects, with which bytes, and what makes it no salvage."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

import pytest

from agent.lease.last_copy import Copy
from agent.member.salvage import DATA, SCRATCH, salvage
from agent.mysql import Login, Mysql
from agent.store import Store
from agent.system import Completed, Failed
from tests.unit.agent.fakes import FakeSystem, Memory

GTIDS = "b:1-2"
FOLDER = f"cluster-1/web-b/{hashlib.sha256(GTIDS.encode()).hexdigest()[:16]}"
LOGS = {"binlog.000007": b"seven", "binlog.000008": b"eight"}
SQL = "SET @@SESSION.GTID_NEXT= 'b:1'/*!*/;\n### INSERT INTO notes\nSET @@SESSION.GTID_NEXT= 'b:2'/*!*/;\n"
NONE = "SET @@SESSION.GTID_NEXT= 'AUTOMATIC' /* added by mysqlbinlog *//*!*/;\n"
ALL, ONE = "mysqlbinlog --verify-binlog-checksum", "mysqlbinlog --include-gtids=b:1-2"


class Kept(Store):
    """The salvage bucket of the test; `damages` is the key of an object that reads back otherwise."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.damages = ""

    def keep(self, key: str, content: BinaryIO) -> str:
        if self.damages and self.damages in key:
            raise Failed(f"s3://salvage/{key}: SHA-256 is other")
        self.objects[key] = content.read()
        return hashlib.sha256(self.objects[key]).hexdigest()


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def divergent(system: FakeSystem) -> FakeSystem:
    """Two binary logs, the second with transactions that nobody else has."""
    data = system.path(DATA)
    data.mkdir(parents=True)
    for name, content in LOGS.items():
        (data / name).write_bytes(content)
    decodes(system, SQL, {"binlog.000007": NONE, "binlog.000008": NONE + SQL})
    return system


def decodes(system: FakeSystem, together: str, each: dict[str, str]) -> None:
    """What mysqlbinlog writes of all logs at once, and of each one."""

    def written(text: str, name: str) -> Callable[[], Completed]:
        content = text.encode()

        def write() -> Completed:
            system.path(f"{SCRATCH}/{name}").write_bytes(content)
            return Completed(0, "", "")

        return write

    system.answers = {ALL: written(together, "transactions.sql")}
    for log, text in each.items():
        system.answers[f"{system.path(SCRATCH)}/found {system.path(DATA)}/{log}"] = written(text, "found")


def save(system: FakeSystem, kept: Kept) -> Copy:
    mysql = Mysql(Login(), lambda *_: [{"Log_name": name} for name in LOGS])
    return salvage(system, kept, mysql, cluster_id="cluster-1", server="web-b", gtids=GTIDS)


def test_the_transactions_are_kept_as_sql_and_as_the_logs_they_are_in(divergent: FakeSystem, kept: Kept) -> None:
    assert save(divergent, kept) == Copy(where=f"s3 {FOLDER}", cluster_id="cluster-1", executed=GTIDS, verified=True)
    assert list(kept.objects) == [f"{FOLDER}/{name}" for name in ("binlog.000008.gz", "transactions.sql.gz", "manifest.json")]
    assert gzip.decompress(kept.objects[f"{FOLDER}/transactions.sql.gz"]).decode() == SQL
    assert gzip.decompress(kept.objects[f"{FOLDER}/binlog.000008.gz"]) == b"eight"


def test_the_manifest_comes_last_and_names_every_object_with_its_checksum(divergent: FakeSystem, kept: Kept) -> None:
    save(divergent, kept)
    assert json.loads(kept.objects[f"{FOLDER}/manifest.json"]) == {
        "cluster_id": "cluster-1",
        "server": "web-b",
        "gtids": GTIDS,
        "files": [
            {"key": key, "sha256": hashlib.sha256(kept.objects[key]).hexdigest()}
            for key in (f"{FOLDER}/binlog.000008.gz", f"{FOLDER}/transactions.sql.gz")
        ],
    }


def test_the_same_salvage_twice_is_the_same_objects(divergent: FakeSystem, kept: Kept) -> None:
    save(divergent, kept)
    before = dict(kept.objects)
    save(divergent, kept)
    assert kept.objects == before


def test_every_log_is_read_for_just_these_transactions_and_its_checksums(divergent: FakeSystem, kept: Kept) -> None:
    save(divergent, kept)
    all_to, one_to = f"--result-file={SCRATCH}/transactions.sql", f"--result-file={SCRATCH}/found"
    assert divergent.commands == [
        f"{ALL} --verbose --include-gtids={GTIDS} {all_to} {DATA}/binlog.000007 {DATA}/binlog.000008",
        f"{ONE} --base64-output=DECODE-ROWS {one_to} {DATA}/binlog.000007",
        f"{ONE} --base64-output=DECODE-ROWS {one_to} {DATA}/binlog.000008",
    ]


@pytest.mark.parametrize("name", ["transactions.sql.gz", "binlog.000008.gz", "manifest.json"])
def test_what_does_not_read_back_is_no_salvage_and_has_no_manifest(divergent: FakeSystem, kept: Kept, name: str) -> None:
    kept.damages = name
    with pytest.raises(Failed, match=f"{name}: SHA-256 is other"):
        save(divergent, kept)
    assert f"{FOLDER}/manifest.json" not in kept.objects


def test_a_log_that_cannot_be_read_is_no_salvage(divergent: FakeSystem, kept: Kept) -> None:
    divergent.answers[ALL] = Completed(1, "", "ERROR: Event crc check failed!")
    with pytest.raises(Failed, match="Event crc check failed"):
        save(divergent, kept)
    assert kept.objects == {}


def test_transactions_of_which_a_part_is_in_no_log_any_more_are_not_called_saved(divergent: FakeSystem, kept: Kept) -> None:
    """Logs expire: what is left of the transactions is no copy of all of them."""
    decodes(divergent, SQL.replace("'b:2'", "'AUTOMATIC'"), {})
    with pytest.raises(Failed, match=r"salvage: b:2 is in none of the binary logs"):
        save(divergent, kept)
    assert kept.objects == {}


def test_transactions_that_are_in_no_log_any_more_are_for_an_operator(divergent: FakeSystem, kept: Kept) -> None:
    decodes(divergent, NONE, {})
    with pytest.raises(Failed, match=r"b:1-2 is in none of the binary logs \(binlog.000007, binlog.000008\); an operator"):
        save(divergent, kept)
    assert kept.objects == {}


def test_a_log_larger_than_the_memory_that_is_left_is_kept_all_the_same(divergent: FakeSystem, kept: Kept) -> None:
    size = 32 << 20
    with divergent.path(f"{DATA}/binlog.000008").open("wb") as log:
        log.truncate(size)
    with Memory() as memory:
        save(divergent, kept)
    assert len(gzip.decompress(kept.objects[f"{FOLDER}/binlog.000008.gz"])) == size
    assert memory.peak < size / 8


def test_many_statements_are_looked_through_line_by_line(divergent: FakeSystem, kept: Kept) -> None:
    size = 4 << 20
    many = SQL + "### INSERT INTO notes\n" * (size // 22)
    decodes(divergent, many, {"binlog.000007": many, "binlog.000008": many})
    with Memory() as memory:
        save(divergent, kept)
    assert gzip.decompress(kept.objects[f"{FOLDER}/transactions.sql.gz"]).decode() == many
    assert memory.peak < size / 4


@pytest.mark.parametrize("damages", ["", "transactions.sql.gz"])
def test_nothing_is_left_behind_and_nobody_else_could_read_it(divergent: FakeSystem, kept: Kept, damages: str) -> None:
    left = divergent.path(SCRATCH)
    left.mkdir()
    (left / "packed").write_bytes(b"of a unit that was killed")
    modes, decode = [], divergent.answers[ALL]
    divergent.answers[ALL] = lambda: modes.append((left.stat().st_mode & 0o777, list(left.iterdir()))) or decode()
    kept.damages = damages
    with suppress(Failed):
        save(divergent, kept)
    assert modes == [(0o700, [])]
    assert not left.exists()


def test_a_volume_that_is_full_is_a_reason(divergent: FakeSystem, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(Failed, match=r"salvage: .*No space left on device"):
        save(divergent, kept)
