"""A delay line: every packet to a server is held for a while, on its way through the router of the VPC.

This kernel may lack netem (tc-netem(8)), so a TUN device (Documentation/networking/tuntap.rst) is put into the way: the
router sends it what is for the server, and what is written back to it half a moment later is routed on. The device goes with
the process that opened it, and without it the router's other routes hold again: whatever happens, no packet stays late.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import threading
import time
from collections import deque

from local.host import namespaces
from local.host.namespaces import NetworkError

DEVICE = "drill-delay"
TABLE = 77  # of routes (ip-route(8)); also the rules' preference
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # linux/if_tun.h
LARGEST = 65535  # bytes of a packet
# Packets pass the router twice: the second time some come from its own address, and conntrack takes them for sent again.
ACCEPT_LOCAL = f"net/ipv4/conf/{DEVICE}/accept_local"
LIBERAL = "net/netfilter/nf_conntrack_tcp_be_liberal"


def impose(router: str, address: str, delay_s: float) -> None:
    """In the VPC's namespace named `router`."""
    relieve(router)
    line = namespaces.inside(router, opened)
    threading.Thread(target=carry, args=(line, delay_s), name=DEVICE, daemon=True).start()
    namespaces.ip(router, f"link set {DEVICE} up txqueuelen 10000", f"route add default dev {DEVICE} table {TABLE}")
    namespaces.write_settings(router, [(ACCEPT_LOCAL, 1), (LIBERAL, 1)])
    namespaces.ip(router, *rules(address))


def holds(router: str) -> bool:
    """The device is there: packets are late."""
    try:
        namespaces.ip(router, f"link show {DEVICE}")
    except NetworkError:
        return False
    return True


def relieve(router: str) -> None:
    for line in (*(f"rule delete preference {TABLE + after}" for after in (0, 1)), f"link delete {DEVICE}"):
        with contextlib.suppress(NetworkError):  # there is none
            namespaces.ip(router, line)
    namespaces.write_settings(router, [(LIBERAL, 0)])


def rules(address: str) -> list[str]:
    """`ip` lines: what comes out of the line is on its way; everything else for the server goes into it."""
    return [
        f"rule add preference {TABLE} iif {DEVICE} lookup main",
        f"rule add preference {TABLE + 1} to {address} lookup {TABLE}",
    ]


def opened() -> int:
    """The device, made in the namespace of the calling thread."""
    line = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    fcntl.ioctl(line, TUNSETIFF, struct.pack("16sH", DEVICE.encode(), IFF_TUN | IFF_NO_PI))
    return line


def carry(line: int, delay_s: float) -> None:
    """Until the device is deleted. A packet for which there is no room at the moment is lost, as on any line."""
    held: deque[tuple[float, bytes]] = deque()
    ready = select.poll()
    ready.register(line, select.POLLIN)
    with contextlib.suppress(OSError), os.fdopen(line, "r+b", buffering=0):
        while True:
            wait_s = max(0.0, held[0][0] - time.monotonic()) if held else None
            if ready.poll(None if wait_s is None else wait_s * 1000):
                with contextlib.suppress(BlockingIOError):
                    held.append((time.monotonic() + delay_s, os.read(line, LARGEST)))
            while held and held[0][0] <= time.monotonic():
                packet = held.popleft()[1]
                with contextlib.suppress(BlockingIOError):
                    os.write(line, packet)
