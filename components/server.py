"""One virtual machine: an instance with a fixed address, its data volume where it has one, its place behind the front door, and
the release brought to it, for whose success `pulumi up` waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_aws import ec2, ec2transitgateway, lb, ssm

from components.naming import name_tag, token

# Nitro instances show it as /dev/nvme…n1 in no certain order; user data finds the volume by its id instead.
DATA_DEVICE = "/dev/sdf"
AGENT = "/usr/local/sbin/agent"
# A first boot installs MySQL and fills the replica before the agent's turn comes.
RELEASED_SECONDS = 1200


@dataclass(frozen=True, kw_only=True)
class ServerArgs:
    ami: str
    instance_type: str
    root_gib: int
    subnet_id: pulumi.Input[str]
    address: str
    security_group_id: pulumi.Input[str]
    profile: pulumi.Input[str]
    key_arn: pulumi.Input[str]
    user_data: pulumi.Input[str]
    data_volume_id: pulumi.Input[str] | None
    release: pulumi.Input[str]
    after: Sequence[pulumi.Resource]  # what the server needs from its first second on
    turn: Sequence[pulumi.Resource]  # what has to be done before this server changes in any way
    target_groups: Mapping[int, pulumi.Input[str]]  # port -> ARN of the group whose requests arrive on it


class Server(pulumi.ComponentResource):
    """`instance_id` is the machine's; `released` is there when it has taken the release, and failed when it could not."""

    instance_id: pulumi.Output[str]
    released: ssm.Association

    def __init__(self, name: str, args: ServerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("server", "Server"), name, {}, opts)
        # The address is fixed, so the old instance has to go before the new one can come.
        in_turn = ResourceOptions(parent=self, delete_before_replace=True)
        instance = ec2.Instance(
            name,
            ami=args.ami,
            instance_type=args.instance_type,
            subnet_id=args.subnet_id,
            private_ip=args.address,
            vpc_security_group_ids=[args.security_group_id],
            iam_instance_profile=args.profile,
            associate_public_ip_address=False,
            # A hop limit of 1 keeps the role's credentials on the machine itself: no container or proxy reaches them.
            metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
            root_block_device={
                "volume_type": "gp3",
                "volume_size": args.root_gib,
                "encrypted": True,
                "kms_key_id": args.key_arn,
                "delete_on_termination": True,
                "tags": name_tag(f"{name}-root"),
            },
            user_data=args.user_data,
            # cloud-init runs it once in a machine's life. Without this a change would stop and start the server for nothing.
            user_data_replace_on_change=True,
            tags=name_tag(name),
            opts=ResourceOptions.merge(in_turn, ResourceOptions(depends_on=[*args.after, *args.turn])),
        )
        self.instance_id = instance.id
        whole: list[pulumi.Resource] = [instance]
        if args.data_volume_id is not None:
            attachment = ec2.VolumeAttachment(
                name,
                device_name=DATA_DEVICE,
                instance_id=instance.id,
                volume_id=args.data_volume_id,
                stop_instance_before_detaching=True,  # a mounted volume does not detach
                opts=in_turn,
            )
            whole.append(attachment)
        # The instance itself says nothing of being stopped: with this, it is a difference that the next update mends.
        own = ResourceOptions(parent=self)
        whole.append(ec2transitgateway.InstanceState(name, instance_id=instance.id, state="running", opts=own))
        for port, group in args.target_groups.items():
            target = {"target_group_arn": group, "target_id": args.address, "port": port}
            # Not before somebody has the address, and the subnet it is in.
            there = ResourceOptions(parent=self, depends_on=[instance])
            whole.append(lb.TargetGroupAttachment(f"{name}-{port}", **target, opts=there))
        self.released = self._release(name, args, whole)
        self.register_outputs({"instance_id": self.instance_id})

    def _release(self, name: str, args: ServerArgs, whole: Sequence[pulumi.Resource]) -> ssm.Association:
        return ssm.Association(
            name,
            name="AWS-RunShellScript",
            association_name=f"{name}-release",
            targets=[{"key": "InstanceIds", "values": [self.instance_id]}],
            parameters={"commands": pulumi.Output.concat(AGENT, " apply ", args.release)},
            wait_for_success_timeout_seconds=RELEASED_SECONDS,
            opts=ResourceOptions(
                parent=self,
                depends_on=[*whole, *args.turn],
                # The provider waits for success only when it creates, and would take a failed one for done the next time.
                replace_on_changes=["parameters", "targets", "#initerror"],
                delete_before_replace=True,
            ),
        )
