"""One running site for all live tests: a copy of this checkout, brought up with `make up` as a user would.

A copy, so that tests can change templates and settings, and run beside the user's own local cloud without meeting it.
"""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from local.host import leftovers
from local.instance import CHECKOUT, Instance, free_ports

UP_DEADLINE_S = 900
LEFT_OUT = shutil.ignore_patterns(
    ".local", ".git", ".build", "__pycache__", ".pytest_cache", ".hypothesis", ".ruff_cache", ".venv"
)


@dataclass
class Site:
    """The copy and its front door."""

    checkout: Path
    port: int

    @property
    def instance(self) -> Instance:
        return Instance.open(self.checkout / ".local")

    def make(self, *arguments: str, check: bool = True, deadline_s: float = UP_DEADLINE_S) -> str:
        """Runs `make ARGUMENTS` in the copy; its whole output. With `check`, a failure fails the test and shows it."""
        environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "LOCAL_CLOUD")}
        result = subprocess.run(
            ["make", *arguments, f"PORT={self.port}"],
            cwd=self.checkout,
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=deadline_s,
        )
        if check and result.returncode:
            pytest.fail(f"make {' '.join(arguments)} ended with {result.returncode}:\n{result.stdout[-6000:]}\n{self.logs()}")
        return result.stdout

    def logs(self) -> str:
        """The end of every log of the local cloud, for a failing test's report."""
        texts = []
        for path in sorted((self.checkout / ".local" / "log").glob("*.log")):
            texts.append(f"--- {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-30:]))
        return "\n".join(texts)

    @property
    def certificate(self) -> str:
        """The front door's certificate as the stack exports it, kept: asking the engine takes seconds."""
        kept = self.checkout / ".certificate.pem"
        if not kept.exists():
            export = subprocess.run(
                ["bash", "-c", 'eval "$(make -s env)" && pulumi stack output certificate --stack local'],
                cwd=self.checkout,
                text=True,
                capture_output=True,
                check=True,
            )
            kept.write_text(export.stdout)
        return kept.read_text()

    def request(self, path: str, body: dict | None = None, method: str | None = None, headers: dict | None = None):
        """(status, headers, text) of one request through the front door, its certificate verified for `localhost`."""
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Content-Type": "application/json", **(headers or {})} if data else headers or {}
        request = urllib.request.Request(f"https://localhost:{self.port}{path}", data=data, headers=headers, method=method)
        context = ssl.create_default_context(cadata=self.certificate)
        try:
            with urllib.request.urlopen(request, context=context, timeout=10) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    def notes(self) -> dict:
        status, _, text = self.request("/api/notes")
        assert status == 200, text
        return json.loads(text)

    def servers(self) -> dict[str, dict]:
        """Server name -> EC2's description."""
        from local.show import running_instances

        return running_instances(self.instance)

    def on(self, server: str, script: str, timeout_s: float = 60):
        """Runs a script on a server as root, through SSM as on AWS; its standard output. Fails when it fails."""
        ssm = self.instance.client("ssm")
        instance_id = self.servers()[server]["InstanceId"]
        sent = ssm.send_command(InstanceIds=[instance_id], DocumentName="AWS-RunShellScript", Parameters={"commands": [script]})

        def ended():
            answer = ssm.get_command_invocation(CommandId=sent["Command"]["CommandId"], InstanceId=instance_id)
            return answer if answer["Status"] not in ("Pending", "InProgress", "Delayed") else None

        answer = eventually(ended, timeout_s)
        assert answer["Status"] == "Success", answer["StandardOutputContent"] + answer["StandardErrorContent"]
        return answer["StandardOutputContent"]

    def configure(self, group: str, **values) -> None:
        """Changes settings in the copy's Pulumi.local.yaml, as `pulumi config set --path` would."""
        path = self.checkout / "Pulumi.local.yaml"
        content = yaml.safe_load(path.read_text())
        content["config"].setdefault(f"distributed-web:{group}", {}).update(values)
        path.write_text(yaml.safe_dump(content, sort_keys=False))


def eventually(question, deadline_s: float, every_s: float = 0.25):
    """The first true answer of `question`, asked again and again; fails with the last one at the deadline."""
    deadline = time.monotonic() + deadline_s
    while True:
        try:
            answer = question()
        except (OSError, AssertionError) as error:
            answer, last = None, error
        else:
            last = answer
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {deadline_s} s; last: {last!r}")
        time.sleep(every_s)


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    checkout = tmp_path_factory.mktemp("live") / "distributed-web"
    shutil.copytree(CHECKOUT, checkout, ignore=LEFT_OUT)
    (port,) = free_ports(1)
    site = Site(checkout=checkout, port=port)
    try:
        site.make("up")
        yield site
    finally:
        site.make("down", check=False)
        leftovers.forget(site.instance)
