"""Commands inside a running machine, as root: scripts as its SSM agent would run them, and the way in for a shell."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import uuid

from local.api.host import CommandResult

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd")
SERVICE = (
    "systemd-run", "--pipe", "--wait", "--quiet", "--collect", "--expand-environment=no",
    "--property=LogLevelMax=notice",  # who asks a server for its state leaves no trace in its journal
)  # fmt: skip
# systemd-run ends with 0 when the system goes away under it, so the exit code is told by the script's own shell.
REPORT = 'sh -c "$1"; printf "\\n%s ended %s\\n" "$0" $? >&2'
KILLED = -signal.SIGKILL
GRACE_S = 10


def entering(leader: int, *command: str) -> list[str]:
    """The command line that runs `command` in the machine whose PID 1 is `leader` here (nsenter(1)), in a clean environment."""
    environment = [f"PATH={PATH}", "LANG=C.UTF-8", "HOME=/root", f"TERM={os.environ.get('TERM', 'dumb')}"]
    return ["nsenter", f"--target={leader}", *NAMESPACES, "--", "env", "-i", *environment, *command]


def run(leader: int, script: str, timeout_s: float) -> CommandResult:
    """Run `sh -c script` as a transient service of the machine (systemd-run(1)) and wait for it.

    So it lives in the machine's own control groups with a service's environment: PATH and little else, no HOME.
    At the timeout everything it started is killed, and the exit code is negative. OSError: the machine went down.
    """
    name = f"command-{uuid.uuid4().hex}"
    child = subprocess.Popen(
        entering(leader, *SERVICE, f"--unit={name}", "/bin/sh", "-c", REPORT, name, script),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    try:
        stdout, stderr = child.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        stdout, stderr = _kill(leader, name, child)
        return CommandResult(KILLED, stdout, f"{stderr}\nkilled: it took longer than {timeout_s:g} s")
    stderr, reported, rest = stderr.rpartition(f"\n{name} ended ")
    if reported:
        code, _, later = rest.partition("\n")  # later: of what the script left running
        return CommandResult(int(code), stdout, stderr + later)
    if lets_in(leader):
        return CommandResult(KILLED, stdout, rest)
    raise OSError("the machine went down while it ran a command")


def lets_in(leader: int) -> bool:
    """Is the machine up? The kernel starts no process in a PID namespace whose PID 1 is gone or ending."""
    return subprocess.run(entering(leader, "true"), capture_output=True, timeout=GRACE_S).returncode == 0


def _kill(leader: int, unit: str, child: subprocess.Popen[str]) -> tuple[str, str]:
    """End the service; what it said so far. A machine that does not react any more must not hold us."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(entering(leader, "systemctl", "kill", "--signal=KILL", unit), capture_output=True, timeout=GRACE_S)
    try:
        return child.communicate(timeout=GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return "", ""
