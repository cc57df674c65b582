"""The delay line's rules, and what it does to packets."""

import contextlib
import os
import socket
import threading
import time

from drills import delay


def test_what_leaves_the_line_does_not_enter_it_again():
    assert delay.rules("10.0.0.1") == [
        "rule add preference 77 iif drill-delay lookup main",
        "rule add preference 78 to 10.0.0.1 lookup 77",
    ]


def test_packets_leave_whole_in_order_and_late_until_the_line_is_cut():
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # as a TUN device: a read is a packet
    carrier = threading.Thread(target=delay.carry, args=(os.dup(far.fileno()), 0.05))
    carrier.start()
    sent = time.monotonic()
    near.send(b"one")
    near.send(b"two")
    assert (near.recv(99), near.recv(99)) == (b"one", b"two")
    assert time.monotonic() - sent >= 0.05
    near.close()
    far.close()
    carrier.join(timeout=5)
    assert not carrier.is_alive()


def test_a_packet_for_which_there_is_no_room_is_lost_and_the_line_goes_on():
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    far.setblocking(False)
    carrier = threading.Thread(target=delay.carry, args=(os.dup(far.fileno()), 0))
    carrier.start()
    near.settimeout(0.5)
    for _ in range(1000):
        near.send(bytes(1000))
    with contextlib.suppress(TimeoutError):
        while near.recv(1000):
            pass
    near.send(b"still there")
    assert near.recv(99) == b"still there"
    near.close()
    far.close()
    carrier.join(timeout=5)
    assert not carrier.is_alive()
