"""What an operator asks of the databases: a document of SSM per verb, to be sent to a web server with `aws ssm send-command`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_aws import ssm

from components.naming import document_name, name_tag, token

# Of the release that runs there: an operator's verb must not depend on S3, as a release does.
AGENT = "/usr/bin/python3 /var/lib/distributed-web/current/agent.pyz"
TIMEOUT_SECONDS = 120  # the agent gives up long before


@dataclass(frozen=True, kw_only=True)
class OperationsArgs:
    stack: str
    servers: Sequence[str]  # names of the web servers


class Operations(pulumi.ComponentResource):
    """`documents`: verb -> name of its document."""

    documents: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: OperationsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("operations", "Operations"), name, {}, opts)
        self.documents = {
            verb: ssm.Document(
                f"{name}-{verb}",
                name=document_name(args.stack, verb),
                document_type="Command",
                target_type="/AWS::EC2::Instance",
                content=json.dumps(content, indent=2),
                tags=name_tag(document_name(args.stack, verb)),
                opts=ResourceOptions(parent=self),
            ).name
            for verb, content in contents(args.servers).items()
        }
        self.register_outputs({"documents": self.documents})


def contents(servers: Sequence[str]) -> dict[str, dict[str, object]]:
    """Verb -> its document. What goes into a command line is only what its pattern admits, and needs no quotes."""
    return {
        "switchover": document(
            "Hands the databases' writes over; on any web server.",
            f"{AGENT} switchover {{{{ server }}}}",
            server=optional("Who is to be the primary; the other one when empty.", "|".join(servers)),
        ),
        "promote": document(
            "Makes this web server the primary though transactions may be lost; without an epoch, says which.",
            f'force="{{{{ force }}}}"\n{AGENT} promote ${{force:+--force $force}}',
            force=optional("The epoch that the document names when it is sent without one.", "0|[1-9][0-9]{0,17}"),
        ),
        "lease": document("Who may write, as this web server sees it, in JSON.", f"{AGENT} lease"),
    }


def document(description: str, script: str, **parameters: Mapping[str, str]) -> dict[str, object]:
    inputs = {"runCommand": script.splitlines(), "timeoutSeconds": str(TIMEOUT_SECONDS)}
    return {
        "schemaVersion": "2.2",
        "description": description,
        "parameters": parameters,
        "mainSteps": [{"action": "aws:runShellScript", "name": "agent", "inputs": inputs}],
    }


def optional(description: str, pattern: str) -> dict[str, str]:
    return {"type": "String", "description": description, "default": "", "allowedPattern": f"^({pattern})?$"}
