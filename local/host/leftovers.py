"""Everything of one local cloud that still exists on this computer, told by its id and folder alone, and its removal.

Nothing is asked of the daemon or of any record: this is for `make down` after any kill, and for tests that nothing is left.
Files stay (state, disks, volumes); mounts of machines need no care, they end with the machines' last process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from local.host import volumes
from local.host.cgroup import Cgroup
from local.host.machine import PROPAGATE
from local.instance import Instance

NETNS = Path("/run/netns")
MEASURED = ("drills", "peers")  # folders of results: hours may be in them, and no cloud needs them


def find(instance: Instance) -> list[str]:
    """One line each: processes, mounts, loop devices, network namespaces and interfaces, control groups. [] is clean."""
    group = Cgroup(instance.id)
    return [
        *(f"process {pid}: {_command_line(pid)}" for pid in sorted(set(group.pids()))),
        *(f"mount {point}" for point in _mounts(instance)),
        *(f"loop device {device}: {file}" for device, file in _loops(instance)),
        *(f"network namespace {name}" for name in _namespaces(instance)),
        *(f"network interface {path.name}" for path in Path("/sys/class/net").glob(f"{instance.id}*")),
        *(f"control group {folder}" for folder in group.folders if folder.exists()),
        *(f"folder {folder}" for folder in PROPAGATE.glob(f"{instance.id}-*")),
    ]


def remove(instance: Instance) -> list[str]:
    """End and remove all of it, at once; what was found. Machines not yet powered off have their power cut."""
    found = find(instance)
    group = Cgroup(instance.id)
    if os.getpid() in group.pids():  # whoever asks lives on
        Cgroup().add(os.getpid())
    group.kill()
    group.remove()
    for point in reversed(_mounts(instance)):
        subprocess.run(["umount", "--lazy", str(point)], check=True, timeout=30)
    for device, _ in _loops(instance):
        _release(device)
    for name in _namespaces(instance):
        subprocess.run(["ip", "netns", "delete", name], check=True, timeout=30)
    for interface in Path("/sys/class/net").glob(f"{instance.id}*"):
        subprocess.run(["ip", "link", "delete", interface.name], check=True, timeout=30)
    for folder in PROPAGATE.glob(f"{instance.id}-*"):
        folder.rmdir()
    return found


def forget(instance: Instance) -> None:
    """Remove its files too: state, machines' disks, volumes and logs. The cache that all checkouts share stays, and MEASURED."""
    remove(instance)
    if not instance.home.exists():
        return
    for path in instance.home.iterdir():
        if path.name not in MEASURED:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    with suppress(OSError):  # it holds something that was measured
        instance.home.rmdir()


def _release(device: Path, deadline_s: float = 10) -> None:
    """The kernel unmounts what the last process of a machine had mounted a moment after the process is gone."""
    end = time.monotonic() + deadline_s
    while True:
        try:
            return volumes.release_device(device)
        except volumes.VolumeBusyError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def _mounts(instance: Instance) -> list[Path]:
    points = [line.split()[4].replace("\\040", " ") for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [Path(point) for point in points if Path(point).is_relative_to(instance.home)]


def _loops(instance: Instance) -> list[tuple[Path, Path]]:
    return [(device, file) for device, file in volumes.loops() if file.is_relative_to(instance.home)]


def _namespaces(instance: Instance) -> list[str]:
    return sorted(path.name for path in NETNS.glob(f"{instance.id}-*"))


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()[:120]
    except OSError:
        return "(ended)"
