"""EBS volumes: a sparse file each, on a loop device (loop(4)), so that a machine sees a real block device.

A volume is in use exactly while the kernel says so: a mounted device cannot be opened with O_EXCL, in whatever
mount namespace it is mounted. So nothing is recorded here, and nothing can be forgotten by a kill.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

from local.instance import Instance

LOOP_CTL_GET_FREE = 0x4C82  # linux/loop.h
LOOP_MAJOR = 7
GIB = 1 << 30
REMEDY = "Volumes need loop devices: modprobe loop; in a container: --privileged and /dev mounted from the computer."


class VolumeError(Exception):
    """A volume cannot be attached here. The text names the remedy."""


class VolumeBusyError(Exception):
    """A machine has the volume mounted: stop it, or unmount the volume there, before detaching (EC2: it stays `busy`)."""


def link_name(volume_id: str) -> str:
    """Its name under /dev/disk/by-id on an EC2 instance: `vol-0abc` is nvme-Amazon_Elastic_Block_Store_vol0abc."""
    return "nvme-Amazon_Elastic_Block_Store_" + volume_id.replace("-", "", 1)


def file_of(instance: Instance, volume_id: str) -> Path:
    return instance.home / "volumes" / f"{volume_id}.img"


def ensure(instance: Instance, volume_id: str, size_gib: int) -> Path:
    """The loop device of the volume; both are made when they are not there, and the file grows to a larger size."""
    file = file_of(instance, volume_id)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as image:
        grows = image.tell() < size_gib * GIB
        if grows:
            image.truncate(size_gib * GIB)
    device = device_of(instance, volume_id)
    if device and grows:
        _losetup("--set-capacity", str(device))
    return device or _attach(file)


def device_of(instance: Instance, volume_id: str) -> Path | None:
    """The loop device the volume is on now, if any."""
    return next((device for device, file in loops() if file == file_of(instance, volume_id)), None)


def loops() -> Iterator[tuple[Path, Path]]:
    """(device, file behind it) of every loop device in use on this computer; a file gone since is `… (deleted)`."""
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            file = Path(backing.read_text().rstrip("\n"))
        except OSError:  # released meanwhile
            continue
        yield Path("/dev", backing.parent.parent.name), file


def release(instance: Instance, volume_id: str) -> None:
    """Take the volume off its loop device; `VolumeBusyError` while it is mounted anywhere. The file stays."""
    if device := device_of(instance, volume_id):
        release_device(device)


def release_device(device: Path) -> None:
    try:
        os.close(os.open(device, os.O_RDONLY | os.O_EXCL))
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        raise VolumeBusyError(f"{device} is mounted in a machine: unmount it there or stop that machine.") from error
    _losetup("--detach", str(device))


def delete(instance: Instance, volume_id: str) -> None:
    """Release the volume and remove its file: the data is gone."""
    release(instance, volume_id)
    file_of(instance, volume_id).unlink(missing_ok=True)


def _attach(file: Path, attempts: int = 20) -> Path:
    for _ in range(attempts):
        device = _free_device()
        result = _losetup(str(device), str(file), check=False)
        if result.returncode == 0:
            return device
        if "busy" not in result.stderr.lower():  # another process took the free device first
            break
    raise VolumeError(f"{file} cannot be put on {device}: {result.stderr.strip()}. {REMEDY}")


def _free_device() -> Path:
    """A free loop device (LOOP_CTL_GET_FREE adds one when all are taken); its node is made where no devtmpfs does."""
    try:
        control = os.open("/dev/loop-control", os.O_RDWR)
        try:
            number = fcntl.ioctl(control, LOOP_CTL_GET_FREE)
        finally:
            os.close(control)
        device = Path(f"/dev/loop{number}")
        if not device.exists():
            os.mknod(device, stat.S_IFBLK | 0o660, os.makedev(LOOP_MAJOR, number))
    except OSError as error:
        raise VolumeError(f"This computer gives out no loop devices: {error}. {REMEDY}") from error
    return device


def _losetup(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(["losetup", *arguments], capture_output=True, text=True, timeout=30)
    if check and result.returncode:
        raise VolumeError(f"losetup {' '.join(arguments)}: {result.stderr.strip()}. {REMEDY}")
    return result
