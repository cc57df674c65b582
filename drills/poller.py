"""Asks every node, from inside, whether its MySQL is writable and which role it has, every 50 ms; and the front door whom
it takes for healthy, every 500 ms. A process of its own: `python -m drills.poller`, input and output as the client's.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import pymysql

from drills.records import Sample, line
from drills.site import Server, Site
from local.instance import Instance

NODE_S = 0.05
DOOR_S = 0.5
ROLE_PATH = "/replica"  # answers the role and the lag


class Poller:
    def __init__(self, out: TextIO) -> None:
        self.out, self.lock, self.ended = out, threading.Lock(), threading.Event()

    def every(self, period_s: float, question: Callable[[], None]) -> threading.Thread:
        """Asks on a beat of its own; a question that hangs makes its own next ones late, nobody else's."""

        def run() -> None:
            due = time.monotonic()
            while not self.ended.wait(max(0, due - time.monotonic())):
                question()
                due = max(due + period_s, time.monotonic())

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def record(self, at: float, server: str, about: str, answer: str, lag: float | None = None) -> None:
        with self.lock:
            self.out.write(line(Sample(at=at, server=server, about=about, answer=answer, lag=lag)))


class Database:
    """One node's MySQL, on a connection that is kept while it lasts."""

    def __init__(self, poller: Poller, server: Server) -> None:
        self.poller, self.server = poller, server
        self.connection: pymysql.Connection | None = None

    def ask(self) -> None:
        at = time.monotonic()
        self.poller.record(at, self.server.name, "mysql", self.answer())

    def answer(self) -> str:
        try:
            self.connection = self.connection or self.server.mysql()
            with self.connection.cursor() as cursor:
                cursor.execute("SELECT @@global.read_only")
                return "read-only" if cursor.fetchone()[0] else "writable"
        except (pymysql.MySQLError, OSError):
            self.connection = None
            return ""


def ask_agent(poller: Poller, server: Server) -> None:
    at = time.monotonic()
    answer = server.agent(ROLE_PATH)
    poller.record(at, server.name, "agent", answer.get("role", ""), answer.get("lag_s"))


def ask_door(poller: Poller, site: Site) -> None:
    at = time.monotonic()
    worst: dict[str, str] = {}
    for name, state in site.targets():
        if worst.get(name, "healthy") == "healthy":
            worst[name] = state
    for name, state in worst.items():
        poller.record(at, name, "target", state)


def main() -> None:
    wanted = json.loads(sys.stdin.readline())
    site = Site(Instance.open(Path(wanted["home"])), wanted["outputs"])
    with open(wanted["out"], "w") as out:
        poller = Poller(out)
        threads = [poller.every(DOOR_S, lambda: ask_door(poller, site))]
        for server in site.databases:
            threads.append(poller.every(NODE_S, Database(poller, server).ask))
            threads.append(poller.every(NODE_S, lambda server=server: ask_agent(poller, server)))
        sys.stdin.read()
        poller.ended.set()
        for thread in threads:
            thread.join(timeout=5)


if __name__ == "__main__":
    main()
