"""Transactions that only this server has, brought to S3 before its data is overwritten: as SQL to read, and as raw binary log.

<cluster id>/<server>/<name>/transactions.sql.gz, binlog.<number>.gz and, last, manifest.json with every SHA-256: what has a
manifest is whole. `name` is made from the transactions, so that the same salvage twice is the same objects.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import reduce
from pathlib import Path

from ..lease import gtid
from ..lease.last_copy import Copy
from ..mysql import Mysql
from ..store import Store
from ..system import Failed, System

DEADLINE_S = 1800
DATA = "/var/lib/mysql/data"
# A binary log may be larger than the memory that is left: every step goes from file to file. They are on the data's own
# volume: that must have room for the copy which comes next.
SCRATCH = "/var/lib/mysql/salvage"
NEXT = re.compile(rb"SET @@SESSION\.GTID_NEXT= '([^':]+:\d+)'")  # at the head of each transaction


def salvage(system: System, store: Store, mysql: Mysql, *, cluster_id: str, server: str, gtids: str) -> Copy:
    """Write `gtids` and read them back by checksum. Raises Failed; then nothing may be overwritten."""
    name = hashlib.sha256(gtids.encode()).hexdigest()[:16]
    folder = f"{cluster_id}/{server}/{name}"
    logs = [row["Log_name"] for row in mysql.rows("SHOW BINARY LOGS")]
    system.log(f"salvage: {gtids} from {', '.join(logs)} to {folder}")
    with _scratch(system) as scratch:
        files = [system.path(DATA) / log for log in logs]
        decoded = _decoded(system, files, gtids, scratch)
        if lacking := gtid.missing(gtids, reduce(gtid.union, _names(decoded), "")):  # logs expire
            raise Failed(f"salvage: {lacking} is in none of the binary logs ({', '.join(logs)}); an operator decides")
        holding = [file for file in files if _holds(system, file, gtids, scratch)]
        written = [_keep(store, folder, file, scratch) for file in (*holding, decoded)]
    manifest = {"cluster_id": cluster_id, "server": server, "gtids": gtids, "files": written}
    store.keep(f"{folder}/manifest.json", io.BytesIO(json.dumps(manifest, indent=1).encode()))
    return Copy(where=f"s3 {folder}", cluster_id=cluster_id, executed=gtids, verified=True)


@contextmanager
def _scratch(system: System) -> Iterator[Path]:
    """A folder that nobody else reads, gone afterwards; also the one that a unit which was killed has left."""
    scratch = system.path(SCRATCH)
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        scratch.mkdir(mode=0o700)
        yield scratch
    except OSError as error:
        raise Failed(f"salvage: {error}") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _decoded(system: System, files: Iterable[Path], gtids: str, scratch: Path) -> Path:
    """The transactions as statements that `mysql` takes, every row explained in comments (mysqlbinlog(1), --verbose)."""
    to = scratch / "transactions.sql"
    options = ("--verify-binlog-checksum", "--verbose", f"--include-gtids={gtids}", f"--result-file={to}")
    system.run("mysqlbinlog", *options, *map(str, files), timeout_s=DEADLINE_S)
    return to


def _holds(system: System, file: Path, gtids: str, scratch: Path) -> bool:
    """Whether a log has one of the transactions."""
    to = scratch / "found"
    options = (f"--include-gtids={gtids}", "--base64-output=DECODE-ROWS", f"--result-file={to}")
    system.run("mysqlbinlog", *options, str(file), timeout_s=DEADLINE_S)
    return any(_names(to))


def _names(decoded: Path) -> Iterator[str]:
    """Of the transactions in what mysqlbinlog has written."""
    with decoded.open("rb") as lines:
        for line in lines:
            if found := NEXT.match(line):
                yield found[1].decode()


def _keep(store: Store, folder: str, file: Path, scratch: Path) -> dict[str, str]:
    """The file as it goes into the manifest. It is packed without a time: the same file is the same bytes again."""
    key, packed = f"{folder}/{file.name}.gz", scratch / "packed"
    with file.open("rb") as plain, packed.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as to:
        shutil.copyfileobj(plain, to)
    with packed.open("rb") as content:
        return {"key": key, "sha256": store.keep(key, content)}
