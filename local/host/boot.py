"""How a machine is booted: the text of the scripts that its supervisor runs. Pure: nothing is started here.

Paths are relative to the machine's folder, so that no character in them can end an option of mount(8) or systemd-nspawn(1).
"""

from __future__ import annotations

import shlex
from pathlib import Path

REBOOT = 133  # nspawn's exit status when the machine wants to boot again

# Runs in a mount namespace of its own: the root and the disks are mounted for the machine alone, and go with it.
# `disk` is remounted because a home on a `nodev` filesystem would make the volumes unreadable.
SUPERVISE = f"""
mount -t overlay overlay -o lowerdir=image,upperdir=upper,workdir=work root || exit
mount --bind disk disk && mount -o remount,bind,dev disk || exit
while sh boot; [ $? = {REBOOT} ]; do :; done
"""
SUPERVISOR = ("unshare", "--mount", "--propagation", "slave", "sh", "-c", SUPERVISE)

# nspawn makes groups below the one it starts in, and needs that one empty: those of the last boot are in the way.
BOOT = """\
find {group} -depth -type d -exec rmdir {{}} + 2>/dev/null
mkdir {group} && echo $$ > {group}/cgroup.procs || exit
exec {command}
"""


def script(name: str, netns: str, group: Path) -> str:
    """One boot, from power-on to power-off: in the control group `group` and the network namespace `netns`."""
    return BOOT.format(group=shlex.quote(str(group)), command=shlex.join(command(name, netns)))


def command(name: str, netns: str) -> list[str]:
    return [
        *("nsenter", f"--net=/run/netns/{netns}", "--", "env"),
        "SYSTEMD_NSPAWN_API_VFS_WRITABLE=network",  # /proc/sys/net is the machine's own
        "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1",  # cgroup v2 inside, whatever this computer has
        "SYSTEMD_NSPAWN_LOCK=0",  # its control group is the lock
        *("systemd-nspawn", "--quiet", "--boot", "--directory=root", f"--machine={name}", "--console=read-only"),
        # No systemd on this computer is told of it: there may be none.
        *("--register=no", "--keep-unit", "--link-journal=no", "--resolv-conf=off", "--timezone=off"),
        # Its network is its own; device nodes of its own making would reach this computer's disks.
        *("--capability=CAP_NET_ADMIN", "--drop-capability=CAP_MKNOD"),
        "--system-call-filter=@memlock",  # a program may lock its secrets in memory, up to its limit
        "--bind=./disk:/dev/disk",  # volumes come and go in this folder
    ]
