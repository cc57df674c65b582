"""The servers: an identity per kind, a machine per name, and the rule that no update takes two of them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions

from cloud_init import render
from cloud_init.site import Server as Machine
from components import naming
from components.identity import ServerIdentity, ServerIdentityArgs
from components.naming import token
from components.plan import Plan
from components.secrets import Secret
from components.server import Server, ServerArgs


@dataclass(frozen=True, kw_only=True)
class FleetArgs:
    plan: Plan
    ami: str
    types: Mapping[str, str]  # kind -> EC2 instance type
    root_gib: int
    subnets: Mapping[str, pulumi.Input[str]]  # zone letter -> private subnet id
    groups: Mapping[str, pulumi.Input[str]]  # kind -> security group id
    target_groups: Mapping[int, pulumi.Input[str]]  # port -> ARN
    secrets: Mapping[str, Sequence[Secret]]  # server name -> what its agent turns into files
    volumes: Mapping[str, pulumi.Input[str]]  # server name -> data volume id
    key_arn: pulumi.Input[str]
    bucket: pulumi.Input[str]
    bucket_arn: pulumi.Input[str]
    salvage: pulumi.Input[str]
    salvage_arn: pulumi.Input[str]
    table: pulumi.Input[str]
    table_arn: pulumi.Input[str]
    release: pulumi.Input[str]
    after: Sequence[pulumi.Resource]  # what a server needs from its first second on


class Fleet(pulumi.ComponentResource):
    """`servers` by name."""

    servers: Mapping[str, Server]

    def __init__(self, name: str, args: FleetArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("fleet", "Fleet"), name, {}, opts)
        self._name, self._args = name, args
        machines = args.plan.site.servers
        identities = {kind: self._identity(kind, [m for m in machines if m.kind == kind]) for kind in args.types}
        self.servers = {}
        turn: list[pulumi.Resource] = []
        for machine in sorted(machines, key=lambda machine: args.plan.order.index(machine.name)):
            # A server changes, whether it is to run another release or on another instance, only when the one before it serves
            # with what it was to have. What fails on one reaches no other.
            server = self._server(machine, identities[machine.kind], turn)
            self.servers[machine.name] = server
            turn = [server.released]
        self.register_outputs({"ids": {server: made.instance_id for server, made in self.servers.items()}})

    def _identity(self, kind: str, machines: Sequence[Machine]) -> ServerIdentity:
        args = self._args
        return ServerIdentity(
            f"{self._name}-{kind}",
            ServerIdentityArgs(
                kind=kind,
                servers=tuple(machine.name for machine in machines),
                secrets=[secret for machine in machines for secret in args.secrets[machine.name]],
                region=args.plan.site.region,
                bucket_arn=args.bucket_arn,
                salvage_arn=args.salvage_arn if kind == "web" else None,
                key_arn=args.key_arn,
                table_arn=args.table_arn,
            ),
            ResourceOptions(parent=self),
        )

    def _server(self, machine: Machine, identity: ServerIdentity, turn: Sequence[pulumi.Resource]) -> Server:
        args = self._args
        volume = args.volumes.get(machine.name)
        return Server(
            f"{self._name}-{machine.name}",
            ServerArgs(
                ami=args.ami,
                instance_type=args.types[machine.kind],
                root_gib=args.root_gib,
                subnet_id=args.subnets[args.plan.zones[machine.name]],
                address=machine.address,
                security_group_id=args.groups[machine.kind],
                profile=identity.profile,
                key_arn=args.key_arn,
                user_data=self._user_data(machine, volume),
                data_volume_id=volume,
                target_groups=args.target_groups,
                release=args.release,
                after=[*args.after, identity],
                turn=turn,
            ),
            ResourceOptions(parent=self),
        )

    def _user_data(self, machine: Machine, volume: pulumi.Input[str] | None) -> pulumi.Output[str]:
        args = self._args
        site = args.plan.site
        known = pulumi.Output.all(bucket=args.bucket, salvage=args.salvage, table=args.table, volume_id=volume)
        prefix = naming.parameter_prefix(site.stack)
        return known.apply(lambda names: render.user_data(site, machine, parameters=prefix, **names))
