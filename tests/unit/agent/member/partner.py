"""web-b's side of the conversation: its real answers over parts that only write down what they are told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from agent import failover
from agent.lease.state import Promote, State
from agent.lease.view import Settings
from agent.member.answers import Answers
from agent.member.hands import Hands
from agent.member.look import Look
from agent.member.mysqld import boottime
from agent.member.switchover import Switched
from agent.mysql import Login, Mysql
from tests.unit.agent.fakes import FakeSystem
from tests.unit.agent.member.scene import DATA
from tests.unit.agent.mysql_world import World

WATCHER = State(server="web-b", boot_nonce="nonce-b", settings=Settings(), closing=None)


class Member:
    """web-b, as the other members meet it. What it is made to do is in `told`."""

    def __init__(self, system: FakeSystem, config, world: World) -> None:
        self.told: list[str] = []
        self.replies = True
        tell = lambda name: lambda *arguments: self.told.append(" ".join([name, *map(str, arguments)]))  # noqa: E731
        self.loop = SimpleNamespace(state=WATCHER, post=self._post)
        self.hands = Hands(
            system=system,
            config=config("web-b"),
            loop=self.loop,
            table=None,
            peers=None,
            database=None,
            mysqld=None,
            balancer=None,
            silent_s=lambda: 0.0,
        )
        for name in ("read", "pause", "follow"):
            setattr(self.hands, name, tell(name))
        self.look = Look(at=boottime() + 3600, local=DATA, source="10.20.1.10", receiving=True, received="a:1-11")
        self.switchovers = SimpleNamespace(
            said_goodbye=tell("goodbye"), to=lambda to: Switched(to=to, epoch=4, seconds=0.25), resign=lambda: "handed over"
        )
        self.answers = Answers(
            system=system,
            config=config("web-b"),
            loop=self.loop,
            sight=SimpleNamespace(local=lambda look, now: look.local, lag=lambda look, now: look, heard=lambda: {"web-a": 0.0}),
            hands=self.hands,
            observer=SimpleNamespace(latest=self.look),
            rejoin=SimpleNamespace(reason=None),
            switchovers=self.switchovers,
            mysql=Mysql(Login(), world.query),
        )

    def _post(self, event: Any) -> None:
        """As the loop would decide it."""
        self.told.append(type(event).__name__ if not isinstance(event, Promote) else str(event))
        self.loop.state, actions = failover.step(self.loop.state, event, boottime())
        for action in actions if self.replies else ():
            self.hands.do(action, self.loop.state, 0)
