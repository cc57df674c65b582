"""Table of whether a machine shall run: InstanceState. An Instance alone never starts a machine that somebody stopped."""

from __future__ import annotations

import pulumi_aws

from local.provider.aws import instance_state
from local.provider.resource import Inputs, Outputs, Property, Resource
from local.provider.session import Aws


def create(aws: Aws, inputs: Inputs) -> str:
    return inputs["instanceId"]


def set_state(aws: Aws, id: str, inputs: Inputs) -> None:
    match inputs["state"]:
        case "running":
            instance_state.start(aws, id)
        case "stopped":
            instance_state.stop(aws, id)
        case other:
            raise ValueError(f"state {other!r} cannot be asked for: use running or stopped")


def read(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    state = instance_state.state(aws, id)
    return None if state == instance_state.GONE else {"instanceId": id, "state": state}


RESOURCES = (
    Resource(
        token="aws:ec2transitgateway/instanceState:InstanceState",
        source="internal/service/ec2/ec2_instance_state.go",
        args=pulumi_aws.ec2transitgateway.InstanceStateArgs,
        properties={"instanceId": Property(force_new=True), "state": Property(), "force": Property(default=False)},
        tags=False,
        create=create,
        ready=set_state,
        read=read,
        update=lambda aws, id, olds, news: set_state(aws, id, news),
        delete=lambda aws, id, inputs: None,  # the machine stays as it is
    ),
)
