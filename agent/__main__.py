"""The agent's two verbs: `apply [RELEASE]` brings this server to a release, `serve` answers for its health and roles."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from types import FrameType

from .server import Server
from .system import Failed, Stopped, System, inside_cloud_init

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # whoever starts it: the servers are in sbin


def main() -> int:
    parser = argparse.ArgumentParser(prog="agent", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    apply = verbs.add_parser("apply", help="bring this server to the release in the bucket")
    apply.add_argument("release", nargs="?", help="refuse any other than this one")
    verbs.add_parser("serve", help="answer /health, /primary and /replica on port 9200")
    arguments = parser.parse_args()
    os.environ["PATH"] = PATH
    return _apply(arguments.release) if arguments.verb == "apply" else _serve()


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


def _serve() -> int:
    from .serve import serve

    try:
        serve(System())
    except Failed as failed:
        print(failed, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
