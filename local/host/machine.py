"""One machine: a Debian system that boots in a container of its own, like an EC2 instance.

`start` leaves a supervisor behind that outlives this process. It mounts the root (overlayfs: the image below, the machine's
own writes above) in a mount namespace of its own, so no mount shows on the computer or stays behind, and boots the machine,
again each time the machine asks for a reboot. Everything of it runs in its control group, which alone says whether it
runs: a new daemon finds its machines that way, without pid files.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import stat
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from local.api.host import CommandResult
from local.host import boot, inside, namespaces, volumes
from local.host.cgroup import Cgroup, entering
from local.host.namespaces import NetworkError
from local.instance import Instance

INTERFACE = "ens5"
POWEROFF = signal.SIGRTMIN + 4  # to PID 1: start poweroff.target (systemd(1), "Signals")
PROPAGATE = Path("/run/systemd/nspawn/propagate")  # nspawn leaves a folder of the machine's name here when it is killed


class MachineError(Exception):
    """A machine does not start. The text holds the end of its console."""


@dataclass(frozen=True, kw_only=True)
class MachineSpec:
    """What to boot. `netns` has the interface INTERFACE before start; `volumes`: (volume id, loop device) pairs."""

    instance_id: str
    name: str
    netns: str
    memory_mib: int
    image: Path
    volumes: tuple[tuple[str, Path], ...] = ()


class Machine:
    """The machine of an EC2 instance id. Its disk is `<home>/machines/<instance id>/upper` and stays until `delete`."""

    def __init__(self, instance: Instance, spec: MachineSpec):
        self.spec = spec
        self.home = instance.home / "machines" / spec.instance_id
        self.cgroup = Cgroup(instance.id, spec.instance_id)
        self.console = self.home / "console.log"

    def start(self, deadline_s: float = 30) -> None:
        """Boot it unless it runs; returns when its PID 1 exists (it is `online` some seconds later)."""
        if self.state() == "running":
            return
        self.cgroup.remove()  # a group that has seen a kill is not fit for use (kernel 6.18: what joins it dies)
        self._prepare()
        self.cgroup.create(self.spec.memory_mib)
        self.cgroup.delegate()
        groups = (self.cgroup.unified / "supervisor", *self.cgroup.folders[1:])
        groups[0].mkdir()
        with self.console.open("ab") as console:
            subprocess.run(
                entering(groups, "setsid", "--fork", *boot.SUPERVISOR),
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                timeout=deadline_s,
            )
        end = time.monotonic() + deadline_s
        while not self.leader_pid():
            if time.monotonic() > end or not self.cgroup.populated():
                self.cut()
                raise MachineError(f"{self.spec.name} does not start. {self._last_words()}")
            time.sleep(0.02)

    def poweroff(self, deadline_s: float = 30) -> None:
        """Shut it down as its power button would; at the deadline the power is cut. Its disk stays."""
        end = time.monotonic() + deadline_s
        asked = 0.0
        while self.cgroup.populated() and (now := time.monotonic()) < end:
            # Asked again now and then: a system that has only begun to boot does not hear it.
            if now > asked + 2 and (pid := self.leader_pid()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, POWEROFF)
                asked = now
            time.sleep(0.02)
        self.cut()

    def cut(self) -> None:
        """Cut the power: everything of it ends at once, and no packet says goodbye. Its disk stays."""
        with contextlib.suppress(NetworkError):  # its namespace is gone already
            namespaces.ip(self.spec.netns, f"link set {INTERFACE} down")  # until its system boots again
        self.cgroup.kill()
        with contextlib.suppress(NetworkError):
            # The kernel keeps the connections of who was killed and would end them politely once the link is up again.
            namespaces.command(["nsenter", f"--net={namespaces.FOLDER / self.spec.netns}", "ss", "--kill", "--all", "--tcp"])
        self.cgroup.remove()
        with contextlib.suppress(FileNotFoundError):
            (PROPAGATE / self.spec.name).rmdir()

    def delete(self) -> None:
        """Cut the power and remove its disk; its volumes are not its own and stay."""
        self.cut()
        if self.home.exists():
            shutil.rmtree(self.home)

    def state(self) -> str:
        """ "running" (booting and shutting down included) or "stopped"."""
        return "running" if self.cgroup.populated() else "stopped"

    def leader_pid(self) -> int | None:
        """The machine's PID 1 as this computer numbers it; None while there is none (stopped, or between two boots)."""
        for group in ("payload/init.scope", "payload"):
            with contextlib.suppress(OSError):
                for pid in (self._guest / group / "cgroup.procs").read_text().split():
                    if re.search(r"^NSpid:.*\t1$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE):
                        return int(pid)
        return None

    def online(self) -> bool:
        """Would its SSM agent answer? The network is up, and the system is neither still booting nor going down."""
        run = Path(f"/proc/{self.leader_pid()}/root/run")
        try:
            network = (run / "systemd/netif/state").read_text()
            return "ONLINE_STATE=online" in network and not (run / "nologin").exists()
        except OSError:
            return False

    def run(self, script: str, timeout_s: float) -> CommandResult:
        """Run `sh -c script` in it as root and wait for it, see `inside.run`; OSError when it is down or goes down."""
        return inside.run(self._leader(), script, timeout_s)

    def entering(self, *command: str) -> list[str]:
        """The command line that runs a command in it as root, for a shell: `entering("bash", "-l")`. OSError: it is down."""
        return inside.entering(self._leader(), *command)

    def attach(self, volume_id: str, device: Path) -> None:
        """Show a volume's block device in the machine, running or not, at the path that EC2 gives it."""
        self._disks.mkdir(parents=True, exist_ok=True)
        node = self._disks / volumes.link_name(volume_id)
        number = os.stat(device).st_rdev
        if node.exists() and os.stat(node).st_rdev == number:
            return
        node.unlink(missing_ok=True)
        os.mknod(node, stat.S_IFBLK | 0o600, number)

    def detach(self, volume_id: str) -> None:
        """The opposite. Whether it may go is the volume's to say: call `volumes.release` first."""
        (self._disks / volumes.link_name(volume_id)).unlink(missing_ok=True)

    @property
    def _guest(self) -> Path:
        return self.cgroup.unified / "guest"  # nspawn adds `payload` for the system inside, `supervisor` for itself

    @property
    def _disks(self) -> Path:
        return self.home / "disk" / "by-id"  # seen inside as /dev/disk/by-id

    def _leader(self) -> int:
        if leader := self.leader_pid():
            return leader
        raise OSError(f"{self.spec.name} is not running")

    def _prepare(self) -> None:
        """The folder with everything the supervisor reads."""
        for name in ("upper", "work", "root"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        image = self.home / "image"
        if not image.is_symlink():  # a machine keeps the image it was made from: its own layer fits no other
            image.symlink_to(self.spec.image)
        if not image.exists():
            raise MachineError(
                f"The image {image.readlink()} that {self.spec.name} was made from is gone from the cache: "
                "replace the server (terminate its instance), its data volumes stay."
            )
        shutil.rmtree(self.home / "disk", ignore_errors=True)  # loop devices have other numbers after a reboot
        self._disks.mkdir(parents=True)
        for volume_id, device in self.spec.volumes:
            self.attach(volume_id, device)
        (self.home / "boot").write_text(boot.script(self.spec.name, self.spec.netns, self._guest))

    def _last_words(self) -> str:
        text = self.console.read_text(errors="replace") if self.console.exists() else ""
        return f"The end of its console, {self.console}:\n" + "\n".join(text.splitlines()[-8:])


def found(instance: Instance, instance_id: str) -> Machine:
    """The machine of an instance that is there already: to enter, to watch or to cut it, not to start it."""
    name = f"{instance.id}-{instance_id}"
    return Machine(instance, MachineSpec(instance_id=instance_id, name=name, netns=name, memory_mib=0, image=Path()))


def existing(instance: Instance) -> list[str]:
    """The instance ids of all machines that have a disk on this computer."""
    folder = instance.home / "machines"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []
