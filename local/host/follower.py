"""The host of the machines: one loop that reads what the AWS API wants and makes it so, again and again.

Network, firewall, load balancer, machines, in this order: a machine starts only when its firewall is in force. What
fails is logged with its name and tried again at the next turn; nothing stops the loop.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from local.api.host import CommandResult, TargetHealth
from local.host import authority, leftovers, machine, metadata, reader, vendor
from local.host.balancer import Balancer
from local.host.desired import Desired, Vpc
from local.host.network import Network, vpcs_in_use
from local.host.packages import PackageProxy
from local.host.process import Process
from local.host.steps import Machines
from local.host.targets import Targets
from local.instance import Instance

logger = logging.getLogger(__name__)
TURN_S = 2  # between two looks at the machines when nobody says that something changed


class MachineHost:
    """Implements `local.api.host.Host`."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.network = Network(instance)
        self.packages = PackageProxy(instance)
        self.balancer = Balancer(instance, imported_certificate)
        self.targets = Targets(self.balancer.statuses, self.balancer.unchanged_s)
        self.machines = Machines(instance, self.network, self.attempt, self.changed)
        self.metadata: metadata.Metadata | None = None
        self.api: reader.Api | None = None
        self.desired = Desired()
        self.vpcs: set[str] = set()  # whose routers are in force
        self.connected: set[str] = set()  # owners whose interfaces are plugged in there
        self.helpers: tuple[Process, ...] = ()
        self.failed: set[str] = set()
        self.woken = threading.Event()
        self.ending = threading.Event()
        self.loop = threading.Thread(target=self.follow, name="follower", daemon=True)

    # -- Host: asked by the API ---------------------------------------------------------------------------------------

    def changed(self) -> None:
        self.woken.set()

    def instance_state(self, instance_id: str, desired: str) -> str:
        return self.machines.state(instance_id, desired)

    def target_health(self, target_group_arn: str, target_id: str, port: int) -> TargetHealth:
        return self.targets.health(target_group_arn, target_id, port)

    def online(self, instance_id: str) -> bool:
        return self.machines.get(instance_id).online()

    def run(self, instance_id: str, script: str, timeout_s: float) -> CommandResult:
        return self.machines.get(instance_id).run(script, timeout_s)

    # -- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begins to follow the API, which must answer by now. Machines that run already are taken over."""
        self.api = reader.Api(self.instance)
        self.machines.ec2 = self.api.ec2
        vendor_text = vendor.vendor_data(authority.certificate(self.instance))
        facts = metadata.ApiFacts(self.api.ec2, self.api.sts, vendor_text)
        self.metadata = metadata.Metadata(lambda: self.desired, facts)
        self.loop.start()

    def stop(self, machines: bool = True) -> None:
        """Ends the loop. With `machines` also everything it ever started; the disks and volumes stay."""
        self.ending.set()
        self.woken.set()
        if self.loop.is_alive():
            self.loop.join()
        for vpc_id in set(self.metadata.servers) if self.metadata else ():
            self.metadata.stop(vpc_id)
        if machines:
            self.machines.power_off_all()
            self.balancer.stop()
            self.packages.stop()
            self.network.remove()
            leftovers.remove(self.instance)

    def follow(self) -> None:
        while not self.ending.is_set():
            self.woken.clear()
            began = time.monotonic()
            self.attempt("what the API wants", self.turn)
            # In a burst of changes a third of the time goes into reading: the API answers from this process too.
            self.ending.wait(min(2 * (time.monotonic() - began), 1))
            self.rest()

    def rest(self) -> None:
        """Until the API changed, a machine or helper process ended, or a failure is to be tried again."""
        while not self.woken.wait(TURN_S):
            self.attempt("connections of unhealthy targets", self.balancer.end_drained, self.desired)
            if self.failed or self.machines.one_ended_by_itself() or self.one_helper_died():
                return

    def attempt(self, what: str, act: Callable, *arguments) -> bool:
        """Whether it went well. A reason is logged once, not at every turn."""
        try:
            act(*arguments)
        except Exception as error:
            if what not in self.failed:
                logger.error("%s: %s", what, error, exc_info=logger.isEnabledFor(logging.DEBUG))
            self.failed.add(what)
            return False
        self.failed.discard(what)
        return True

    # -- one turn -----------------------------------------------------------------------------------------------------

    def turn(self) -> None:
        before, self.desired = self.desired, reader.read(self.api)
        self.targets.follow(self.desired)
        if self.desired != before or self.failed or self.one_helper_died():
            self.attempt("package proxy", self.packages.start)
            self.converge_network(self.desired)
        # At every turn: a certificate may have been imported anew, which the desired state does not show.
        self.attempt("load balancers", self.balancer.converge, self.desired, sorted(self.vpcs), self.connected)
        self.machines.converge(self.desired, self.connected)
        self.attempt("former networks", self.remove_unwanted)

    def one_helper_died(self) -> bool:
        return not all(process.pid() for process in self.helpers)

    def converge_network(self, desired: Desired) -> None:
        self.vpcs = {vpc.id for vpc in vpcs_in_use(desired) if self.attempt(f"network of {vpc.id}", self.serve_vpc, vpc)}
        owners = sorted({interface.owner for interface in desired.interfaces if interface.vpc_id in self.vpcs})
        self.connected = {
            owner for owner in owners if self.attempt(f"interfaces of {owner}", self.network.attach, desired, owner)
        }
        names = [self.network.dns_process(vpc_id) for vpc_id in sorted(self.vpcs)]
        self.helpers = (self.packages.process, self.balancer.process, *names)

    def remove_unwanted(self) -> None:
        """After HAProxy has left them: the namespaces of load balancers and VPCs that are gone."""
        for vpc_id in set(self.metadata.servers) - self.vpcs:
            self.metadata.stop(vpc_id)
        self.network.remove_unwanted(self.desired, set(machine.existing(self.instance)))

    def serve_vpc(self, vpc: Vpc) -> None:
        self.network.converge_router(self.desired, vpc)
        self.metadata.serve(vpc.id, self.network.namespace(vpc.id))


def imported_certificate(arn: str) -> str:
    from local.api.certificates import imported_pem  # moto takes two seconds to import; the API has done it by now

    return imported_pem(arn)
