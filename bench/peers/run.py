"""One run of one drill on the peer: the same load, faults and figures as `drills.run`, and when a new primary was there."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from drills import figures
from drills.catalogue import Drill
from drills.faults import Fault
from drills.faults.power import PowerCut
from drills.faults.processes import Kill
from drills.figures import Figures
from drills.poller import NODE_S, Node, Poller
from drills.records import Request, Sample, load
from drills.run import COOL_DOWN_S, MEASURED_S, WARM_UP_S, Course, disturbed, measuring, suffer
from drills.server import Server
from drills.site import PRIMARY, NotWell
from local.host import namespaces

from .group import Group

ROUTER_LOG = "var/lib/mysqlrouter/log/mysqlrouter.log"
WELL_S = 180  # until all three members are in the group again and the front reaches the primary


@dataclass(frozen=True, kw_only=True)
class SetAsPrimary(Fault):
    """A planned switchover: the group is told which member is to be its primary."""

    def begin(self, group: Group, server: Server) -> None:
        heir = next(other for other in group.databases if other not in (server, group.front))
        [(uuid,)] = heir.query("SELECT @@server_uuid")
        heir.query(f"SELECT group_replication_set_as_primary('{uuid}')", timeout_s=60)


DRILLS = {
    drill.name: drill
    for drill in (
        Drill(
            name="primary-power-cut",
            title="The power of the primary's server is cut; 30 s later it returns.",
            fault=PowerCut(server=PRIMARY),
            at_most={},
            lasts_s=30,
        ),
        Drill(
            name="primary-mysqld-kill",
            title="mysqld of the primary is killed; systemd starts it again.",
            fault=Kill(server=PRIMARY, unit="mysql"),
            at_most={},
            lasts_s=0,
        ),
        Drill(
            name="switchover",
            title="The other member is set as primary.",
            fault=SetAsPrimary(server=PRIMARY),
            at_most={},
            lasts_s=0,
        ),
    )
}


@dataclass(frozen=True, kw_only=True)
class Run:
    """`new_primary_s`: from the fault until another node was writable; None: there was none. `trouble`: what did not
    become whole again, or why the run says nothing."""

    settings: str
    drill: str
    number: int
    new_primary_s: float | None
    figures: Figures
    trouble: tuple[str, ...]

    def record(self) -> dict[str, object]:
        """As results.json holds it."""
        rounded = {name: round(value, 3) for name, value in asdict(self.figures).items()}
        head = {"settings": self.settings, "drill": self.drill, "run": self.number, "new_primary_s": self.new_primary_s}
        return head | rounded | {"trouble": list(self.trouble)}


def conduct(group: Group, settings: str, drill: Drill, number: int, folder: Path, say: Callable[[str], None]) -> Run:
    """Raises drills.site.NotWell when the group is not whole before it."""
    folder.mkdir(parents=True)
    trouble = []
    say("waits until the group is whole")
    group.wait_until_well(WELL_S)
    server = group.named(drill.fault.server)
    prefix = f"peer {drill.name} {number} {int(time.time())} "
    with recording(group, prefix, folder):
        say("warms up")
        time.sleep(WARM_UP_S)
        say(f"{drill.title} ({server.name})")
        course = Course(calm=time.monotonic())
        suffer(group, drill, server, course)
        say("recovers")
        try:
            group.wait_until_well(WELL_S)
        except NotWell as reason:
            trouble.append(str(reason))
        time.sleep(max(COOL_DOWN_S, course.began + MEASURED_S - time.monotonic()))
    shutil.copy(group.front.root / ROUTER_LOG, folder / "router.log")  # since the beginning: it tells when Router knew of what
    say("looks for every acknowledged write")
    requests, samples = load(folder / "requests", Request), load(folder / "samples", Sample)
    span = course.span(drill, last=max(request.due for request in requests))
    result = figures.compute(requests, samples, span, faulty=server.name, found=group.notes(prefix), saved=())
    return Run(
        settings=settings,
        drill=drill.name,
        number=number,
        new_primary_s=new_primary(samples, span.fault, server.name),
        figures=result,
        trouble=(*trouble, *disturbed(result)),
    )


def new_primary(samples: Iterable[Sample], fault: float, former: str) -> float | None:
    at = min((s.at for s in samples if s.answer == "writable" and s.server != former and s.at > fault), default=None)
    return None if at is None else round(at - fault, 3)


@contextlib.contextmanager
def recording(group: Group, prefix: str, folder: Path) -> Iterator[None]:
    """The drills' client asks the front, from inside its network, and every member is asked whether it is writable."""
    door = group.door
    wanted = {"host": door.host, "port": door.port, "certificate": door.certificate, "seed": 1, "prefix": prefix}
    client = measuring("drills.client", wanted | {"out": str(folder / "requests")}, folder)
    with (folder / "samples").open("w") as out, contextlib.ExitStack() as stack:
        poller = Poller(out)
        threads = [poller.every(NODE_S, Node(poller, group, server.name).ask_mysql) for server in group.databases]
        try:
            namespaces.inside(group.front.netns, lambda: stack.enter_context(client))  # a child lives where it was started
            yield
            stack.close()
        finally:
            poller.ended.set()
            for thread in threads:
                thread.join(timeout=5)
