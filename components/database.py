"""What the databases keep when their servers go: a data volume each, daily snapshots of it, and the table of the lease."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_aws import dlm, dynamodb, ebs, iam

from components.identity import trust
from components.naming import name_tag, token

SNAPSHOTS_KEPT = 7
SNAPSHOT_TIME = "03:00"  # UTC
DLM_POLICY = "arn:aws:iam::aws:policy/service-role/AWSDataLifecycleManagerServiceRole"


@dataclass(frozen=True, kw_only=True)
class DataVolumesArgs:
    zones: Mapping[str, str]  # server name -> full name of its availability zone
    size_gib: int
    adopted: Mapping[str, str]  # server name -> id of an existing volume
    key_arn: pulumi.Input[str]
    protect: bool


class DataVolumes(pulumi.ComponentResource):
    """An encrypted volume per database server, in `ids` by server. They outlive the servers and, when protected, the stack."""

    ids: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: DataVolumesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("database", "DataVolumes"), name, {}, opts)
        backup = {"Backup": name}
        self.ids = {
            server: ebs.Volume(
                f"{name}-{server}",
                availability_zone=zone,
                size=args.size_gib,
                type="gp3",
                encrypted=True,
                kms_key_id=args.key_arn,
                tags=name_tag(f"{name}-{server}") | backup,
                opts=ResourceOptions(
                    parent=self,
                    protect=args.protect,
                    retain_on_delete=args.protect,
                    import_=args.adopted.get(server),
                    ignore_changes=["kmsKeyId"],  # an adopted volume stays encrypted with the key it was made with
                ),
            ).id
            for server, zone in args.zones.items()
        }
        self._snapshots(name, backup)
        self.register_outputs({"ids": self.ids})

    def _snapshots(self, name: str, target_tags: Mapping[str, str]) -> None:
        own = ResourceOptions(parent=self)
        role = iam.Role(
            f"{name}-snapshots",
            assume_role_policy=trust("dlm.amazonaws.com"),
            description="Data Lifecycle Manager, for the snapshots of the data volumes",
            tags=name_tag(f"{name}-snapshots"),
            opts=own,
        )
        iam.RolePolicyAttachment(f"{name}-snapshots", role=role.name, policy_arn=DLM_POLICY, opts=own)
        dlm.LifecyclePolicy(
            f"{name}-snapshots",
            description="Daily snapshots of the data volumes",
            execution_role_arn=role.arn,
            state="ENABLED",
            policy_details={
                "resource_types": ["VOLUME"],
                "target_tags": target_tags,
                "schedules": [
                    {
                        "name": "daily",
                        "create_rule": {"interval": 24, "interval_unit": "HOURS", "times": SNAPSHOT_TIME},
                        "retain_rule": {"count": SNAPSHOTS_KEPT},
                        "copy_tags": True,
                    }
                ],
            },
            tags=name_tag(f"{name}-snapshots"),
            opts=own,
        )


@dataclass(frozen=True, kw_only=True)
class ClusterTableArgs:
    protect: bool


class ClusterTable(pulumi.ComponentResource):
    """Where the servers agree: the rollout's lock and the lease of who may write. One item per `id`, conditional writes."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]

    def __init__(self, name: str, args: ClusterTableArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("database", "ClusterTable"), name, {}, opts)
        table = dynamodb.Table(
            name,
            billing_mode="PAY_PER_REQUEST",
            hash_key="id",
            attributes=[{"name": "id", "type": "S"}],
            deletion_protection_enabled=args.protect,
            server_side_encryption={"enabled": True},
            # A lost lease is not made anew by any server: it has to be put back.
            point_in_time_recovery={"enabled": True},
            tags=name_tag(name),
            opts=ResourceOptions(parent=self),
        )
        self.name, self.arn = table.name, table.arn
        self.register_outputs({"name": self.name})
