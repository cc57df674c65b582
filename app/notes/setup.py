"""Brings the database to this release's schema: `python3 -m notes.setup`. Safe to repeat; run once per release, on the primary.

The files of `schema/` are run in the order of their names, each one statement and each only once.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from .database import Connections, Unavailable, answering
from .settings import Settings

SCHEMA = Path(__file__).parent.parent / "schema"
DEADLINE_S = 30.0  # HAProxy may not have noticed yet that the primary is open
DONE = "CREATE TABLE IF NOT EXISTS schema_changes (name VARCHAR(100) PRIMARY KEY, done_at DATETIME(3) NOT NULL)"


def migrate(cursor, changes: list[tuple[str, str]]) -> list[str]:
    """Runs the (name, statement) pairs that were not run before; returns their names.

    MySQL commits each DDL statement by itself: a statement must bear being run again after a crash in between.
    """
    cursor.execute("SELECT GET_LOCK('schema', 30)")
    if cursor.fetchone() != (1,):
        raise Unavailable("another set-up holds the lock for 30 s")
    try:
        cursor.execute(DONE)
        cursor.execute("SELECT name FROM schema_changes")
        done = {name for (name,) in cursor.fetchall()}
        fresh = [(name, statement) for name, statement in changes if name not in done]
        for name, statement in fresh:
            cursor.execute(statement)
            cursor.execute("INSERT INTO schema_changes VALUES (%s, UTC_TIMESTAMP(3))", (name,))
        return [name for name, _ in fresh]
    finally:
        cursor.execute("SELECT RELEASE_LOCK('schema')")


def main() -> int:
    settings = Settings.from_environment()
    connections = Connections(settings, settings.write_port, timeout_s=60.0, at_most=1)
    changes = [(path.stem, path.read_text()) for path in sorted(SCHEMA.glob("*.sql"))]
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            with connections.cursor() as cursor:
                made = migrate(cursor, changes)
                print(f"schema on {answering(cursor).host}: {', '.join(made) or 'nothing to change'}")
            return 0
        except Unavailable as error:
            if time.monotonic() > deadline:
                print(f"set-up failed: no primary database within {DEADLINE_S:.0f} s: {error}", file=sys.stderr)
                return 1
            time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
