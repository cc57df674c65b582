"""The AWS API of a local cloud: moto with the overlay, served from a thread of this process on 127.0.0.1.

moto's state belongs to the process: one ApiServer at a time. Everything is restored at start and saved as it changes.
"""

from __future__ import annotations

import logging
import socket
import threading

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

from local.api import overlay
from local.api.front import Front
from local.api.host import Host
from local.api.overlay.state import CONTROL_PLANE, forget_everything
from local.api.snapshot import Snapshot
from local.instance import Instance

log = logging.getLogger(__name__)
ADDRESS = "127.0.0.1"
SYNC_S = 1.0  # what a power cut may take
POLL_S = 0.05  # how soon the server sees that it shall stop


class ApiServer:
    """`start` returns once it answers at `instance.endpoint`; OSError when the port is taken."""

    def __init__(self, instance: Instance, host: Host) -> None:
        self.instance = instance
        self.host = host
        self.snapshot = Snapshot(instance.folder("api"))
        self.server: BaseWSGIServer | None = None
        self.thread = self.syncer = threading.Thread()
        self.stopped = threading.Event()

    def start(self) -> None:
        with socket.create_server((ADDRESS, self.instance.api_port), backlog=128) as listener:
            forget_everything()
            self.snapshot.restore()
            front, port, fd = Front(self.changed), self.instance.api_port, listener.fileno()
            self.server = make_server(ADDRESS, port, front, threaded=True, request_handler=Handler, fd=fd)
        overlay.serve(self.instance, self.host, self.changed)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(POLL_S,), name="aws-api", daemon=True)
        self.thread.start()
        self.stopped.clear()
        self.syncer = threading.Thread(target=self.keep_synced, name="aws-api snapshot", daemon=True)
        self.syncer.start()

    def stop(self) -> None:
        if self.server is None:
            return
        self.server.shutdown()
        self.thread.join()  # it closes the socket at its end
        self.server = None
        overlay.close()
        self.stopped.set()
        self.syncer.join()
        self.snapshot.save_all()
        self.snapshot.sync()

    def keep_synced(self) -> None:
        while not self.stopped.wait(SYNC_S):
            try:
                self.snapshot.sync()
            except OSError as error:
                log.error("the state of the local cloud is not safe from a power cut: %s", error)

    def changed(self, section: str) -> None:
        self.snapshot.save(section)
        if section == CONTROL_PLANE:  # what tables and buckets hold is nothing to the machines, and a lease changes all the time
            self.host.changed()


class Handler(MotoRequestHandler):
    """One debug line per request, in the daemon's log instead of on the terminal."""

    def log(self, type: str, message: str, *args: object) -> None:
        log.log(logging.DEBUG if type == "info" else logging.ERROR, message.rstrip(), *args)
