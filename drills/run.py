"""One run of one drill, from a site that is well to a site that is well. The fault is undone whatever happens, also on Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pymysql
from botocore.exceptions import BotoCoreError, ClientError

from drills import figures, salvage
from drills.catalogue.drill import Drill
from drills.detections import detections
from drills.faults import FaultFailed, wait
from drills.figures import Figures, Span
from drills.heal import heal
from drills.records import Event, Request, Sample, load
from drills.site import NotWell, Server, Site
from local.host.namespaces import NetworkError
from local.instance import CHECKOUT

READY_S = 180  # until the site is well before a drill
WARM_UP_S = 14  # of it schedule.RAMP_S with a growing load
MEASURED_S = 15  # after the fault, at least
COOL_DOWN_S = 3
BEGUN_S = 30  # until those who measure have begun
DRAIN_S = 30  # for the client's last requests
TROUBLES = (FaultFailed, NotWell, NetworkError, OSError, pymysql.MySQLError, BotoCoreError, ClientError)
UNASKED_S = 3  # a database that hangs is asked once a second or two
CALM_S = 0.5  # what reads may take before the fault; more, and the computer is too busy to measure anything


class Unmeasured(Exception):
    """Who was to measure failed, of no fault of the site's: its records may lack something."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """`troubles`: why the run may say nothing, or did not end well. `broken`: they, and the expectations that did not hold, as
    sentences. `recovered`: the site was well again in time. The records lie in `folder`."""

    drill: Drill
    number: int
    server: str
    span: Span
    figures: Figures
    events: tuple[Event, ...]
    troubles: tuple[str, ...]
    recovered: bool
    folder: Path = field(repr=False)

    @property
    def broken(self) -> tuple[str, ...]:
        return (*self.troubles, *figures.broken(self.figures, self.drill.at_most, self.drill.exactly, self.drill.at_least))

    def requests(self) -> list[Request]:
        return load(self.folder / "requests", Request)

    def samples(self) -> list[Sample]:
        return load(self.folder / "samples", Sample)


def conduct(site: Site, drill: Drill, number: int, folder: Path, say: Callable[[str], None]) -> Run:
    """Raises NotWell when the site is not well before; when it is not afterwards, that is a broken expectation."""
    folder.mkdir(parents=True)
    say("waits until the site is well")
    site.wait_until_well(READY_S)
    say("waits for the pause after the last failover")
    site.wait_for_pause()
    drill = drill.where_commits_wait() if site.commits_wait() else drill
    server = site.named(drill.fault.server)
    prefix = f"drill {drill.name} {number} {int(time.time())} "
    course, recovered, troubles = Course(), False, []
    try:
        with recording(site, prefix, folder):
            recovered = live_through(site, drill, server, course, troubles, say)
    except Unmeasured as trouble:
        troubles.append(str(trouble))
    say("looks for every acknowledged write")
    requests, samples = load(folder / "requests", Request), load(folder / "samples", Sample)
    span = course.span(drill, last=max(request.due for request in requests))
    found, saved = site.notes(prefix), salvage.notes(site, prefix)
    result = figures.compute(requests, samples, span, faulty=server.name, found=found, saved=saved)
    return Run(
        drill=drill,
        number=number,
        server=server.name,
        span=span,
        figures=result,
        events=(
            *course.events(drill, result.recovered_s if recovered else None),
            *detections(requests, samples, server.name, span.fault),
        ),
        troubles=(*disturbed(result), *troubles),
        recovered=recovered,
        folder=folder,
    )


def live_through(
    site: Site, drill: Drill, server: Server, course: Course, troubles: list[str], say: Callable[[str], None]
) -> bool:
    """From calm to calm, noted in `course` and `troubles`; whether the site was well again in time."""
    say("warms up")
    time.sleep(WARM_UP_S)
    say(f"{drill.title} ({server.name})")
    course.calm = time.monotonic()
    try:
        suffer(site, drill, server, course)
    except TROUBLES as trouble:
        troubles.append(f"{type(trouble).__name__}: {trouble}")
        heal(site)
    say("recovers")
    try:
        site.wait_until_well(drill.recover_s)
    except NotWell as trouble:
        troubles.append(str(trouble))
        return False
    finally:
        time.sleep(max(COOL_DOWN_S, course.began + MEASURED_S - time.monotonic()))
    return True


@dataclass
class Course:
    """When what happened: until when all was calm, when the fault began, when its undoing began."""

    calm: float = 0.0
    began: float = 0.0
    ended: float = 0.0

    def span(self, drill: Drill, last: float) -> Span:
        return Span(calm=self.calm, fault=self.began, end=self.ended if drill.lasts_s else self.began, last=last)

    def events(self, drill: Drill, recovered_s: float | None) -> Iterator[Event]:
        """`recovered_s` None: it was not."""
        yield Event(at=self.began, kind="fault", text=drill.title)
        if drill.lasts_s:
            yield Event(at=self.ended, kind="end", text=drill.fault.undone)
        if recovered_s:
            since = self.ended if drill.lasts_s else self.began
            yield Event(at=since + recovered_s, kind="recovered", text="all is well")


def disturbed(result: Figures) -> list[str]:
    """Why the run says nothing, if so."""
    reasons = []
    if result.calm_read_p99_s > CALM_S:
        slow = f"before the fault reads took {result.calm_read_p99_s:.1f} s already"
        reasons.append(f"{slow}: this computer was busy, the run says nothing")
    if result.unasked_s > UNASKED_S:
        reasons.append(f"nobody asked a database for {result.unasked_s:.1f} s whether it accepts writes: two may have done so")
    return reasons


def suffer(site: Site, drill: Drill, server: Server, course: Course) -> None:
    """What is given, then the fault for as long as it lasts; undone whatever happens. Raises FaultFailed."""
    try:
        with drill.given.holds(site):
            course.began = time.monotonic()
            drill.fault.begin(site, server)
        time.sleep(drill.lasts_s)
        drill.fault.confirm(site, server)
    finally:
        course.ended = time.monotonic()
        course.began = course.began or course.ended
        with uninterrupted():
            drill.fault.end(site, server)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """A second Ctrl-C must not leave a fault behind."""
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


@contextlib.contextmanager
def recording(site: Site, prefix: str, folder: Path) -> Iterator[None]:
    """The client and the poller measure meanwhile; their records are whole afterwards."""
    door = site.door
    client = {"host": door.host, "port": door.port, "certificate": door.certificate, "seed": 1, "prefix": prefix}
    poller = {"home": str(site.instance.home), "outputs": {name: site.outputs[name] for name in ("url", "certificate")}}
    with (
        measuring("drills.poller", poller | {"out": str(folder / "samples")}, folder),
        measuring("drills.client", client | {"out": str(folder / "requests")}, folder),
    ):
        yield


@contextlib.contextmanager
def measuring(module: str, wanted: Mapping[str, object], folder: Path) -> Iterator[None]:
    """A process that measures until its input ends; yields when it has begun to.

    In a session of its own, so that Ctrl-C is ours alone to handle.
    """
    with (folder / f"{module}.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    try:
        process.stdin.write(json.dumps(wanted) + "\n")
        process.stdin.flush()
        wait(lambda: measures(process, wanted["out"]), BEGUN_S, f"{module} to begin")
        yield
        process.stdin.close()
        if process.wait(timeout=DRAIN_S):
            raise Unmeasured(f"{module} failed:\n{(folder / f'{module}.log').read_text()[-2000:]}")
    finally:
        process.kill()
        process.wait()


def measures(process: subprocess.Popen, out: str) -> bool:
    """Its file is there, or there will be none."""
    return Path(out).exists() or process.poll() is not None
