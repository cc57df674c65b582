"""The local cloud's daemon: the AWS API, and the host that makes machines follow it. `python -m local.cloud --home DIR`.

SIGTERM stops the machines and ends it. A `kill -9` leaves the machines running; the next daemon takes them over.
"""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

from local.errors import CannotStart
from local.host.process import Process
from local.instance import CHECKOUT, Instance
from local.locks import held

START_DEADLINE_S = 60
STOP_DEADLINE_S = 90


class NotRunning(CannotStart):
    """The daemon could not be started, or did not stop; says where its log is."""


def process(instance: Instance) -> Process:
    return Process(instance, "cloud")


def running(instance: Instance) -> bool:
    return process(instance).pid() is not None


def ensure_running(instance: Instance) -> bool:
    """Starts the daemon unless it runs, and waits until its API answers. True when it had to be started."""
    daemon = process(instance)
    if daemon.pid():
        return False
    command = [sys.executable, "-m", "local.cloud", "--home", str(instance.home)]
    started = daemon.start(command, environment=os.environ | {"PYTHONPATH": str(CHECKOUT)})
    ready = ready_file(instance)
    deadline = time.monotonic() + START_DEADLINE_S
    while not (ready.exists() and ready.read_text() == str(started)):
        if daemon.pid() is None:
            raise NotRunning(f"the local cloud ended at once; its log: {daemon.log}\n{daemon.last_words()}")
        if time.monotonic() > deadline:
            daemon.stop()
            raise NotRunning(
                f"the local cloud's API did not answer within {START_DEADLINE_S} s; its log: {daemon.log}\n{daemon.last_words()}"
            )
        time.sleep(0.05)
    return True


def stop(instance: Instance) -> None:
    """Ends the daemon, which powers its machines off first; nothing to do when it does not run."""
    process(instance).stop(STOP_DEADLINE_S)
    with held(lock_file(instance)):  # the kernel frees it when the process is gone, with its last write
        pass


def lock_file(instance: Instance) -> Path:
    """Held by the daemon as long as it lives (flock(2))."""
    return instance.run / "cloud.lock"


def ready_file(instance: Instance) -> Path:
    """Holds the process id of the daemon whose API answers."""
    return instance.run / "cloud.ready"


def main() -> None:
    parser = argparse.ArgumentParser(prog="local.cloud")
    parser.add_argument("--home", type=Path, required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    serve(Instance.open(options.home))


def serve(instance: Instance) -> None:
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with lock_file(instance).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"the local cloud {instance.id} runs already; stop it with: make down")
        # Imported late: moto takes two seconds, and a second daemon should be refused at once.
        from local.api.server import ApiServer
        from local.host.follower import MachineHost

        host = MachineHost(instance)
        api = ApiServer(instance, host)
        api.start()
        host.start()
        ready_file(instance).write_text(str(os.getpid()))
        ended.wait()
        host.stop(machines=True)
        api.stop()


if __name__ == "__main__":
    main()
