"""Network namespaces by name (ip-netns(8)): list, make, remove, run `ip` in one, call a Python function inside one."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
FOLDER = Path("/run/netns")
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


class NetworkError(Exception):
    """A network command was refused. The text holds the command and the kernel's reason."""


def names(prefix: str) -> set[str]:
    """The namespaces whose name begins with `prefix`."""
    return {path.name for path in FOLDER.glob(f"{prefix}*")}


def add(name: str) -> None:
    command(["ip", "netns", "add", name])


def delete(name: str) -> None:
    command(["ip", "netns", "delete", name])


def ip(netns: str, *lines: str) -> None:
    """Runs `ip` subcommands inside a namespace, in one process; the first refusal ends it with a NetworkError."""
    command(["ip", "-n", netns, "-batch", "-"], "\n".join(lines) + "\n")


def links(netns: str) -> set[str]:
    """The names of the network devices in a namespace."""
    return inside(netns, lambda: {name for _, name in socket.if_nameindex()})


def command(argv: list[str], text: str = "") -> str:
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=30)
    if done.returncode:
        raise NetworkError(f"{' '.join(argv)}: {done.stderr.strip()}\n{text}".strip())
    return done.stdout


def write_settings(netns: str, settings: Iterable[tuple[str, int]], missing_ok: bool = False) -> None:
    """Kernel parameters of a namespace, as ("net/ipv4/ip_forward", 1); /proc/sys/net is the caller's namespace's."""

    def write() -> None:
        for path, value in settings:
            parameter = Path("/proc/sys", path)
            if parameter.exists() or not missing_ok:
                parameter.write_text(str(value))

    inside(netns, write)


def inside(netns: str, function: Callable[[], T]) -> T:
    """Calls `function` inside a namespace and returns its answer.

    A namespace belongs to a thread (setns(2)), so a thread of its own enters it and ends there; a socket made inside
    stays inside for ever, whoever uses it (network_namespaces(7)). Raises NetworkError when there is no such namespace.
    """
    answer: Future[T] = Future()

    def enter() -> None:
        try:
            descriptor = os.open(FOLDER / netns, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if libc.setns(descriptor, CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            finally:
                os.close(descriptor)
        except OSError as error:
            answer.set_exception(NetworkError(f"network namespace {netns}: {error}"))
            return
        try:
            answer.set_result(function())
        except BaseException as error:
            answer.set_exception(error)

    thread = threading.Thread(target=enter, name=f"inside {netns}")
    thread.start()
    thread.join()
    return answer.result()
