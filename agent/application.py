"""The application on this server: its packages, its folder for a release, its one-time set-up, and whether it answers."""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from . import manifest as archives
from . import state
from .manifest import Manifest
from .server import Server
from .system import Failed, System

if TYPE_CHECKING:  # boto3 is half a second that `serve` has no use for
    from .store import Store

USER = "app"
SOCKET = "/run/app/app.sock"  # $APP_SOCKET
ENVIRONMENT = "/etc/distributed-web/app.env"
INSTALL_DEADLINE_S = 600
SETUP_DEADLINE_S = 600
HEALTH_DEADLINE_S = 60
BLANK_LINE = "\r\n\r\n"


def install_packages(system: System, manifest: Manifest) -> None:
    """Those of the distribution that the application asks for and that are missing."""
    wanted = manifest.app.packages if manifest.app else ()
    if not wanted:
        return
    found = system.attempt("dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *wanted).stdout
    missing = [name for name in wanted if f"{name} installed" not in found.splitlines()]
    if missing:
        system.log(f"packages: install {' '.join(missing)}")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l"}
        for command in (("update",), ("install", "--yes", "--no-install-recommends", *missing)):
            system.run("apt-get", "-o", "DPkg::Lock::Timeout=120", *command, timeout_s=INSTALL_DEADLINE_S, env=environment)


def unpack(system: System, store: Store, manifest: Manifest, text: str) -> None:
    """Make the folder of the release; it gets its name only when it is whole, so a folder that is there is complete."""
    final = system.path(state.folder(manifest.release))
    if final.exists():
        return
    system.log(f"release {manifest.release}: unpack")
    with _whole(final) as fresh:
        (fresh / "manifest.json").write_text(text)
        for name, archive in manifest.archives.items():
            content = store.object(archive.key, archive.sha256)
            if name == archives.AGENT:
                (fresh / "agent.pyz").write_bytes(content)
            else:
                _unzip(content, system.path(state.application(archive.sha256)))
                (fresh / name).symlink_to(Path("../../applications") / archive.sha256)


@contextmanager
def _whole(final: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `final` in one step."""
    fresh = final.with_name(f".{final.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    yield fresh
    os.replace(fresh, final)


def _unzip(content: bytes, to: Path) -> None:
    if to.exists():
        return
    with _whole(to) as fresh, zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(fresh)  # keeps every member below `fresh`
        for member in archive.infolist():
            # zipfile restores no permissions; a script of the application must stay executable.
            executable = member.external_attr >> 16 & 0o100
            (fresh / member.filename).chmod(0o755 if member.is_dir() or executable else 0o644)


def set_up(system: System, manifest: Manifest) -> None:
    """Run the release's set-up command in its new folder, as the application's user with the application's environment."""
    system.log(f"application: set up: {manifest.app.setup}")
    system.run(
        "/bin/sh",
        "-c",
        manifest.app.setup,
        timeout_s=SETUP_DEADLINE_S,
        user=USER,
        cwd=system.path(state.folder(manifest.release)) / archives.APP,
        env=environment(system),
    )


def environment(system: System) -> dict[str, str]:
    """The variables of the service, read from the file it reads them from (systemd.exec(5), EnvironmentFile=)."""
    lines = system.path(ENVIRONMENT).read_text().splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        **{name.strip(): value.strip().strip('"') for name, value in pairs},
    }


def wait_until_healthy(system: System, manifest: Manifest) -> None:
    system.until(
        lambda: answers(system, manifest.app.health),
        deadline_s=HEALTH_DEADLINE_S,
        what=f"application: 200 from {manifest.app.health}",
    )


def answers(system: System, path: str, timeout_s: float = 5) -> bool:
    """Whether the application says 200 on its socket. Raises Failed with what it said instead."""
    # The name the balancers ask for: an application may refuse others (Django's ALLOWED_HOSTS).
    host = f"web.{Server.load(system).stack}.internal"
    answer = system.ask(SOCKET, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", timeout_s)
    head, _, body = answer.partition(BLANK_LINE)
    status = head.partition("\r\n")[0]
    if status.split(" ")[1:2] != ["200"]:
        raise Failed(f"{status or 'no answer'}: {body[:300]}")
    return True
