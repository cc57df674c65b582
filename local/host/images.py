"""The root every machine starts from: Debian with systemd and cloud-init, as lean as a cloud provider's image.

Built once per set of inputs (the recipe here and the files under `guest/`, never a mirror) into `<cache>/images/<key>`
and then only read, by all machines of all checkouts. What a server is for (HAProxy, Nginx, MySQL) is cloud-init's part.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from local.errors import CannotStart
from local.host import packages
from local.host.cgroup import Cgroup
from local.host.packages import PackageProxy
from local.instance import Instance

SUITE = "trixie"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
GUEST = Path(__file__).parent / "guest"  # copied over the root: guest/etc/… becomes /etc/…
# The system, and what cloud-init templates may expect of a cloud image without asking for it.
SYSTEM = ("systemd", "systemd-sysv", "systemd-resolved", "dbus", "libpam-systemd", "cloud-init", "cloud-guest-utils")
TOOLS = (
    *("ca-certificates", "curl", "eatmydata", "iproute2", "iputils-ping", "less", "netbase", "netcat-openbsd"),
    *("openssl", "procps", "python3", "sudo", "tzdata", "e2fsprogs"),
)
SERVICES = ("systemd-networkd.service", "systemd-resolved.service")
# apt's would hold its lock while cloud-init installs packages; and nobody logs in at the console, which is only read.
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "console-getty.service")

Progress = Callable[[str], None]


class ImageError(CannotStart):
    """The image cannot be built. The text holds the reason and the remedy."""


def recipe() -> list[str]:
    """mmdebstrap's arguments that decide what the image holds (mmdebstrap(1))."""
    return [
        *("--mode=root", "--variant=minbase", "--components=main", f"--include={','.join(SYSTEM + TOOLS)}"),
        f"--aptopt={GUEST}/etc/apt/apt.conf.d/90-local-cloud",
        f"--dpkgopt={GUEST}/etc/dpkg/dpkg.cfg.d/90-local-cloud",
        SUITE,
    ]


def key(guest: Path = GUEST) -> str:
    """16 hex digits over everything that decides what the image holds."""
    inputs = [*(argument.replace(str(GUEST), "") for argument in recipe()), *SERVICES, *MASKED, os.uname().machine]
    digest = hashlib.sha256(repr(inputs).encode())
    for file in _files(guest):
        digest.update(f"\0{file.relative_to(guest)}\0{_mode(file):o}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def ensure(instance: Instance, progress: Progress = lambda line: None) -> Path:
    """The image's root, built first if it is not there (needs the package proxy, ~1 minute). `progress` gets lines.

    Two checkouts do not build at once: the second waits and finds it built. Killed half-way, the next one starts anew.
    """
    image = instance.cache / "images" / key()
    if image.exists():
        return image
    image.parent.mkdir(parents=True, exist_ok=True)
    with _locked(image.with_suffix(".lock"), progress) as lock:
        if not image.exists():
            draft = image.with_suffix(".new")
            shutil.rmtree(draft, ignore_errors=True)
            _bootstrap(instance, draft, lock, progress)
            _finish(draft)
            draft.rename(image)
    return image


def _bootstrap(instance: Instance, root: Path, lock: int, progress: Progress) -> None:
    if not KEYRING.exists():
        raise ImageError(f"{KEYRING} is missing, Debian's packages cannot be verified: apt-get install {KEYRING.stem}")
    packages.check(SUITE)
    proxy = PackageProxy(instance)
    *options, suite = recipe()
    command = ["mmdebstrap", *options, f'--aptopt=Acquire::http::Proxy "{proxy.url}"', suite, str(root)]
    command.append(f"deb [signed-by={KEYRING}] {packages.SOURCE} {SUITE} main")
    group = Cgroup(instance.id, "image")
    group.create()
    try:
        with subprocess.Popen(
            # A mount namespace of its own: whatever kills it, its mounts go with it. It holds the lock while it lives.
            group.entering("unshare", "--mount", "--propagation", "slave", *command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            pass_fds=[lock],
            start_new_session=True,
            umask=0o022,
        ) as child:
            last = deque(maxlen=12)
            for line in child.stderr:
                last.append(line.rstrip())
                if line.startswith("I: "):
                    progress("image: " + line[3:].strip())
    finally:
        group.kill()
        group.remove()
    if child.returncode:
        reasons = [line for line in last if line.startswith("E:")] or last
        raise ImageError(
            "\n  ".join([f"The machines' image could not be built from {packages.mirror()}:", *reasons])
            + f"\nIs the mirror reachable, does it have {SUITE}, is there disk space? "
            f"To use another mirror: {packages.SETTING}=http://… make up"
        )


def _finish(root: Path) -> None:
    """What makes the same root fit for every machine: our files, services, and no identity."""
    for file in _files(GUEST):
        copy = root / file.relative_to(GUEST)
        shutil.copyfile(file, copy)
        copy.chmod(_mode(file))
    # Of the computer that built it: its proxy and options, name and resolver, and the source line.
    for name in ("apt/apt.conf.d/99mmdebstrap", "dpkg/dpkg.cfg.d/99mmdebstrap", "apt/sources.list", "hostname"):
        (root / "etc" / name).unlink(missing_ok=True)
    (root / "etc/machine-id").write_text("")  # empty: a new one for each machine, and not systemd's "first boot"
    resolver = root / "etc/resolv.conf"
    resolver.unlink(missing_ok=True)
    resolver.symlink_to("../run/systemd/resolve/stub-resolv.conf")
    for verb, units in (("enable", SERVICES), ("mask", MASKED)):
        subprocess.run(["systemctl", f"--root={root}", "--quiet", verb, *units], check=True, timeout=60)


def _files(guest: Path) -> list[Path]:
    return sorted(path for path in guest.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _mode(file: Path) -> int:
    """Git keeps only who may execute; the rest would be this user's umask."""
    return 0o755 if os.access(file, os.X_OK) else 0o644


@contextmanager
def _locked(file: Path, progress: Progress) -> Iterator[int]:
    lock = os.open(file, os.O_RDWR | os.O_CREAT)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("image: another checkout is building it, waiting")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)
