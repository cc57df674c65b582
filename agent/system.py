"""The server underneath: commands, files' owners, time and the log. Everything with an effect on it that tests replace."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

PROC = Path("/proc")
REASON_LIMIT = 2000  # characters of a command's output kept in a reason
T = TypeVar("T")


class Failed(Exception):
    """The one error of the agent: its text is the reason an operator reads, in one line."""

    def __init__(self, reason: str) -> None:
        super().__init__(" | ".join(line.strip() for line in reason.splitlines() if line.strip()))


class Stopped(BaseException):
    """Somebody ended the agent; unlike Failed it passes every retry."""


@dataclass(frozen=True)
class Completed:
    exit_code: int
    stdout: str
    stderr: str


class System:
    """A Linux server with systemd. `root` is "/" on a real one."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root
        self.lines: list[str] = []

    def path(self, absolute: str | Path) -> Path:
        return self.root / str(absolute).lstrip("/")

    def log(self, text: str) -> None:
        self.lines.append(text)
        print(text, flush=True)

    def attempt(
        self,
        *argv: str,
        timeout_s: float = 30,
        user: str | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Completed:
        """Run a command and return how it ended. Raises Failed when it cannot start or outlives `timeout_s`."""
        try:
            done = subprocess.run(
                argv,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
                stdin=subprocess.DEVNULL,
                cwd=cwd,
                env=env,
                user=user,
                group=user,
                extra_groups=[] if user else None,
            )
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{' '.join(argv)}: no end after {timeout_s:g} s: {_tail(error.stderr or b'')}") from None
        except (OSError, LookupError) as error:  # LookupError: no such user
            raise Failed(f"{' '.join(argv)}: cannot be started: {error}") from None
        return Completed(done.returncode, done.stdout, done.stderr)

    def run(self, *argv: str, timeout_s: float = 30, **options) -> str:
        """Run a command that must succeed and return its output; Failed names it, its exit code and its last words."""
        done = self.attempt(*argv, timeout_s=timeout_s, **options)
        if done.exit_code:
            raise Failed(f"{' '.join(argv)}: exit code {done.exit_code}: {_tail(done.stderr or done.stdout)}")
        return done.stdout

    def ask(self, path: str, request: str, timeout_s: float = 30) -> str:
        """Send one request to a unix stream socket and return everything it answers until it closes."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(timeout_s)
            try:
                client.connect(str(self.path(path)))
                client.sendall(request.encode())
                return b"".join(iter(lambda: client.recv(65536), b"")).decode(errors="replace")
            except OSError as error:
                raise Failed(f"{path}: {request.strip()}: {error}") from None

    def chown(self, path: Path, owner: str) -> None:
        """`owner` is "user:group"."""
        user, group = owner.split(":")
        try:
            shutil.chown(path, user, group)
        except LookupError:
            raise Failed(f"{path}: its owner {owner} does not exist on this server") from None

    def owner(self, path: Path) -> str:
        return f"{path.owner()}:{path.group()}"

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> int:
        return int(time.time())  # seconds since the epoch

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def until(self, probe: Callable[[], T | None], *, deadline_s: float, what: str, every_s: float = 0.5) -> T:
        """The first true answer of `probe`. A probe that raises Failed is asked again; its last reason is reported.

        Raises Failed: "<what>: not within <deadline_s> s: <last reason>".
        """
        end = self.monotonic() + deadline_s
        while True:
            reason = ""
            try:
                if answer := probe():
                    return answer
            except Failed as failed:
                reason = f": {failed}"
            if self.monotonic() >= end:
                raise Failed(f"{what}: not within {deadline_s:g} s{reason}")
            self.sleep(every_s)


def _tail(output: str | bytes) -> str:
    text = output.decode(errors="replace") if isinstance(output, bytes) else output
    return text.strip()[-REASON_LIMIT:]


def inside_cloud_init(pid: int | None = None) -> bool:
    """Whether cloud-init is an ancestor of process `pid` (default: this one): waiting for it then would never end."""
    pid = os.getppid() if pid is None else pid
    while pid > 1:
        try:
            if b"cloud-init" in (PROC / str(pid) / "cmdline").read_bytes():
                return True
            pid = int((PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])  # proc(5): state ppid …
        except OSError:
            return False
    return False
