"""What the unit answers: to HAProxy and the curious over plain HTTP, to the other members and operators over mutual TLS."""

from __future__ import annotations

from dataclasses import asdict, replace

from .. import failover, roles, rotation
from ..endpoints import Answer, Message, Routes
from ..lease.state import Asked, Promote
from ..mysql import Mysql
from ..primary import Accounts
from ..system import Failed, System
from . import tls
from .config import Config
from .hands import Hands
from .look import Look, Observer
from .loop import Loop
from .mysqld import boottime
from .peers import Status
from .rejoin import Rejoin
from .sight import MemberSight
from .switchover import Switchovers

PATIENCE_S = 0.5  # how long a question waits for a fresh look; HAProxy's checks give up after 1 s
FRESH_S = 0.3
HANDED_OVER_S = 1.0  # after a handover sessions to the former primary may still be told that it is read-only
REPLY_S = 0.5


class Answers:
    def __init__(
        self,
        *,
        system: System,
        config: Config,
        loop: Loop,
        sight: MemberSight,
        hands: Hands,
        observer: Observer,
        rejoin: Rejoin,
        switchovers: Switchovers,
        mysql: Mysql,
    ) -> None:
        self._system, self._config, self._loop, self._hands = system, config, loop, hands
        self._sight = sight
        self._observer, self._rejoin, self._switchovers, self._mysql = observer, rejoin, switchovers, mysql

    def roles(self) -> Routes:
        return {
            ("GET", "/primary"): lambda _: self._primary(),
            ("GET", "/replica"): lambda _: self._replica(),
            ("GET", "/cut-off"): lambda _: self._cut_off(),
            ("GET", "/lease"): lambda _: self._lease(),
        }

    def peers(self) -> Routes:
        """Only for members, except what says otherwise: a promise or a look asked for by anybody else is refused."""
        return {
            ("GET", "/status"): self._members_only(lambda _, by: Answer(ok=True, body=self._status().to_json())),
            ("POST", "/ask"): self._members_only(self._ask),
            ("POST", "/look"): self._members_only(lambda _, by: self._look()),
            ("POST", "/pause"): self._members_only(lambda message, by: self._pause(message)),
            ("POST", "/lead"): self._members_only(self._lead),
            ("POST", "/accounts"): self._members_only(lambda message, by: self._accounts(message)),
            ("POST", "/switchover"): self._members_only(lambda message, by: self._switch(message)),
            ("POST", "/goodbye"): self._members_only(lambda _, by: self._goodbye(by)),
            ("POST", "/resign"): self._members_only(lambda _, by: self._resign(by)),
            ("POST", "/promote"): self._members_only(self._promote),
        }

    def of_use(self) -> bool:
        """This database serves, as the one or the other."""
        return self._primary().ok or self._replica().ok

    # For the balancers.

    def _leads(self) -> bool:
        return failover.is_primary(self._loop.state, boottime())

    def _fresh(self) -> Look:
        now = boottime()
        look = self._sight.lag(self._observer.since(now - FRESH_S, PATIENCE_S), now)
        if look.at < now - FRESH_S:
            return replace(look, error=f"MySQL has not answered for {boottime() - look.at:.1f} s")
        return look

    def _primary(self) -> Answer:
        look = self._fresh()
        return roles.primary(look, server=self._config.server, leads=self._leads(), hands_over=self._hands_over())

    def _hands_over(self) -> bool:
        """Now, or a moment ago: one may be over between two checks of the balancers."""
        hold = self._loop.state.hold
        return bool(hold and hold.handing) or boottime() - self._hands.handing_at < HANDED_OVER_S

    def _replica(self) -> Answer:
        """Not while this server leaves: reads go elsewhere before its MySQL stops."""
        look = self._fresh()
        answer = roles.replica(look, server=self._config.server, leads=self._leads(), read_lag_s=self._config.read_lag_s)
        return replace(answer, ok=answer.ok and not rotation.leaves(self._system))

    def _cut_off(self) -> Answer:
        return roles.cut_off(self._loop.state.watch, self._sight.heard(), server=self._config.server, now=boottime())

    def _lease(self) -> Answer:
        """Everything that an operator wants to know of this server's part."""
        state, now = self._loop.state, boottime()
        look = self._sight.lag(self._observer.latest, now)
        held, watch = state.hold, state.watch
        record = held.record if held else watch.record if watch else None
        leads = self._leads()
        body = {
            "server": self._config.server,
            "boot_nonce": state.boot_nonce,
            "ttl_s": state.settings.ttl_s,
            "record": record.to_item() if record else None,
            "stood_still_s": round(now - held.confirmed, 3) if held and held.confirmed > 0 else _rounded(watch, now),
            "holds": held is not None,
            "role": roles.role(look, leads),
            "read_only": look.read_only,
            "executed": look.local.executed,
            "received": look.received,
            "source": self._config.named(look.source),
            "lag_s": look.lag_s,
            "complete": self._sight.local(look, now).complete,
            "semi_sync": look.local.semi_sync,
            "semi_sync_wanted": state.settings.semi_sync,
            "error": look.error,
            "alarm": self._hands.alarm or self._rejoin.reason,
        }
        return Answer(ok=True, body=body)

    # For the members.

    def _status(self) -> Status:
        state, look, now = self._loop.state, self._observer.latest, boottime()
        local = self._sight.local(look, now)
        if now - look.at >= FRESH_S + PATIENCE_S:
            local = replace(local, alive=False)
        return Status(
            name=self._config.server,
            boot_nonce=state.boot_nonce,
            ttl_s=state.settings.ttl_s,
            local=local,
            source=self._config.named(look.source),
            receiving=look.receiving,
            received=look.received,
            leads=self._leads(),
            lag_s=self._sight.lag(look, now).lag_s,
        )

    def _ask(self, message: Message, by: str) -> Answer:
        asked = Asked(by=by, epoch=message.body["epoch"], ttl_s=message.body["ttl_s"], ask=message.body["ask"])
        reply = self._hands.expect(by, asked.epoch, asked.ask)
        self._loop.post(asked)
        try:
            answer = reply.result(REPLY_S)
        except TimeoutError:
            return Answer(ok=False, body={"error": "the decision took too long"})
        return Answer(ok=True, body={"yes": answer.yes, "reason": answer.reason})

    def _look(self) -> Answer:
        self._hands.read()
        return Answer(ok=True, body={})

    def _pause(self, message: Message) -> Answer:
        if not self._is_over(message):
            self._hands.pause()
        return Answer(ok=True, body={})

    def _lead(self, message: Message, by: str) -> Answer:
        if not self._is_over(message):
            self._hands.follow(by)
        return Answer(ok=True, body={})

    def _is_over(self, message: Message) -> bool:
        """A packet was lost, and what was said in one epoch arrives in the next: writers would wait for nobody."""
        return message.body["epoch"] < self._loop.state.seen[0]

    def _goodbye(self, by: str) -> Answer:
        self._switchovers.said_goodbye(by)
        return Answer(ok=True, body={})

    def _accounts(self, message: Message) -> Answer:
        """Only the primary can: accounts reach the others by replication."""
        if not self._leads():
            return Answer(ok=False, body={"error": f"{self._config.server} is not the primary"})
        try:
            Accounts(
                system=self._system, mysql=self._mysql, address=self._config.members[self._config.server], **message.body
            ).converge()
        except Failed as failed:
            return Answer(ok=False, body={"error": str(failed)})
        return Answer(ok=True, body={})

    # For operators.

    def _switch(self, message: Message) -> Answer:
        try:
            return Answer(ok=True, body=asdict(self._switchovers.to(message.body.get("to"))))
        except Failed as failed:
            return Answer(ok=False, body={"error": str(failed)})

    def _resign(self, by: str) -> Answer:
        if by != self._config.server:
            return Answer(ok=False, body={"error": f"{self._config.server} resigns when it is asked on itself"})
        return Answer(ok=True, body={"said": self._switchovers.resign()})

    def _promote(self, message: Message, by: str) -> Answer:
        if by != self._config.server:
            return Answer(ok=False, body={"error": f"{self._config.server} is promoted when it is asked on itself"})
        self._loop.post(Promote(int(message.body["epoch"])))
        return Answer(ok=True, body={})

    def _members_only(self, act):
        known = {self._config.hostname(name): name for name in self._config.members}

        def route(message: Message) -> Answer:
            by = next((known[name] for name in tls.names(message.certificate) if name in known), None)
            if by is None:
                return Answer(ok=False, body={"error": f"only {', '.join(self._config.members)} are heard here"})
            return act(message, by)

        return route


def _rounded(watch, now: float) -> float | None:
    return round(now - watch.since, 3) if watch else None
