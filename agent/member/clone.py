"""The primary's data copied beside one's own, which goes only when the copy serves: a CLONE that fails costs nothing.

MySQL manual, "Cloning Remote Data" with DATA DIRECTORY. The copy has no auto.cnf, so the server gets a new uuid: its next
transactions never bear the names of those that were salvaged.
"""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Callable

from ..mysql import Login, Mysql, cluster_id
from ..replication import CLONE_DEADLINE_S, MYSQL_CA, RESTART_DEADLINE_S
from ..system import Failed, System
from .mysqld import UNIT

DATA, COPY = "/var/lib/mysql/data", "/var/lib/mysql/clone"
UNPROVEN = "unproven"  # a file in a copy, until mysqld has served it
RENAME_EXCHANGE = 2  # renameat2(2)
AT_FDCWD = -100


def copy(system: System, mysql: Mysql, donor: Login) -> None:
    """Fetch the donor's data into COPY. The server goes on with its own meanwhile."""
    discard(system)
    system.log(f"clone: from {donor.host}")
    mysql.rows("SET GLOBAL clone_valid_donor_list = %s", f"{donor.host}:{donor.port}")
    mysql.rows("SET GLOBAL clone_ssl_ca = %s", MYSQL_CA)  # without it the donor is not verified
    mysql.rows(
        "CLONE INSTANCE FROM %s@%s:%s IDENTIFIED BY %s DATA DIRECTORY = %s REQUIRE SSL",
        donor.user,
        donor.host,
        donor.port,
        donor.password,
        COPY,
        timeout_s=CLONE_DEADLINE_S,
    )


def swap(system: System, mysql: Mysql, wanted: str, exchange: Callable[[str, str], None] | None = None) -> None:
    """Serve the copy from now on, if it is of cluster `wanted`; otherwise the old data again. Raises Failed then."""
    (system.path(COPY) / UNPROVEN).write_text(wanted)
    finish(system, mysql, exchange)


def is_unfinished(system: System) -> bool:
    """Whether a swap was cut off: mysqld may be down, and serve what nobody has looked at."""
    return any((system.path(folder) / UNPROVEN).exists() for folder in (DATA, COPY))


def finish(system: System, mysql: Mysql, exchange: Callable[[str, str], None] | None = None) -> None:
    """A swap from wherever it is. UNPROVEN lies with the copy, so it says which of the two folders that is."""
    exchange = exchange or _exchange
    data, fresh = system.path(DATA), system.path(COPY)
    try:
        if not (data / UNPROVEN).exists():
            system.run("systemctl", "stop", UNIT, timeout_s=RESTART_DEADLINE_S)
            exchange(str(data), str(fresh))
        _start(system, mysql)
        wanted = (data / UNPROVEN).read_text()
        if (found := cluster_id(mysql)) != wanted:
            raise Failed(f"clone: the copy is of database {found}, not {wanted}")
    except Failed:
        _undo(system, mysql, exchange)
        raise
    mysql.rows("RESET REPLICA ALL")  # the donor's own idea of whom it follows
    discard(system)
    (data / UNPROVEN).unlink()


def _undo(system: System, mysql: Mysql, exchange: Callable[[str, str], None]) -> None:
    data, fresh = system.path(DATA), system.path(COPY)
    if (data / UNPROVEN).exists():
        system.run("systemctl", "stop", UNIT, timeout_s=RESTART_DEADLINE_S)
        exchange(str(data), str(fresh))
    _start(system, mysql)
    (fresh / UNPROVEN).unlink()


def _start(system: System, mysql: Mysql) -> None:
    system.run("systemctl", "start", UNIT, timeout_s=RESTART_DEADLINE_S)
    system.until(lambda: mysql.value("SELECT 1"), deadline_s=RESTART_DEADLINE_S, what="clone: mysqld")


def discard(system: System) -> None:
    """A copy that was not finished, or the data that it has replaced."""
    shutil.rmtree(system.path(COPY), ignore_errors=True)


def _exchange(one: str, other: str) -> None:
    """Both names in one step: a power cut finds either the old data or the new under its name."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE):
        raise Failed(f"clone: {one} and {other} cannot be exchanged: {os.strerror(ctypes.get_errno())}")
    folder = os.open(os.path.dirname(one), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
