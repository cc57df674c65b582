"""Is this computer able to run the local cloud, and what must be installed first? Standard library only.

Every check speaks before anything is touched: one sentence with what is wrong and the remedy. What is installed: Debian
packages of the table below, and a Python environment per requirements file in the cache that all checkouts share.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from local import engine
from local.errors import CannotStart
from local.instance import CHECKOUT, HTTPS_PORT, cache_folder, home, http_port
from local.locks import held

# command -> (Debian package, what for)
SYSTEM_COMMANDS = {
    "mmdebstrap": ("mmdebstrap", "makes the machines' disk image"),
    "systemd-nspawn": ("systemd-container", "boots the machines"),
    "apt-cacher-ng": ("apt-cacher-ng", "keeps the machines' packages for the next time"),
    "ip": ("iproute2", "the virtual private cloud's network"),
    "nft": ("nftables", "the security groups"),
    "dnsmasq": ("dnsmasq-base", "the virtual private cloud's DHCP and DNS"),
    "haproxy": ("haproxy", "the network load balancer"),
    "nginx": ("nginx-light", "checks the rendered configuration in the tests"),
    "losetup": ("mount", "the data volumes"),
}
SERVICES = {"apt-cacher-ng": "apt-cacher-ng", "haproxy": "haproxy", "nginx-light": "nginx"}  # what comes with a package's program
POLICY = Path("/usr/sbin/policy-rc.d")
KEYRING = (Path("/usr/share/keyrings/debian-archive-keyring.gpg"), "debian-archive-keyring", "verifies the machines' packages")
WITHOUT_MACHINES = {"preview"}
GIB = 1024**3
DISK_NEEDED = 6 * GIB


def say(text: str) -> None:
    """Progress goes to standard error: what a verb prints for other programs stays clean."""
    print(f"• {text}", file=sys.stderr, flush=True)


def check(verb: str) -> None:
    """Raises CannotStart when this computer cannot do `verb`; changes nothing."""
    if not sys.platform.startswith("linux"):
        raise CannotStart(
            f"the machines are Linux machines and need a Linux kernel, this is {sys.platform}; "
            "run it in a Debian or Ubuntu virtual machine."
        )
    if sys.version_info < (3, 11):  # noqa: UP036 — this is the check
        raise CannotStart(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}; apt-get install python3.")
    if verb in ("up", "peers"):
        _must_be_root(verb)
        _disk_must_suffice()
        if verb == "up" and not any((home() / "run").glob("*.pid")):  # nothing of ours holds them
            ports_must_be_free(int(os.environ.get("PORT") or HTTPS_PORT))
    if verb in ("up", "preview", "test", "bench"):
        engine.must_be_obtainable()


def _must_be_root(verb: str) -> None:
    if os.geteuid() != 0:
        raise CannotStart(f"root makes the machines, networks and disks, you are uid {os.geteuid()}; run: sudo make {verb}")


def _disk_must_suffice() -> None:
    cache = cache_folder()
    existing = next(parent for parent in (cache, *cache.parents) if parent.exists())
    for folder in (existing, CHECKOUT):
        free = shutil.disk_usage(folder).free
        if free < DISK_NEEDED:
            raise CannotStart(f"{folder} has {free / GIB:.1f} GiB free, {DISK_NEEDED // GIB} GiB are needed; make room there.")


def ports_must_be_free(https_port: int) -> None:
    """The front door's ports on 127.0.0.1, before the first start."""
    for port in (https_port, http_port(https_port)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise CannotStart(
                    f"port {port} on 127.0.0.1 is taken by another program ({error.strerror}); choose another: make up PORT=9443"
                ) from error


def missing_packages(commands: dict[str, tuple[str, str]]) -> dict[str, str]:
    """Debian package -> what for, of the commands that are not on this computer."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = {package: why for command, (package, why) in commands.items() if not shutil.which(command, path=path)}
    if not _can_make_environments():
        missing["python3-venv"] = "the project's own Python environment"
    return missing


def _can_make_environments() -> bool:
    """Debian ships the venv module without ensurepip until python3-venv is installed."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return False
    return True


def install_packages(verb: str) -> None:
    if verb in WITHOUT_MACHINES or (verb == "test" and os.geteuid() != 0):
        wanted = missing_packages({})
    else:
        wanted = missing_packages(SYSTEM_COMMANDS)
        keys, package, why = KEYRING
        if not keys.exists():
            wanted[package] = why
    if not wanted:
        return
    if os.geteuid() != 0:
        raise CannotStart(
            f"packages are missing and only root may install them; run: sudo apt-get install {' '.join(sorted(wanted))}"
        )
    if not shutil.which("apt-get"):
        raise CannotStart(
            f"the programs of {', '.join(sorted(wanted))} are missing and there is no apt-get; "
            "install them with your distribution's own tool."
        )
    for package, why in sorted(wanted.items()):
        say(f"installing {package}: {why}")
    log = cache_folder() / "apt.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    services = [SERVICES[package] for package in sorted(wanted) if package in SERVICES]
    with log.open("w") as output, _without(services):
        install = ["apt-get", "install", "-y", "--no-install-recommends", *sorted(wanted)]
        for command in (["apt-get", "update"], install):
            if subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, env=environment).returncode:
                last = log.read_text().strip().splitlines()[-1:]
                raise CannotStart(f"`{' '.join(command)}` failed ({' '.join(last)}); see {log}, mend what it names, try again.")


@contextmanager
def _without(services: list[str]):
    """Debian starts a service on installation unless policy-rc.d says no (invoke-rc.d(8)), and later with the computer: only the
    programs are wanted."""
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            POLICY.unlink()
        for service in services:  # also after an installation that failed half-way: the next one has less to install
            subprocess.run(["systemctl", "disable", service], capture_output=True)


def environment(requirements: Path) -> Path:
    """The Python environment with exactly `requirements`, made once and kept in the cache; its folder."""
    key = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = cache_folder() / "environments" / f"{requirements.stem}-{key}"
    complete = folder / ".complete"
    if complete.exists():
        return folder
    with held(folder.with_suffix(".lock")):
        if not complete.exists():
            say(f"installing the Python packages of {requirements.name} (once, about a minute)")
            shutil.rmtree(folder, ignore_errors=True)
            run([sys.executable, "-m", "venv", str(folder)], "could not make a Python environment")
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
            run([*pip, "-r", str(requirements)], f"could not install {requirements.name}")
            complete.touch()
    return folder


def run(command: list[str], failure: str) -> None:
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode:
        tail = "\n  ".join(result.stdout.strip().splitlines()[-5:])
        raise CannotStart(
            f"{failure}: `{' '.join(command)}` ended with {result.returncode}; check the network and try again.\n  {tail}"
        )
