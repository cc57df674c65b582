"""Control groups of one local cloud: a folder named after the instance in every hierarchy, in it one per machine or process.

Works on cgroup v2 alone (systemd hosts) and on the hybrid layout (v1 controllers beside `unified`), see cgroups(7).
A group is made directly below the hierarchy's root, as Docker's cgroupfs driver does: systemd leaves such groups alone.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

LIMITED = ("cpu", "memory", "pids")  # the controllers a machine needs groups of
# Shares of a busy processor, in cgroup v2's measure: 100 is a group's default. Machines have that each, so that none starves
# another; what stands for AWS has more than one machine, and the whole cloud more than one process of its user's.
CLOUD_WEIGHT, HELPER_WEIGHT = 400, 300
SHARES = 1024 / 100  # of cgroup v1 for each of them
ENTER = 'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs" || exit; shift; done; shift; exec "$@"'


class CgroupError(Exception):
    """This computer's control groups cannot hold machines, or a group cannot be emptied. The text names the remedy."""


@dataclass(frozen=True, kw_only=True)
class Hierarchies:
    """Mount points: `unified` is cgroup v2; `legacy` are the v1 ones in use, among them `memory` and `cpu` if they are v1."""

    unified: Path
    memory: Path | None
    cpu: Path | None
    legacy: tuple[Path, ...]

    @property
    def roots(self) -> tuple[Path, ...]:
        return (self.unified, *self.legacy)


def hierarchies(mountinfo: str | None = None) -> Hierarchies:
    """Those named in the text of /proc/self/mountinfo (proc_pid_mountinfo(5)); `CgroupError` without cgroup v2."""
    if mountinfo is None:
        mountinfo = Path("/proc/self/mountinfo").read_text()
    unified, memory, cpu, legacy = None, None, None, []
    for line in mountinfo.splitlines():
        mount, _, source = line.partition(" - ")
        point, (kind, _, options) = Path(mount.split()[4]), source.split(maxsplit=2)
        controllers = options.split(",")
        if kind == "cgroup2":
            unified = unified or point
        elif kind == "cgroup" and ("name=systemd" in controllers or set(LIMITED) & set(controllers)):
            legacy.append(point)
            if "memory" in controllers:
                memory = point
            if "cpu" in controllers:
                cpu = point
    if unified is None:
        raise CgroupError(
            "cgroup v2 is not mounted on this computer, and machines cannot be stopped for certain without it: "
            "mount it (mount -t cgroup2 none /sys/fs/cgroup/unified) or boot with systemd.unified_cgroup_hierarchy=1."
        )
    return Hierarchies(unified=unified, memory=memory, cpu=cpu, legacy=tuple(legacy))


class Cgroup:
    """The group at `path` (such as `dw-1a2b3c/i-0123`), the same in every hierarchy."""

    def __init__(self, *path: str, on: Hierarchies | None = None):
        self.on = on or hierarchies()
        self.path = Path(*path)

    @property
    def unified(self) -> Path:
        return self.on.unified / self.path

    @property
    def folders(self) -> tuple[Path, ...]:
        return tuple(root / self.path for root in self.on.roots)

    def create(self, memory_mib: int | None = None, weight: int | None = None) -> None:
        """Make the group, with its memory limit (no swap: an EC2 instance has none) and its share of a busy processor."""
        for folder in self.folders:
            folder.mkdir(parents=True, exist_ok=True)
        for parent in reversed(self.path.parents):
            _delegate(self.on.unified / parent)
        self._weigh(self.path.parts[0], CLOUD_WEIGHT)
        if memory_mib is not None:
            self._limit(memory_mib << 20)
        if weight is not None:
            self._weigh(self.path, weight)

    def _weigh(self, path: Path | str, weight: int) -> None:
        if self.on.cpu:
            _write(self.on.cpu / path / "cpu.shares", round(weight * SHARES))
        elif (file := self.on.unified / path / "cpu.weight").exists():  # absent when the kernel schedules no groups
            _write(file, weight)

    def _limit(self, size: int) -> None:
        if self.on.memory:
            _write(self.on.memory / self.path / "memory.limit_in_bytes", size)
        elif (self.unified / "memory.max").exists():  # absent when the kernel was booted with cgroup_disable=memory
            _write(self.unified / "memory.max", size)
            if (self.unified / "memory.swap.max").exists():
                _write(self.unified / "memory.swap.max", 0)

    def delegate(self) -> None:
        """Offer the controllers of cgroup v2 to the groups inside. From then on it holds groups only, no processes."""
        _delegate(self.unified)

    def add(self, pid: int) -> None:
        for folder in self.folders:
            _write(folder / "cgroup.procs", pid)

    def entering(self, *command: str) -> list[str]:
        return entering(self.folders, *command)

    def pids(self, service: str | None = None) -> Iterator[int]:
        """Every process in the group and the groups inside it (cgroup v2 knows them all), or of one systemd service there."""
        for folder in _innermost_first(self.unified):
            if service is None or f"{service}.service" in folder.parts:
                try:
                    yield from (int(pid) for pid in (folder / "cgroup.procs").read_text().split())
                except OSError:  # the group went away meanwhile
                    continue

    def populated(self) -> bool:
        try:
            return "populated 1" in (self.unified / "cgroup.events").read_text()
        except OSError:
            return False

    def kill(self, deadline_s: float = 10) -> None:
        """SIGKILL everything inside at once, and wait until nothing is left of it."""
        try:
            _write(self.unified / "cgroup.kill", 1)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENODEV):  # it is gone, or goes at this moment
                raise
            return
        end = time.monotonic() + deadline_s
        while self.populated():
            if time.monotonic() > end:
                raise CgroupError(f"processes {list(self.pids())} in {self.unified} outlive SIGKILL for {deadline_s:g} s.")
            time.sleep(0.01)

    def remove(self, deadline_s: float = 10) -> None:
        """Remove the empty group and the groups inside it; a killed process may hold its own for an instant longer."""
        end = time.monotonic() + deadline_s
        for folder in self.folders:
            while folder.exists():
                try:
                    for path in _innermost_first(folder):
                        path.rmdir()
                except FileNotFoundError:  # somebody else removes it too
                    continue
                except OSError as error:
                    if time.monotonic() > end:
                        raise CgroupError(f"{folder} cannot be removed, something runs in it: {error}") from error
                    time.sleep(0.02)


def entering(folders: Iterable[Path], *command: str) -> list[str]:
    """The command, run inside these groups: it joins before it becomes itself, so nothing it starts was ever outside."""
    return ["sh", "-c", ENTER, "sh", *map(str, folders), "--", *command]


def _innermost_first(folder: Path) -> Iterator[Path]:
    """The groups inside `folder` and itself. Groups come and go while this looks: os.walk passes over them, Path.glob raises."""
    return (Path(path) for path, _, _ in os.walk(folder, topdown=False))


def _delegate(folder: Path) -> None:
    """Enable the machines' controllers for the groups inside `folder`, those it has and has not enabled yet."""
    available = set((folder / "cgroup.controllers").read_text().split()) & set(LIMITED)
    enabled = set((folder / "cgroup.subtree_control").read_text().split())
    if missing := sorted(available - enabled):
        _write(folder / "cgroup.subtree_control", " ".join("+" + name for name in missing))


def _write(file: Path, value: object) -> None:
    # One write(2), no O_CREAT: the kernel takes a value whole, and cgroup files exist or are not supported.
    descriptor = os.open(file, os.O_WRONLY)
    try:
        os.write(descriptor, str(value).encode())
    finally:
        os.close(descriptor)
