"""The machines behind EC2 instances: each is brought one step nearer to what the API wants, by a worker of its own.

Steps take long (a boot, a shutdown), so they run side by side, one at a time for a machine; `due` decides which.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from local.host import images, machine, volumes
from local.host.desired import Desired, Server, Volume
from local.host.machine import Machine, MachineSpec
from local.host.network import Network
from local.instance import Instance

logger = logging.getLogger(__name__)
POWEROFF_S = 120  # what a server may take to shut down when the API stops it; its services may hand over first
STOP_S = 30  # and when the whole cloud stops
BEGUN_S = 10  # for steps already begun then: a boot takes one; an image being built is not waited for


def due(wanted: str, *, on: bool, seen_running: bool, has_disk: bool, connected: bool, volumes_match: bool) -> str | None:
    """The step a machine needs next, or None. `wanted` is running, stopped or terminated; unknown to the API: terminated.

    A machine that was seen running and is off shut itself down: the API is told, and wants it stopped from then on.
    Until the API says so, nothing is booted again.
    """
    if wanted == "running":
        if on:
            return None if volumes_match else "match_volumes"
        return "boot" if connected and not seen_running else None
    if wanted == "stopped":
        return "power_off" if on else "report_shutdown" if seen_running else None
    return "terminate" if on or has_disk else None


class Machines:
    """`attempt(what, act, *arguments)` runs a step, logs a failure and says whether it went well; `ended` is called after."""

    def __init__(self, instance: Instance, network: Network, attempt: Callable[..., bool], ended: Callable[[], None]):
        self.instance = instance
        self.network = network
        self.attempt = attempt
        self.ended = ended
        self.desired = Desired()
        self.known: dict[str, Machine] = {}
        self.workers = ThreadPoolExecutor(max_workers=16, thread_name_prefix="machine")
        self.steps: dict[str, Future] = {}
        self.seen_running: set[str] = set()  # by this daemon, since it was last booted
        self.attached: dict[str, set[Volume]] = {}
        self.deleted: set[str] = set()  # volumes whose files are still to be removed
        self.ec2 = None

    def converge(self, desired: Desired, connected: set[str]) -> None:
        """Begins every step that is due. `connected` instances have their interface, and so their firewall, in force."""
        # A volume's file goes only when its deletion was seen: an API that lost its memory deletes no data.
        self.deleted |= {volume.id for volume in self.desired.volumes} - {volume.id for volume in desired.volumes}
        self.desired = desired
        servers = {server.id: server for server in desired.servers}
        for instance_id in sorted(servers.keys() | set(machine.existing(self.instance))):
            self.attempt(f"machine {instance_id}", self.begin, instance_id, servers.get(instance_id), connected)
        for volume_id in sorted(self.deleted):
            if self.attempt(f"deletion of {volume_id}", volumes.delete, self.instance, volume_id):
                self.deleted.discard(volume_id)

    def begin(self, instance_id: str, server: Server | None, connected: set[str]) -> None:
        if self.busy(instance_id):
            return
        on = self.is_on(instance_id)
        wanted = server.wanted if server else "terminated"
        held = self.attached.setdefault(instance_id, self.shown_in(instance_id)) if on else set()
        step = due(
            wanted,
            on=on,
            seen_running=instance_id in self.seen_running,
            has_disk=self.get(instance_id).home.exists(),
            connected=instance_id in connected,
            volumes_match=server is not None and held == self.volumes_of(server),
        )
        if on:
            (self.seen_running.add if wanted == "running" else self.seen_running.discard)(instance_id)
        if step == "terminate":
            self.step(instance_id, self.terminate, instance_id)
        elif step:
            self.step(instance_id, getattr(self, step), server)

    def step(self, instance_id: str, act: Callable, *arguments) -> None:
        """Lets the machine's worker do it; the loop looks again at once when it went well, else after a rest."""
        future = self.workers.submit(self.attempt, f"step of {instance_id}", act, *arguments)
        self.steps[instance_id] = future
        future.add_done_callback(lambda done: self.ended() if done.result() else None)

    # -- what is ------------------------------------------------------------------------------------------------------

    def get(self, instance_id: str) -> Machine:
        if instance_id not in self.known:
            self.known[instance_id] = Machine(self.instance, self.spec(instance_id))
        return self.known[instance_id]

    def spec(self, instance_id: str, memory_mib: int = 1024, **disks) -> MachineSpec:
        name = self.network.namespace(instance_id)
        image = self.instance.cache / "images" / images.key()
        return MachineSpec(instance_id=instance_id, name=name, netns=name, memory_mib=memory_mib, image=image, **disks)

    def is_on(self, instance_id: str) -> bool:
        return self.get(instance_id).state() == "running"

    def busy(self, instance_id: str) -> bool:
        return instance_id in self.steps and not self.steps[instance_id].done()

    def one_ended_by_itself(self) -> bool:
        return not all(map(self.is_on, self.seen_running.copy()))

    def state(self, instance_id: str, desired: str) -> str:
        """EC2's name for what is (`Host.instance_state`)."""
        on, busy = self.is_on(instance_id), self.busy(instance_id)
        if desired == "running":
            return "running" if on else "stopped" if instance_id in self.seen_running else "pending"
        if desired == "stopped":
            return "stopping" if on or busy else "stopped"
        return "shutting-down" if on or busy or self.get(instance_id).home.exists() else "terminated"

    def volumes_of(self, server: Server) -> set[Volume]:
        return {volume for volume in self.desired.volumes if volume.id in server.volumes}

    def shown_in(self, instance_id: str) -> set[Volume]:
        """The volumes that a machine started by an earlier daemon has."""
        names = {path.name for path in (self.get(instance_id).home / "disk" / "by-id").glob("*")}
        return {volume for volume in self.desired.volumes if volumes.link_name(volume.id) in names}

    # -- steps --------------------------------------------------------------------------------------------------------

    def boot(self, server: Server) -> None:
        images.ensure(self.instance, logger.info)
        wanted = sorted(self.volumes_of(server), key=lambda volume: volume.id)
        disks = tuple((volume.id, self.device(volume, server.id)) for volume in wanted)
        Machine(self.instance, self.spec(server.id, server.memory_mib, volumes=disks)).start()
        self.attached[server.id] = set(wanted)
        self.seen_running.add(server.id)

    def power_off(self, server: Server) -> None:
        self.get(server.id).poweroff(POWEROFF_S)
        self.release(server.id)

    def terminate(self, instance_id: str) -> None:
        self.get(instance_id).poweroff(POWEROFF_S)
        self.get(instance_id).delete()
        self.seen_running.discard(instance_id)
        self.network.detach(instance_id)
        self.release(instance_id)

    def report_shutdown(self, server: Server) -> None:
        """As EC2 does when a server shuts itself down (RunInstances, InstanceInitiatedShutdownBehavior)."""
        if server.terminate_on_shutdown:
            self.ec2.terminate_instances(InstanceIds=[server.id])
        else:
            self.ec2.stop_instances(InstanceIds=[server.id])
        self.seen_running.discard(server.id)
        self.release(server.id)

    def match_volumes(self, server: Server) -> None:
        """Attaches and detaches while the machine runs. One that is mounted stays (EC2: busy) and is tried again."""
        wanted, here = self.volumes_of(server), self.get(server.id)
        for volume in wanted:
            here.attach(volume.id, self.device(volume, server.id))
        for volume in self.attached[server.id] - wanted:
            if volume.id not in server.volumes:
                volumes.release(self.instance, volume.id)
                here.detach(volume.id)
        self.attached[server.id] = wanted

    def device(self, volume: Volume, instance_id: str) -> Path:
        """The volume's block device for a machine. One that was detached but is still mounted is not given away."""
        for other, held in self.attached.items():
            if other != instance_id and any(volume.id == one.id for one in held):
                raise volumes.VolumeBusyError(f"{volume.id} is still in use by {other}: unmount it there")
        return volumes.ensure(self.instance, volume.id, volume.size_gib)

    def release(self, instance_id: str) -> None:
        for volume in self.attached.pop(instance_id, set()):
            volumes.release(self.instance, volume.id)

    def power_off_all(self) -> None:
        """Every machine with a disk, side by side, also those the API knows nothing of."""
        wait(self.steps.values(), timeout=BEGUN_S)
        found = [self.get(instance_id) for instance_id in machine.existing(self.instance)]
        wait([self.workers.submit(one.poweroff, STOP_S) for one in found])
        self.workers.shutdown(wait=False, cancel_futures=True)
