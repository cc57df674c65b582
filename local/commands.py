"""Commands on the servers through SSM, as one would on AWS. Who cannot be asked is left out, or is for the caller to miss."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.instance import Instance

SHELL = "AWS-RunShellScript"
UNDER_WAY = ("Pending", "InProgress", "Delayed")
POLL_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Ended:
    """`ok`: the exit code was 0."""

    ok: bool
    stdout: str
    stderr: str


def on_server(instance: Instance, instance_id: str, script: str, deadline_s: float = 10) -> str:
    """The standard output of a script run as root on a server.

    Empty when the server cannot be asked (it is stopped, or still booting) or has not answered at the deadline.
    """
    return on_servers(instance, {"it": instance_id}, script, deadline_s)["it"]


def on_servers(instance: Instance, ids: Mapping[str, str], script: str, deadline_s: float = 10) -> dict[str, str]:
    """The same of several servers at once, by name."""
    ssm = instance.client("ssm")
    sent = {name: send_script(ssm, instance_id, script) for name, instance_id in ids.items()}
    deadline = time.monotonic() + deadline_s
    ended = {name: wait(ssm, command, ids[name], deadline) if command else None for name, command in sent.items()}
    return {name: answer.stdout if answer else "" for name, answer in ended.items()}


def send_script(ssm: Any, instance_id: str, script: str) -> str | None:
    try:
        return send(ssm, instance_id, SHELL, {"commands": [script]})
    except ssm.exceptions.InvalidInstanceId:
        return None


def send(ssm: Any, instance_id: str, document: str, parameters: Mapping[str, list[str]]) -> str:
    """The command's id. Raises what AWS refuses: ssm.exceptions.InvalidInstanceId, InvalidDocument, InvalidParameters."""
    answer = ssm.send_command(InstanceIds=[instance_id], DocumentName=document, Parameters=parameters)
    return answer["Command"]["CommandId"]


def wait(ssm: Any, command_id: str, instance_id: str, deadline: float) -> Ended | None:
    """How it ended; None when it has not at the deadline, a time.monotonic()."""
    while True:
        answer = ssm.get_command_invocation(CommandId=command_id, InstanceId=instance_id)
        if answer["Status"] not in UNDER_WAY:
            texts = {"stdout": answer["StandardOutputContent"], "stderr": answer["StandardErrorContent"]}
            return Ended(ok=answer["Status"] == "Success", **texts)
        if time.monotonic() > deadline:
            return None
        time.sleep(POLL_S)
