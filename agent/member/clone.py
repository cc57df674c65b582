"""The primary's data copied beside one's own, which goes only when the copy serves: a CLONE that fails costs nothing.

MySQL manual, "Cloning Remote Data" with DATA DIRECTORY. The copy has no auto.cnf, so the server gets a new uuid: its next
transactions never bear the names of those that were salvaged.
"""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..mysql import Login, Mysql, cluster_id
from ..replication import CLONE_DEADLINE_S, MYSQL_CA, RESTART_DEADLINE_S
from ..system import Failed, System
from .mysqld import UNIT

DATA, COPY = "/var/lib/mysql/data", "/var/lib/mysql/clone"
SWAPPING = "/run/distributed-web/swapping"  # while it exists, mysqld was stopped by a swap and has to be started again
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
    """Serve the copy from now on, if it is of cluster `wanted`; otherwise the old data again. Raises Failed then, with mysqld
    started or, where that failed too, left to `resume`."""
    exchange = exchange or _exchange
    data, fresh = str(system.path(DATA)), str(system.path(COPY))
    _flag(system).parent.mkdir(parents=True, exist_ok=True)
    _flag(system).touch()
    try:
        system.run("systemctl", "stop", UNIT, timeout_s=RESTART_DEADLINE_S)
        exchange(data, fresh)
        try:
            resume(system)
            system.until(lambda: mysql.value("SELECT 1"), deadline_s=RESTART_DEADLINE_S, what="clone: mysqld with the copy")
            if (found := cluster_id(mysql)) != wanted:
                raise Failed(f"clone: the copy is of database {found}, not {wanted}")
        except Failed:
            _flag(system).touch()
            system.attempt("systemctl", "stop", UNIT, timeout_s=RESTART_DEADLINE_S)
            exchange(data, fresh)
            raise
    except Failed:
        with suppress(Failed):
            resume(system)
        raise
    mysql.rows("RESET REPLICA ALL")  # the donor's own idea of whom it follows
    discard(system)


def resume(system: System) -> None:
    """Start mysqld where a swap has stopped it, also one in which the unit was killed. Raises Failed when it does not start."""
    if _flag(system).exists():
        system.run("systemctl", "start", UNIT, timeout_s=RESTART_DEADLINE_S)
        _flag(system).unlink()


def _flag(system: System) -> Path:
    return system.path(SWAPPING)


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
