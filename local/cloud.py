"""The local cloud's daemon: the AWS API, and the host that makes machines follow it. `python -m local.cloud --home DIR`.

SIGTERM stops the machines and ends it. A `kill -9` leaves the machines running; the next daemon takes them over.
"""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from local.instance import CHECKOUT, Instance

START_DEADLINE_S = 60
STOP_DEADLINE_S = 90


class NotRunning(Exception):
    """The daemon could not be started, or did not stop; says where its log is."""


def lock_file(instance: Instance) -> Path:
    return instance.run / "cloud.lock"


def pid(instance: Instance) -> int | None:
    """The daemon's process id, or None. The lock tells, not the file: the kernel frees it however the daemon ends."""
    path = lock_file(instance)
    if not path.exists():
        return None
    with path.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(file.read() or 0) or None
    return None


def ensure_running(instance: Instance) -> bool:
    """Starts the daemon unless it runs, and waits until its API answers. True when it had to be started."""
    if pid(instance):
        return False
    log = instance.log / "cloud.log"
    with log.open("a") as output:
        command = [sys.executable, "-m", "local.cloud", "--home", str(instance.home)]
        process = subprocess.Popen(
            command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    deadline = time.monotonic() + START_DEADLINE_S
    ready = instance.run / "cloud.ready"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise NotRunning(f"the local cloud ended at once with {process.returncode}; its log: {log}\n" + tail(log))
        if ready.exists() and ready.read_text() == str(process.pid):
            return True
        time.sleep(0.05)
    process.terminate()
    raise NotRunning(f"the local cloud's API did not answer within {START_DEADLINE_S} s; its log: {log}\n" + tail(log))


def stop(instance: Instance) -> None:
    """Ends the daemon and its machines; nothing to do when it does not run."""
    running = pid(instance)
    if not running:
        return
    process = os.pidfd_open(running)
    try:
        signal.pidfd_send_signal(process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_DEADLINE_S
        while pid(instance):
            if time.monotonic() > deadline:
                raise NotRunning(
                    f"the local cloud (process {running}) did not stop within {STOP_DEADLINE_S} s; "
                    f"its log: {instance.log / 'cloud.log'}"
                )
            time.sleep(0.05)
    finally:
        os.close(process)


def tail(log: Path, lines: int = 5) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def main() -> None:
    parser = argparse.ArgumentParser(prog="local.cloud")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--no-machines", action="store_true", help="the API alone")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    serve(Instance.open(options.home), machines=not options.no_machines)


def serve(instance: Instance, *, machines: bool) -> None:
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with lock_file(instance).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"the local cloud {instance.id} runs already; stop it with: make down")
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        # Imported late: moto takes two seconds, and a second daemon should be refused at once.
        from local.api.host import NoMachines
        from local.api.server import ApiServer

        if machines:
            from local.host.follower import MachineHost

            host = MachineHost(instance)
        else:
            host = NoMachines()
        api = ApiServer(instance, host)
        api.start()
        if machines:
            host.start()
        (instance.run / "cloud.ready").write_text(str(os.getpid()))
        ended.wait()
        if machines:
            host.stop(machines=True)
        api.stop()


if __name__ == "__main__":
    main()
