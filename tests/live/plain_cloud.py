"""The network of a cloud without machines: plain servers where the program's instances would be."""

import contextlib
from dataclasses import replace

from local.host import leftovers
from local.host.namespaces import ip
from local.host.network import Network
from local.instance import Instance
from tests.live.plain_servers import Greeter, dial
from tests.unit.host.example import CLOUD

SERVERS = {"i-a": "10.20.1.10", "i-b": "10.20.1.11", "i-lb": "10.20.2.10"}


class Cloud:
    """CLOUD in the kernel: every server has its address, and a greeter on each port the tests knock at."""

    def __init__(self, home):
        self.instance = Instance.open(home)
        self.network = Network(self.instance)
        self.desired = CLOUD
        self.follow(CLOUD)
        for name, address in SERVERS.items():
            router = address.rpartition(".")[0] + ".1"
            ip(
                self.netns(name),
                "link set ens5 up",
                f"address add {address}/24 dev ens5",
                f"route add default via {router}",
            )
            for port in (22, 3306, 8444):
                Greeter(self.netns(name), port, name)

    def follow(self, desired):
        self.desired = desired
        self.network.converge_router(desired, desired.vpcs[0])
        for owner in sorted({interface.owner for interface in desired.interfaces}):
            self.network.attach(desired, owner)

    def netns(self, owner):
        return self.network.namespace(owner)

    def dial(self, source, destination, port):
        return dial(self.netns(source), SERVERS.get(destination, destination), port)

    def without_rules(self, group_id, **fields):
        """The desired state with the ingress rules of a group revoked that have these fields."""
        groups = tuple(
            replace(group, ingress=tuple(r for r in group.ingress if any(getattr(r, k) != v for k, v in fields.items())))
            if group.id == group_id
            else group
            for group in CLOUD.groups
        )
        return replace(CLOUD, groups=groups)


@contextlib.contextmanager
def made(home):
    """With nothing left of it afterwards."""
    cloud = Cloud(home)
    yield cloud
    leftovers.remove(cloud.instance)
    assert leftovers.find(cloud.instance) == []
