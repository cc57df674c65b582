"""Brings a release to the servers, one after the other, and makes `pulumi up` wait for what happens there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_aws import ssm

from components.naming import token
from components.server import Server

AGENT = "/usr/local/sbin/agent"
# A first boot installs MySQL and fills the replica before the agent's turn comes.
TIMEOUT_SECONDS = 1200


@dataclass(frozen=True, kw_only=True)
class RolloutArgs:
    release: pulumi.Input[str]
    servers: Mapping[str, Server]
    order: Sequence[str]


class Rollout(pulumi.ComponentResource):
    """An association per server, each after its predecessor's success, so that a release stops at the first failure."""

    def __init__(self, name: str, args: RolloutArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("rollout", "Rollout"), name, {}, opts)
        predecessors: list[pulumi.Resource] = []
        for server in args.order:
            association = ssm.Association(
                f"{name}-{server}",
                name="AWS-RunShellScript",
                association_name=f"{name}-{server}",
                targets=[{"key": "InstanceIds", "values": [args.servers[server].instance_id]}],
                parameters={"commands": pulumi.Output.concat(AGENT, " apply ", args.release)},
                wait_for_success_timeout_seconds=TIMEOUT_SECONDS,
                opts=ResourceOptions(
                    parent=self,
                    depends_on=[args.servers[server], *predecessors],
                    # The provider waits for success only when it creates, and would take a failed one for done the next time.
                    replace_on_changes=["parameters", "targets", "#initerror"],
                    delete_before_replace=True,
                ),
            )
            predecessors = [association]
        self.register_outputs({})
