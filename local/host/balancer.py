"""The one HAProxy of a local cloud: started, reloaded without losing a connection, and asked who is healthy.

Its configuration is made in `haproxy.py`. A reload is HAProxy's own (master-worker, SIGUSR2): the new worker takes the
listening sockets over, the old one serves its connections to their end.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import logging
import math
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from local.host import authority, haproxy
from local.host.desired import Desired, Listener
from local.host.process import Process
from local.instance import Instance

logger = logging.getLogger(__name__)
RELOAD_DEADLINE_S = 10
CONNECTED_DEADLINE_S = 1
ANSWERS_LAST_S = 0.3  # many targets are asked about at once; one look at the statistics serves them all

NEVER = (-ANSWERS_LAST_S, [])


class BalancerError(Exception):
    """HAProxy refused its configuration or does not run. The text holds its own words."""


class Balancer:
    """`certificate_pem` gives the PEM text (chain and key) of an ACM certificate's ARN; KeyError when there is none."""

    def __init__(self, instance: Instance, certificate_pem: Callable[[str], str]) -> None:
        self.instance = instance
        self.certificate_pem = certificate_pem
        self.process = Process(instance, "haproxy")
        self.path = instance.run / "haproxy.cfg"
        self.asked: tuple[float, list[dict[str, str]]] = NEVER

    def converge(self, desired: Desired, vpc_ids: Iterable[str], connected: Collection[str]) -> None:
        """Runs HAProxy with what is desired, in namespaces that exist: of `vpc_ids`, and of the `connected` balancers."""
        certificates = self.certificates(desired)
        desired = servable(desired, certificates, connected)
        here = haproxy.Surroundings(
            id=self.instance.id,
            api_port=self.instance.api_port,
            packages_port=self.instance.packages_port,
            endpoint_certificate=authority.endpoint(self.instance),
            certificates=certificates,
            vpc_ids=tuple(vpc_ids),
        )
        text = haproxy.configuration(desired, here)
        running = self.process.pid()
        if running and self.node() == haproxy.node(text):
            return
        (self.instance.run / haproxy.STATE).write_text(haproxy.server_states(desired, self.up()))
        self.check(text)
        self.path.write_text(text)
        if running:
            self.reload(haproxy.node(text))
        else:
            self.process.start(["haproxy", "-W", "-db", "-C", str(self.instance.run), "-f", str(self.path)])
            self.await_worker(haproxy.node(text))
        self.asked = NEVER  # the former worker's answer
        for former in set(self.instance.run.glob("certificate-*.pem")) - set(certificates.values()):
            former.unlink()

    def reload(self, node: str) -> None:
        """New connections wait in the listening sockets, which the next worker inherits, until it runs.

        A worker that is told to stop closes its namespaces at once (HAProxy's src/namespace.c, netns_sig_stop): what it has
        accepted and not yet connected to a target would be lost.
        """
        limits = self.limits()
        try:
            for frontend in limits:
                self.ask(f"set maxconn frontend {frontend} 0")
            self.await_connected(limits)
            self.process.signal(signal.SIGUSR2)
            self.await_worker(node)
        except BaseException:
            with contextlib.suppress(OSError):  # it does not run: what is raised says so
                for frontend, limit in limits.items():
                    self.ask(f"set maxconn frontend {frontend} {limit}")
            raise

    def limits(self) -> dict[str, str]:
        """The load balancers' frontends, and how many connections each may have."""
        return {row["pxname"]: row["slim"] for row in self.recent() if row["svname"] == "FRONTEND" and ":" in row["pxname"]}

    def await_connected(self, frontends: Collection[str]) -> None:
        """Until each of their connections has its target; one that does not finish its handshake is not waited for."""
        deadline = time.monotonic() + CONNECTED_DEADLINE_S
        while time.monotonic() < deadline:
            accepted = connected = 0
            for row in self.rows():
                if row["svname"] == "FRONTEND" and row["pxname"] in frontends:
                    accepted += int(row["scur"])
                elif row["svname"] not in ("FRONTEND", "BACKEND") and row["pxname"].startswith("tg-"):
                    connected += int(row["scur"])
            if accepted <= connected:
                return
            time.sleep(0.01)

    def check(self, text: str) -> None:
        draft = self.path.with_suffix(".new")
        draft.write_text(text)
        command = ["haproxy", "-c", "-C", str(self.instance.run), "-f", str(draft)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        if done.returncode:
            raise BalancerError(f"HAProxy refuses its configuration {draft}:\n{done.stderr.strip()}")
        draft.unlink()

    def await_worker(self, node: str) -> None:
        deadline = time.monotonic() + RELOAD_DEADLINE_S
        while self.node() != node:
            if time.monotonic() > deadline or not self.process.pid():
                raise BalancerError(f"HAProxy does not run as {self.path} says:\n{self.process.last_words()}")
            time.sleep(0.02)

    def stop(self) -> None:
        self.process.stop()

    def certificates(self, desired: Desired) -> dict[str, Path]:
        """Every listener's certificate as a file named after its content, so that a renewed one is a new configuration."""
        files = {}
        for arn in sorted({arn for b in desired.load_balancers for i in b.listeners for arn in i.certificate_arns}):
            try:
                pem = self.certificate_pem(arn).encode()
            except KeyError:
                continue
            files[arn] = self.instance.run / f"certificate-{hashlib.sha256(pem).hexdigest()[:16]}.pem"
            if not files[arn].exists():
                authority.write_secret(files[arn], pem)
        return files

    def ask(self, command: str) -> str:
        """HAProxy's answer on its admin socket (management guide, 9.3); OSError when it does not run."""
        folder = os.open(self.instance.run, os.O_RDONLY)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            try:
                connection.connect(f"/proc/self/fd/{folder}/{haproxy.SOCKET}")  # short, however deep the folder is
            finally:
                os.close(folder)
            connection.sendall(command.encode() + b"\n")
            with connection.makefile() as answer:
                return answer.read()

    def node(self) -> str | None:
        """The hash of the configuration that the present worker runs."""
        try:
            lines = self.ask("show info").splitlines()
        except OSError:
            return None
        return next((line.partition(": ")[2] for line in lines if line.startswith("node: ")), None)

    def statuses(self) -> Mapping[tuple[str, str], str]:
        """(target group id, server name) → HAProxy's status."""
        return {(row["pxname"], row["svname"]): row["status"] for row in self.recent()}

    def unchanged_s(self) -> Mapping[tuple[str, str], int]:
        """(target group id, server name) → for how long it has been up or down."""
        return {(row["pxname"], row["svname"]): int(row["lastchg"]) for row in self.recent() if row["lastchg"]}

    def recent(self) -> list[dict[str, str]]:
        at, answer = self.asked
        if time.monotonic() - at > ANSWERS_LAST_S:
            try:
                answer = self.rows()
            except OSError:
                answer = []
            self.asked = time.monotonic(), answer
        return answer

    def rows(self) -> list[dict[str, str]]:
        """HAProxy's statistics of everything in its configuration (management guide, 9.1); OSError when it does not run."""
        return list(csv.DictReader(self.ask("show stat").removeprefix("# ").splitlines()))

    def end_drained(self, desired: Desired) -> None:
        """Ends the connections of targets that were unhealthy for their draining interval; to be called again and again."""
        limits = {group.id: group.draining_s for group in desired.target_groups if group.draining_s}
        for row in self.rows() if limits else ():
            drained = row["status"].startswith("DOWN") and int(row["lastchg"]) >= limits.get(row["pxname"], math.inf)
            if drained and int(row["scur"]):
                self.ask(f"shutdown sessions server {row['pxname']}/{row['svname']}")

    def up(self) -> set[tuple[str, str]]:
        self.asked = NEVER
        return {server for server, status in self.statuses().items() if status.startswith("UP")}


def servable(desired: Desired, certificates: Mapping[str, Path], connected: Collection[str]) -> Desired:
    """Without the listeners that cannot be served here; each is named in the log."""
    groups = {group.arn for group in desired.target_groups}
    taken: set[int] = set()

    def fits(listener: Listener) -> bool:
        lack = None
        if listener.protocol not in ("TCP", "TLS"):
            lack = f"only TCP and TLS listeners work locally, not {listener.protocol}"
        elif listener.target_group_arn not in groups:
            lack = f"its target group {listener.target_group_arn} does not exist"
        elif missing := [arn for arn in listener.certificate_arns if arn not in certificates]:
            lack = f"its certificate {missing[0]} has no key here: only imported and local ones have"
        elif listener.port in taken:
            lack = f"another load balancer has port {listener.port} of 127.0.0.1 already"
        if lack:
            logger.error("listener %s is not served: %s", listener.arn, lack)
        else:
            taken.add(listener.port)
        return not lack

    balancers = (
        replace(balancer, listeners=tuple(filter(fits, balancer.listeners)))
        for balancer in desired.load_balancers
        if balancer.id in connected
    )
    return replace(desired, load_balancers=tuple(balancers))
