"""The package proxy of a local cloud: apt-cacher-ng on 127.0.0.1, in front of the mirror this computer's own apt uses.

Machines and images name only `SOURCE`, which the proxy maps to the mirror at run time: neither holds its address,
and the cached packages serve whatever the mirror is called. apt-cacher-ng must have its folder for itself
(two of them damage each other's files), so a running proxy holds a lock on one of the numbered folders of the cache,
the first that is free: checkouts that run in turn share one, checkouts that run together have one each.
"""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import time
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

from local.errors import CannotStart
from local.host.process import Process
from local.instance import Instance

SOURCE = "http://debian.packages.internal/debian"  # what sources.list says; only the proxy knows this name
SETTING = "DEBIAN_MIRROR"
DEFAULTS = (Path("/etc/apt-cacher-ng/backends_debian"), Path("/etc/apt-cacher-ng/backends_debian.default"))
FORMAT = "$(SITE) $(ORIGIN) $(RELEASE)"


class PackagesError(CannotStart):
    """No mirror, or no proxy. The text names the remedy."""


class PackageProxy:
    def __init__(self, instance: Instance):
        self.instance = instance
        self.process = Process(instance, "packages")
        self.url = f"http://127.0.0.1:{instance.packages_port}"

    def start(self) -> None:
        """Start it unless it runs; answers when this returns."""
        if self.process.pid():
            return
        folder, lock = _free_folder(self.instance.cache / "packages")
        try:
            configuration = self.instance.folder("run/packages")
            (configuration / "acng.conf").write_text(
                configure(
                    folder=folder,
                    log=self.instance.log,
                    port=self.instance.packages_port,
                    socket_path=self.instance.run / "packages.socket",
                    mirror=mirror(),
                    upstream=upstream_proxy(),
                )
            )
            self.process.start(["apt-cacher-ng", "-c", str(configuration)], pass_fds=[lock])
        finally:
            os.close(lock)  # the proxy holds it now, as long as it lives
        self._await_answer()

    def stop(self) -> None:
        self.process.stop()

    def _await_answer(self, deadline_s: float = 10) -> None:
        end = time.monotonic() + deadline_s
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.instance.packages_port), timeout=1).close()
                return
            except OSError as error:
                if not self.process.pid() or time.monotonic() > end:
                    self.stop()
                    raise PackagesError(
                        f"The package proxy does not answer on 127.0.0.1:{self.instance.packages_port} ({error}). "
                        f"Its last words, from {self.process.log}:\n{self.process.last_words()}"
                    ) from error
                time.sleep(0.02)


def configure(folder: Path, log: Path, port: int, socket_path: Path, mirror: str, upstream: str | None) -> str:
    """The text of acng.conf (apt-cacher-ng manual, chapters 4 and 8)."""
    lines = {
        "CacheDir": folder,
        "LogDir": log,
        "BindAddress": "127.0.0.1",
        "Port": port,
        "SocketPath": socket_path,
        "ForeGround": 1,
        "Remap-debian": f"{SOURCE} ; {mirror}",
        "ExThreshold": 3650,  # days: nothing expires, the cache is removed whole or not at all
        **({"Proxy": upstream} if upstream else {}),
    }
    return "".join(f"{key}: {value}\n" for key, value in lines.items())


def mirror() -> str:
    """The Debian mirror to use: $DEBIAN_MIRROR, else the one of this computer's apt, else the proxy's own default."""
    if chosen := os.environ.get(SETTING):
        return chosen.rstrip("/")
    answer = _output("apt-get", "indextargets", "--format", FORMAT, "Created-By: Packages")
    for found in (*configured_mirrors(answer), *_default_mirrors()):
        return found
    raise PackagesError(
        "No Debian mirror is known: neither in this computer's apt configuration (see apt-get indextargets) "
        f"nor in {DEFAULTS[1]}. Name one: {SETTING}=http://… make up"
    )


def configured_mirrors(targets: str) -> list[str]:
    """The Debian archives, in order, among lines of `apt-get indextargets --format "$(SITE) $(ORIGIN) $(RELEASE)"`.

    The origin is empty until `apt-get update` ran; then an archive is known by its folder, /debian.
    """
    found = []
    for line in targets.splitlines():
        site, *origin, release = line.split()
        site = _resolved(site).rstrip("/")
        debian = origin == ["Debian"] or (not origin and site.endswith("/debian"))
        if debian and site.startswith(("http://", "https://")) and "-" not in release and site not in found:
            found.append(site)
    return found


def _resolved(site: str) -> str:
    """`mirror+file:/path` (Debian's cloud images) names a file with a mirror on each line (apt-transport-mirror(1))."""
    path = site.removeprefix("mirror+file:").rstrip("/")
    if path == site.rstrip("/"):
        return site
    return next(iter(_listed(Path("/" + path.lstrip("/")))), "")


def _default_mirrors() -> list[str]:
    return [mirror for file in DEFAULTS for mirror in _listed(file)]


def _listed(file: Path) -> list[str]:
    lines = file.read_text().splitlines() if file.exists() else []
    return [line.split()[0].rstrip("/") for line in lines if line.startswith("http")]


def upstream_proxy() -> str | None:
    """The proxy this computer's own apt goes through, if any."""
    return _output("apt-config", "dump", "--format", "%v", "Acquire::http::Proxy") or os.environ.get("http_proxy")


def check(suite: str, deadline_s: float = 10) -> None:
    """`PackagesError`, one sentence, unless the mirror answers and has the suite."""
    address, proxy = f"{mirror()}/dists/{suite}/InRelease", upstream_proxy()
    opener = build_opener(ProxyHandler({"http": proxy, "https": proxy} if proxy else {}))
    try:
        opener.open(Request(address, method="HEAD"), timeout=deadline_s).close()
    except OSError as error:
        raise PackagesError(
            f"The package mirror cannot be used: {address}: {error}. Mend the connection or this computer's apt "
            f"configuration, or name another mirror: {SETTING}=http://… make up"
        ) from error


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError) as error:
        raise PackagesError(f"This computer's apt cannot be asked: {' '.join(command)}: {error}") from error


def _free_folder(parent: Path) -> tuple[Path, int]:
    """The first numbered folder that no other proxy uses, and the descriptor that holds its lock."""
    number = 0
    while True:
        folder = parent / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return folder, lock
        except BlockingIOError:
            os.close(lock)
            number += 1
