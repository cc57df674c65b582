"""Transactions that only this server has, brought to S3 before its data is overwritten: as SQL to read, and as raw binary log.

<cluster id>/<server>/<name>/transactions.sql.gz, binlog.<number>.gz and, last, manifest.json with every SHA-256: what has a
manifest is whole. `name` is made from the transactions, so that the same salvage twice is the same objects.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from pathlib import Path

from ..lease import gtid
from ..lease.last_copy import Copy
from ..mysql import Mysql
from ..store import Store
from ..system import Failed, System

DEADLINE_S = 1800
DATA = "/var/lib/mysql/data"
NEXT = re.compile(r"^SET @@SESSION\.GTID_NEXT= '([^':]+:\d+)'", re.MULTILINE)  # at the head of each transaction


def salvage(system: System, store: Store, mysql: Mysql, *, cluster_id: str, server: str, gtids: str) -> Copy:
    """Write `gtids` and read them back by checksum. Raises Failed; then nothing may be overwritten."""
    name = hashlib.sha256(gtids.encode()).hexdigest()[:16]
    folder = f"{cluster_id}/{server}/{name}"
    logs = [row["Log_name"] for row in mysql.rows("SHOW BINARY LOGS")]
    system.log(f"salvage: {gtids} from {', '.join(logs)} to {folder}")
    files = [system.path(DATA) / log for log in logs]
    decoded = _decoded(system, files, gtids)
    if lacking := gtid.missing(gtids, gtid.union(*NEXT.findall(decoded))):  # logs expire
        raise Failed(f"salvage: {lacking} is in none of the binary logs ({', '.join(logs)}); an operator decides")
    objects = {"transactions.sql.gz": gzip.compress(decoded.encode(), mtime=0)}
    for file in files:
        if _holds(system, file, gtids):
            objects[f"{file.name}.gz"] = gzip.compress(file.read_bytes(), mtime=0)
    written = [
        {"key": f"{folder}/{key}", "sha256": store.keep(f"{folder}/{key}", content)} for key, content in sorted(objects.items())
    ]
    manifest = {"cluster_id": cluster_id, "server": server, "gtids": gtids, "files": written}
    store.keep(f"{folder}/manifest.json", json.dumps(manifest, indent=1).encode())
    return Copy(where=f"s3 {folder}", cluster_id=cluster_id, executed=gtids, verified=True)


def _decoded(system: System, files: list[Path], gtids: str) -> str:
    """The transactions as statements that `mysql` takes, every row explained in comments (mysqlbinlog(1), --verbose)."""
    arguments = ("--verify-binlog-checksum", "--verbose", f"--include-gtids={gtids}", *map(str, files))
    return system.run("mysqlbinlog", *arguments, timeout_s=DEADLINE_S)


def _holds(system: System, file: Path, gtids: str) -> bool:
    """Whether a log has one of the transactions."""
    found = system.run("mysqlbinlog", f"--include-gtids={gtids}", "--base64-output=DECODE-ROWS", str(file), timeout_s=DEADLINE_S)
    return bool(NEXT.search(found))
