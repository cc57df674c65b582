"""Candidates are checked where they will live: in a copy of /etc, mounted over /etc for the check alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from .files import Target, install
from .services import CHECK_DEADLINE_S, Service
from .system import Failed, System

CANDIDATE = "/run/distributed-web/candidate"  # in memory: the copy holds keys
# systemd-run(1), systemd.exec(5): a mount namespace of the check's own, so nobody else on the server ever sees the candidate.
# Not unshare(1): Ubuntu ships an AppArmor profile (unshare-userns-restrict) under which it may not mount.
ISOLATED = ("systemd-run", "--quiet", "--pipe", "--wait", "--collect", f"--property=RuntimeMaxSec={CHECK_DEADLINE_S}")


def check(system: System, targets: Iterable[Target], services: Iterable[Service]) -> None:
    """Run every service's own checker on the candidate files. Raises Failed with the checker's message; changes nothing."""
    checks = tuple(service for service in services if service.check)
    if not checks:
        return
    candidate = system.path(CANDIDATE)
    try:
        _prepare(system, candidate, targets)
        for service in checks:
            _check(system, candidate, service)
    finally:
        shutil.rmtree(candidate, ignore_errors=True)


def _prepare(system: System, candidate: Path, targets: Iterable[Target]) -> None:
    shutil.rmtree(candidate, ignore_errors=True)
    candidate.mkdir(parents=True, mode=0o700)
    system.run("cp", "--archive", str(system.path("/etc")), str(candidate / "etc"))
    for target in targets:
        install(
            system,
            Target(
                path=str(candidate.relative_to(system.root) / target.path.lstrip("/")),
                content=target.content,
                mode=target.mode,
                owner=target.owner,
            ),
        )


def _check(system: System, candidate: Path, service: Service) -> None:
    done = system.attempt(
        *ISOLATED,
        f"--property=BindPaths={candidate}/etc:/etc",
        *service.check,
        timeout_s=CHECK_DEADLINE_S + 5,
    )
    if done.exit_code:
        raise Failed(
            f"{service.unit}: the new configuration is refused by `{' '.join(service.check)}`: "
            f"{(done.stderr or done.stdout).strip()[-1500:]}"
        )
