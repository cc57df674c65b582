"""Runs the real Pulumi engine on this program against one local cloud: environment, plugins, stack, interrupted runs.

The engine gets a home, a state folder and a passphrase of its own under the instance's folder, so that a user's own Pulumi is
never touched. The passphrase is fixed and public: it guards a toy, and a committed stack file needs a constant salt.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from local.instance import CHECKOUT, HTTPS_PORT, Instance, http_port

PROJECT = "distributed-web"
LOCAL = "local"
PLUGINS = {"aws": "7.51.1", "random": "4.21.4", "tls": "5.6.2"}
PASSPHRASE = "local"
# The file backend writes a checkpoint by rename, but its attributes file in place: `kill -9` between the two left an empty one
# that it then refuses ("failed to load checkpoint: EOF"). Nothing reads the attributes (gocloud.dev/blob/fileblob).
WITHOUT_SIDECARS = "metadata=skip"


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One stack of the program. `engine` and `program` are the folders of the engine and of the program's environment."""

    instance: Instance
    name: str
    engine: Path
    program: Path
    checkout: Path = CHECKOUT
    overrides: Mapping[str, Mapping[str, object]] = field(default_factory=dict)  # settings group -> key -> value

    def environment(self) -> dict[str, str]:
        """What a shell needs, besides its own environment, to use this stack with the plain `pulumi` command."""
        path = f"{self.program / 'bin'}:{self.engine}:{os.environ.get('PATH', '')}"
        return self.instance.aws_environment() | {
            "PATH": path,
            "PULUMI_HOME": str(self.instance.folder("pulumi")),
            "PULUMI_STACK": self.name,
            "PULUMI_BACKEND_URL": f"file://{self.instance.folder('state')}?{WITHOUT_SIDECARS}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def pulumi(self, *arguments: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
        """Runs `pulumi ARGUMENTS` on this stack; its output goes to the terminal unless `capture`."""
        command = [*arguments, "--stack", self.name, "--cwd", str(self.checkout)]
        if arguments[0] not in ("stack", "state"):
            command += ["--config-file", str(self.configuration_file())]
        return self._run(*command, capture=capture)

    def _run(self, *arguments: str, capture: bool) -> subprocess.CompletedProcess[str]:
        environment = os.environ | self.environment()
        environment.pop("VIRTUAL_ENV", None)
        command = [self.engine / "pulumi", *arguments, "--non-interactive"]
        with interrupts_left_to_the_child():
            return subprocess.run(command, env=environment, text=True, capture_output=capture)

    def configuration_file(self) -> Path:
        """The committed stack file, or a copy of it where this run must not write to it: another stack, other values."""
        committed = self.checkout / f"Pulumi.{self.name}.yaml"
        if self.name == LOCAL and not self.overrides:
            return committed
        content = yaml.safe_load(committed.read_text())
        content["encryptionsalt"] = yaml.safe_load((self.checkout / f"Pulumi.{LOCAL}.yaml").read_text())["encryptionsalt"]
        for group, values in self.overrides.items():
            content["config"].setdefault(f"{PROJECT}:{group}", {}).update(values)
        copy = self.instance.folder("config") / committed.name
        copy.write_text(yaml.safe_dump(content, sort_keys=False))
        return copy

    def prepare(self) -> None:
        """Plugins in place, the stack made if it is new, and whatever a killed run left behind cleared."""
        self._install_plugins()
        if not self.exists():
            self._init()
        self._clear_dead_locks()

    def _init(self) -> None:
        """In a folder of the instance: the engine writes a stack file beside Pulumi.yaml."""
        project = self.instance.folder("config") / "Pulumi.yaml"
        project.write_text((self.checkout / project.name).read_text())
        made = self._run("stack", "init", self.name, "--cwd", str(project.parent), capture=True)
        if made.returncode:
            raise RuntimeError(f"the engine could not make stack {self.name}: {made.stderr.strip()}")

    def exists(self) -> bool:
        return self._file().exists()

    def _file(self) -> Path:
        """Where the engine's file backend keeps the stack's state."""
        return self.instance.home / "state" / ".pulumi" / "stacks" / PROJECT / f"{self.name}.json"

    def _install_plugins(self) -> None:
        """The stand-in providers, as scripts where the engine looks for the plugins of these versions."""
        for name, version in PLUGINS.items():
            script = self.instance.home / "pulumi" / "plugins" / f"resource-{name}-v{version}" / f"pulumi-resource-{name}"
            script.parent.mkdir(parents=True, exist_ok=True)
            text = f'#!/bin/sh\nPYTHONPATH="{CHECKOUT}" exec "{sys.executable}" -m local.provider {name} "$@"\n'
            if not script.exists() or script.read_text() != text:
                script.write_text(text)
                script.chmod(script.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)

    def _clear_dead_locks(self) -> None:
        """`kill -9` of the engine leaves its lock; one whose process is gone from this computer guards nothing."""
        for path in (self.instance.home / "state" / ".pulumi" / "locks").rglob("*.json"):
            lock = json.loads(path.read_text())
            if lock.get("hostname") == socket.gethostname() and not _alive(lock["pid"]):
                path.unlink()

    def interrupted(self) -> bool:
        """Did a killed run leave creates whose outcome the engine does not know?"""
        return bool(self._state().get("pending_operations"))

    def release_failed(self) -> bool:
        """Is there a resource that exists but failed to become what it should? A refresh would forget that it did."""
        return any(resource.get("initErrors") for resource in self._state().get("resources") or [])

    def _state(self) -> dict:
        return (json.loads(self._file().read_text())["checkpoint"].get("latest") or {}) if self.exists() else {}

    def outputs(self) -> dict[str, object]:
        """The program's exports. Raises RuntimeError when the engine cannot say."""
        answer = self.pulumi("stack", "output", "--json", "--show-secrets", capture=True)
        if answer.returncode:
            raise RuntimeError(answer.stderr.strip() or answer.stdout.strip())
        return json.loads(answer.stdout)


def front_door(https_port: int) -> dict[str, dict[str, int]]:
    """The overrides that put the front door on another port; none for the committed one."""
    if https_port == HTTPS_PORT:
        return {}
    return {"edge": {"https_port": https_port, "http_port": http_port(https_port)}}


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def interrupts_left_to_the_child() -> Iterator[None]:
    """Ctrl-C reaches the child too: the engine ends what it has begun and frees its lock, pytest takes its machines down, and
    whoever started it waits for that. subprocess would kill it after a quarter of a second.

    A handler, not SIG_IGN, which the child would inherit (signal(7)).
    """
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
