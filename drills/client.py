"""The measuring client, a process of its own: `python -m drills.client`, a JSON object on the first line of its input.

{"host", "port", "certificate", "seed", "prefix", "out"}: it sends by the schedule until its input ends, waits for what is
under way, and writes a record of every request to the file `out`. Nothing it does depends on how the site fares.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import TextIO

from drills import schedule
from drills.http import Answer, Broken, Connection, Door, Unanswered, get, post
from drills.records import READ, Request, line
from drills.schedule import Planned
from local.host import priority

DEADLINE_S = 10  # of each request
KEPT_S = 5  # an idle connection; shorter than the balancer keeps it
PATH = "/api/notes"


class Visitors:
    """Many browsers: a new one opens a connection, the others use what is open, the most recently used first."""

    def __init__(self, door: Door, prefix: str, out: TextIO) -> None:
        self.door, self.prefix, self.out = door, prefix, out
        self.context = door.context()
        self.idle: list[tuple[float, Connection]] = []
        self.count = 0

    async def visit(self, planned: Planned, due: float) -> None:
        """One request, recorded whatever becomes of it."""
        self.count += 1
        key = "" if planned.kind == READ else f"{self.prefix}{self.count}"
        connection = None if planned.fresh else self.take()
        fresh = connection is None
        sent, status, web, error = time.monotonic(), 0, "", ""
        try:
            async with asyncio.timeout_at(due + DEADLINE_S):
                connection = connection or await Connection.open(self.door, self.context)
                try:
                    answer = await connection.ask(self.request(key))
                except Unanswered:
                    # As every browser does: what may be repeated is, when a kept connection turns out to be closed.
                    if fresh or key:
                        raise
                    connection.close()
                    connection, fresh = None, True
                    connection = await Connection.open(self.door, self.context)
                    answer = await connection.ask(self.request(key))
            status, web = answer.status, answer.headers.get("x-served-by", "")
            self.keep(connection, answer)
        except TimeoutError:
            error = f"no answer within {DEADLINE_S} s"
        except (Unanswered, Broken, OSError) as failure:
            error = f"{type(failure).__name__}: {failure}"
        if error and connection:
            connection.close()
        self.record(planned, key, due, sent, status, error, fresh, web, connection)

    def request(self, key: str) -> bytes:
        if not key:
            return get(self.door.host, PATH)
        return post(self.door.host, PATH, json.dumps({"text": key}).encode())

    def record(self, planned, key, due, sent, status, error, fresh, web, connection) -> None:
        request = Request(
            kind=planned.kind,
            key=key,
            due=due,
            sent=sent,
            ended=time.monotonic(),
            status=status,
            error=error,
            fresh=fresh,
            web=web,
            balancer=connection.balancer if connection else "",
        )
        self.out.write(line(request))

    def take(self) -> Connection | None:
        """An open connection that nobody uses; those kept too long are closed on the way."""
        oldest = time.monotonic() - KEPT_S
        while self.idle and (self.idle[0][0] < oldest or not self.idle[0][1].usable):
            self.idle.pop(0)[1].close()
        while self.idle:
            connection = self.idle.pop()[1]
            if connection.usable:
                return connection
        return None

    def keep(self, connection: Connection, answer: Answer) -> None:
        if answer.headers.get("connection", "").lower() == "close":
            connection.close()
        else:
            self.idle.append((time.monotonic(), connection))


async def measure(visitors: Visitors, seed: int) -> None:
    began, under_way, faults = time.monotonic(), set(), []

    def over(task: asyncio.Task) -> None:
        under_way.discard(task)
        if fault := task.exception():
            faults.append(fault)

    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for planned in schedule.requests(seed):
        due = began + planned.at
        if (early := due - time.monotonic()) > 0:
            await asyncio.sleep(early)
        if ended.done():
            break
        task = asyncio.create_task(visitors.visit(planned, due))
        under_way.add(task)
        task.add_done_callback(over)
    await asyncio.gather(*under_way)
    if faults:  # ours: a request of which nothing is recorded
        raise faults[0]


def main() -> None:
    priority.first()  # visitors have computers of their own
    wanted = json.loads(sys.stdin.readline())
    door = Door(host=wanted["host"], port=wanted["port"], certificate=wanted["certificate"])
    with open(wanted["out"], "w") as out:
        asyncio.run(measure(Visitors(door, wanted["prefix"], out), wanted["seed"]))


if __name__ == "__main__":
    main()
