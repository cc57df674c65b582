"""What a unit of Type=notify tells systemd of itself (sd_notify(3)); nothing when nobody asks for it."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


class Notifier:
    """One socket for all that is told: a loop that turns many times a second says so each time."""

    def __init__(self) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "")
        self._address = address.replace("@", "\0", 1) if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._is_ready = False

    def ready(self) -> None:
        """It serves from now on."""
        self._is_ready = True
        self._tell(b"READY=1")

    def alive(self) -> None:
        """Its loop turns; with the first time it is ready. Waits for nobody: a systemd that does not read has a full socket, and
        whoever hung on that would neither renew nor demote."""
        if not self._is_ready:
            self.ready()
        with suppress(BlockingIOError):
            self._tell(b"WATCHDOG=1", socket.MSG_DONTWAIT)

    def _tell(self, state: bytes, flags: int = 0) -> None:
        if self._address:
            self._socket.sendto(state, flags, self._address)
