"""`agent failover`, the unit failover.service: puts the parts together and runs the loop until it is told to stop."""

from __future__ import annotations

import signal
import threading
import uuid
from types import FrameType

from .. import failover
from ..endpoints import Server as Endpoint
from ..lease import timing
from ..mysql import Login, Mysql
from ..notify import Notifier
from ..server import Server
from ..store import Store
from ..system import Failed, Stopped, System
from . import tls
from .answers import Answers
from .balancer import LocalBalancer
from .config import MEMBERS_PORT, ROLES_PORT, Config
from .database import Database
from .gauge import Gauge
from .hands import Hands
from .look import Observer
from .loop import Loop
from .mark import unmark
from .mysqld import Mysqld, boottime
from .peers import Peers
from .rejoin import Rejoin
from .sight import MemberSight
from .switchover import Switchovers
from .table import LeaseTable

EVERYWHERE = "0.0.0.0"  # the firewall decides who gets here
STATEMENT_S = 5.0


def run(system: System) -> None:
    """Returns when the unit is stopped, with MySQL closed. Raises Failed when it cannot begin."""
    config = Config.load(system)
    ttl_s = config.settings.ttl_s
    mysqld, mysql, server = Mysqld(system), Mysql(Login()), Server.load(system)
    database = Database(system, mysqld, mysql, statement_s=STATEMENT_S)
    observer = Observer(system, mysqld, period_s=timing.read_period(ttl_s) / 5, timeout_s=ttl_s / 5)
    # Long enough for TCP to repeat what was lost (the first packet of a connection after 1 s); the next question does not wait.
    patience_s = 0.4 * ttl_s
    peers = Peers(system, config, timeout_s=patience_s)
    table = LeaseTable(server, timeout_s=patience_s)
    sight = MemberSight(config, observer, peers, lambda: database.synchronous_from)
    balancer = LocalBalancer(system)
    balancer.resume()  # a unit that was killed in a switchover may have left writers waiting
    gauge = Gauge(system, server)
    # Last: from here on its first closing has a deadline, and a client of AWS takes its time to be made.
    state = failover.started(config.server, str(uuid.uuid4()), config.settings, boottime())
    loop = Loop(state, sight, Notifier().alive, system.log)
    loop.hands = hands = Hands(
        system=system,
        config=config,
        loop=loop,
        table=table,
        peers=peers,
        database=database,
        mysqld=mysqld,
        balancer=balancer,
        silent_s=lambda: boottime() - observer.latest.at,
    )
    parts = {"system": system, "config": config, "loop": loop, "observer": observer, "mysql": mysql}
    rejoin = Rejoin(**parts, peers=peers, mysqld=mysqld, database=database, store=Store(server))
    switchovers = Switchovers(system, config, loop, observer, peers)
    answers = Answers(**parts, sight=sight, hands=hands, rejoin=rejoin, switchovers=switchovers)
    for name in config.others:
        _thread(peers.follow, name, lambda: _period(loop))
    _thread(observer.run)
    _thread(rejoin.run)
    _thread(gauge.run, answers.of_use)
    _listen(ROLES_PORT, Endpoint, answers.roles(), None)
    _listen(MEMBERS_PORT, Endpoint, answers.peers(), lambda: tls.server_context(system))
    signal.signal(signal.SIGTERM, _stop)
    try:
        loop.run()
    except Stopped:
        _end(system, database, mysqld, ttl_s, kills=failover.kills_when_stopped(loop.state, boottime()))


def _end(system: System, database: Database, mysqld: Mysqld, ttl_s: float, *, kills: bool) -> None:
    """Nobody renews any more: read-only at once, or killed."""
    done = threading.Event()

    def close() -> None:
        try:
            database.close(0.0)
            done.set()
        except Failed as failed:
            system.log(f"failover: {failed}")

    if not kills:
        _thread(close)
    if kills or not done.wait(0.1 * ttl_s):
        mysqld.kill(timing.FENCE_PART * ttl_s)
        unmark(system)


def _period(loop: Loop) -> float:
    """How often the others are asked: a holder must know who could take over, a handover waits for the very last write."""
    hold = loop.state.hold
    if hold is None:
        return 0.1 * loop.ttl_s
    return 0.01 if hold.handing else 0.04 * loop.ttl_s


def _listen(port: int, endpoint: type[Endpoint], routes, context) -> None:
    try:
        server = endpoint((EVERYWHERE, port), routes, context)
    except OSError as error:
        raise Failed(f"port {port}: {error}") from None
    _thread(server.serve_forever)


def _thread(target, *arguments) -> None:
    threading.Thread(target=target, args=arguments, daemon=True).start()


def _stop(number: int, _: FrameType | None) -> None:
    raise Stopped(f"stopped by {signal.Signals(number).name}")
