"""Asks every node, from inside, whether its MySQL is writable, every 50 ms, which role it has, every 200 ms, and who holds the
lease, every 250 ms; and the front door whom it takes for healthy, every 500 ms.

A process of its own: `python -m drills.poller`, input and output as the client's.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import pymysql
from botocore.exceptions import BotoCoreError, ClientError

from drills.records import Sample, line
from drills.site import Site
from local.instance import Instance

NODE_S = 0.05
ROLE_S = 0.2
LEASE_S = 0.25
DOOR_S = 0.5
REPLACED_S = 3  # until a server that was replaced is asked


class Poller:
    def __init__(self, out: TextIO) -> None:
        self.out, self.lock, self.ended = out, threading.Lock(), threading.Event()
        self.faults: list[Exception] = []

    def every(self, period_s: float, question: Callable[[], None]) -> threading.Thread:
        """Asks on a beat of its own; a question that hangs makes its own next ones late, nobody else's."""

        def run() -> None:
            due = time.monotonic()
            while not self.ended.wait(max(0, due - time.monotonic())):
                try:
                    question()
                except Exception as fault:  # ours: whoever is not asked must not pass for one that did not answer
                    self.faults.append(fault)
                due = max(due + period_s, time.monotonic())

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def record(self, sample: Sample) -> None:
        with self.lock:
            self.out.write(line(sample))


class Node:
    """One server's database: three questions, MySQL's on a connection that is kept while it lasts."""

    def __init__(self, poller: Poller, site: Site, name: str) -> None:
        self.poller, self.site, self.name = poller, site, name
        self.connection: pymysql.Connection | None = None

    def ask_mysql(self) -> None:
        at = time.monotonic()
        self.poller.record(Sample(at=at, server=self.name, about="mysql", answer=self.writable()))

    def writable(self) -> str:
        try:
            self.connection = self.connection or self.site.servers[self.name].mysql()
            with self.connection.cursor() as cursor:
                cursor.execute("SELECT @@global.read_only")
                return "read-only" if cursor.fetchone()[0] else "writable"
        except (pymysql.MySQLError, OSError, KeyError):
            self.connection = None
            return ""

    def ask_role(self) -> None:
        at, said = time.monotonic(), self.said("role")
        self.poller.record(Sample(at=at, server=self.name, about="role", answer=said.get("role", ""), lag=said.get("lag_s")))

    def ask_lease(self) -> None:
        at, record = time.monotonic(), self.said("lease").get("record") or {}
        self.poller.record(
            Sample(at=at, server=self.name, about="lease", answer=record.get("holder", ""), epoch=record.get("epoch"))
        )

    def said(self, what: str) -> dict:
        server = self.site.servers.get(self.name)
        return getattr(server, what)() if server else {}


def ask_door(poller: Poller, site: Site) -> None:
    at = time.monotonic()
    worst: dict[str, str] = {}
    for name, state in site.targets():
        if worst.get(name, "healthy") == "healthy":
            worst[name] = state
    for name, state in worst.items():
        poller.record(Sample(at=at, server=name, about="target", answer=state))


def look_again(site: Site) -> None:
    """Only while a machine is off: the API's time is precious. What it refuses in the middle of a replacement is asked again."""
    if all(server.machine.leader_pid() for server in site.servers.values()):
        return
    with contextlib.suppress(BotoCoreError, ClientError):
        site.look_again()


def main() -> None:
    wanted = json.loads(sys.stdin.readline())
    site = Site(Instance.open(Path(wanted["home"])), wanted["outputs"])
    with open(wanted["out"], "w") as out:
        poller = Poller(out)
        threads = [poller.every(DOOR_S, lambda: ask_door(poller, site)), poller.every(REPLACED_S, lambda: look_again(site))]
        for node in [Node(poller, site, server.name) for server in site.databases]:
            threads.append(poller.every(NODE_S, node.ask_mysql))
            threads.append(poller.every(ROLE_S, node.ask_role))
            threads.append(poller.every(LEASE_S, node.ask_lease))
        sys.stdin.read()
        poller.ended.set()
        for thread in threads:
            thread.join(timeout=5)
    if poller.faults:
        raise poller.faults[0]


if __name__ == "__main__":
    main()
