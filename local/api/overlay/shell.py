"""What `AWS-RunShellScript` is: its parameters, checked, as one script. The account's own documents are in documents.py."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from local.api.overlay.calls import Refusal

DOCUMENT = "AWS-RunShellScript"
EXECUTION_TIMEOUT_S = 3600  # the document's default
PARAMETERS = ("commands", "workingDirectory", "executionTimeout")


@dataclass(frozen=True)
class Script:
    text: str
    timeout_s: float


def script(document: str, parameters: Mapping[str, Sequence[str]] | None) -> Script:
    """SSM API, SendCommand and CreateAssociation: InvalidDocument, InvalidParameters."""
    parameters = parameters or {}
    if document != DOCUMENT:
        message = f"The document {document} is unknown here: the local machines run {DOCUMENT} only"
        raise Refusal("InvalidDocument", message)
    for name in parameters:
        if name not in PARAMETERS:
            raise Refusal("InvalidParameters", f"{name} is not a parameter of {DOCUMENT}; it has: {PARAMETERS}")
    if not parameters.get("commands"):
        raise Refusal("InvalidParameters", f"the parameter commands of {DOCUMENT} is required")
    timeout = (parameters.get("executionTimeout") or [str(EXECUTION_TIMEOUT_S)])[0]
    return assembled(parameters["commands"], (parameters.get("workingDirectory") or [""])[0], timeout)


def assembled(commands: Sequence[str], folder: str, timeout: str) -> Script:
    """What the action aws:runShellScript makes of its inputs."""
    if not timeout.isdigit() or not 1 <= int(timeout) <= 172800:
        raise Refusal("InvalidParameters", f"executionTimeout is 1 to 172800 seconds, not {timeout}")
    lines = [f"cd {shlex.quote(folder)} || exit 1"] if folder else []
    return Script("\n".join([*lines, *commands]) + "\n", float(timeout))
