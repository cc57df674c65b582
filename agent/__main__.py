"""The agent's verbs: a release applied, the units that serve, and what operators and a stopping server ask of them."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from .server import Server
from .system import Failed, Stopped, System, inside_cloud_init

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # whoever starts it: the servers are in sbin


def main() -> int:
    parser = argparse.ArgumentParser(prog="agent", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    apply = verbs.add_parser("apply", help="bring this server to the release in the bucket")
    apply.add_argument("release", nargs="?", help="refuse any other than this one")
    verbs.add_parser("serve", help="answer /health on port 9200")
    verbs.add_parser("failover", help="keep or watch the lease, answer for the database's role")
    verbs.add_parser("fence", help="kill a mysqld that may be writable though the failover unit has ended")
    verbs.add_parser("resign", help="hand the lease over before this server stops")
    verbs.add_parser("lease", help="show what the failover unit knows, as JSON")
    switchover = verbs.add_parser("switchover", help="make another server the primary, as planned")
    switchover.add_argument("server", nargs="?", help="which one; default: the other")
    promote = verbs.add_parser("promote", help="make this server the primary, whatever that loses")
    promote.add_argument("--force", type=int, metavar="EPOCH", help="of the lease that is taken; without it: what would be lost")
    stay = verbs.add_parser("stay", help="hold a stop until another web server serves")
    stay.add_argument("seconds", type=float, help="no longer than this")
    leave = verbs.add_parser("leave", help="out of rotation, before something on this server stops")
    leave.add_argument("seconds", type=float, help="what the load balancer in front needs to notice")
    join = verbs.add_parser("join", help="in rotation again, after a boot when its database has caught up")
    join.add_argument("seconds", type=float, help="no later than this")
    arguments = parser.parse_args()
    os.environ["PATH"] = PATH
    if arguments.verb == "apply":
        return _apply(arguments.release)
    return _run(lambda system: _verb(arguments, system))


def _verb(arguments: argparse.Namespace, system: System) -> str | None:
    """What a verb has to say, if anything."""
    # Each imports no more than it needs: boto3 takes half a second …
    if arguments.verb == "fence":
        from .member.fence import fence  # … and this has a tenth of one

        fence(system)
        return None
    from . import operator, rotation

    match arguments.verb:
        case "serve":
            from .serve import serve

            serve(system)
        case "failover":
            from .member import unit

            unit.run(system)
        case "resign":
            return operator.resign(system)
        case "lease":
            return operator.show(system)
        case "switchover":
            return operator.switchover(system, arguments.server)
        case "promote":
            return operator.promote(system, arguments.force)
        case "stay":
            rotation.stay(system, arguments.seconds)
        case "leave":
            rotation.leave(system, arguments.seconds)
        case "join":
            rotation.join(system, arguments.seconds)
    return None


def _stop(number: int, _: FrameType | None) -> None:
    raise Stopped(f"stopped by {signal.Signals(number).name}")


def _apply(wanted: str | None) -> int:
    """The last line says why, when it failed; whoever looks at a command's output finds it there."""
    from . import report, rollout  # boto3 takes half a second that `serve` has no use for
    from .apply import apply, fetch
    from .store import Store

    signal.signal(signal.SIGTERM, _stop)
    system = System()
    server = store = reason = None
    release = wanted
    try:
        server = Server.load(system)
        store = Store(server)
        if not inside_cloud_init():
            rollout.wait_for_cloud_init(system)
        with rollout.alone(system):
            manifest, text = fetch(server, store, wanted)
            release = manifest.release
            apply(system, store, manifest, text)
    except (Failed, Stopped) as failed:
        reason = str(failed)
    except Exception as error:  # a fault of the agent is a reason too
        reason = f"agent: {error!r}"
    if store and server:
        report.write(system, store, server=server.server, release=release, reason=reason)
    if reason:
        print(reason, flush=True)
    return 1 if reason else 0


def _run(verb: Callable[[System], str | None]) -> int:
    try:
        said = verb(System())
    except Failed as failed:
        print(failed, flush=True)
        return 1
    if said:
        print(said, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
