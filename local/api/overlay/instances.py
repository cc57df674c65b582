"""EC2 instances' state: what the host observes is shown, and what a machine held is freed once it is really gone."""

from __future__ import annotations

import time
from typing import Any

from moto.ec2.models.instances import Instance, InstanceState

from local.api.overlay.calls import LOCK, Call, Refusal, Served, answers, before_every, follows, refuses

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
TERMINATED_SHOWN_S = 3600  # EC2 User Guide, "Terminate Amazon EC2 instances": it stays visible for about an hour


class ObservedState:
    """Takes the place of moto's `InstanceState`: writing it says what is wanted, reading it asks the host."""

    def __init__(self, instance: Instance, wanted: str) -> None:
        self.instance = instance
        self.wanted = wanted
        self.gone_since: float | None = None  # seconds since the epoch; set when the host says terminated

    @property
    def name(self) -> str:
        return "terminated" if self.gone_since else Served.host.instance_state(self.instance.id, self.wanted)

    @name.setter
    def name(self, wanted: str) -> None:
        self.wanted = wanted

    @property
    def code(self) -> int:
        return CODES[self.name]

    @code.setter
    def code(self, code: int) -> None:
        """moto writes it beside the name; it follows from that."""

    def __copy__(self) -> InstanceState:
        name = self.name
        return InstanceState(name, CODES[name])


def replace_state(instance: Instance, state: InstanceState) -> None:
    vars(instance)["_state"] = ObservedState(instance, state.name)


def ask_to_terminate(instance: Instance) -> InstanceState:
    """The machine is asked to go. Its address, interfaces and volumes are freed when it is down, by `settle`."""
    previous = instance._state.__copy__()
    instance._state.wanted = "terminated"
    return previous


free_what_it_held = Instance.terminate  # moto's: it does all of that at once
Instance.terminate = ask_to_terminate
Instance._state = property(lambda instance: vars(instance)["_state"], replace_state)


@before_every("ec2", "elbv2")
def settle(call: Call) -> None:
    """Frees what terminated machines held, and forgets them after an hour."""
    ec2 = call.state("ec2")
    for reservation in list(ec2.reservations.values()):
        for instance in list(reservation.instances):
            state = instance._state
            if state.wanted == "terminated" and not state.gone_since and state.name == "terminated":
                free(call, instance, state)
            elif state.gone_since and time.time() > state.gone_since + TERMINATED_SHOWN_S:
                reservation.instances.remove(instance)


def free(call: Call, instance: Instance, state: ObservedState) -> None:
    """Once, however many calls find at the same time that the machine is gone."""
    with LOCK:
        if not state.gone_since:
            state.gone_since = time.time()
            free_what_it_held(instance)
            call.changes.add("ec2")


@refuses("ec2", "StartInstances", "StopInstances", "RebootInstances")
def refuse_in_the_wrong_state(call: Call) -> None:
    """EC2 API, "Error codes", IncorrectInstanceState."""
    allowed = {
        "StartInstances": ("started", {"stopped", "running", "pending"}),
        "StopInstances": ("stopped", {"running", "pending", "stopping", "stopped"}),
        "RebootInstances": ("rebooted", {"running", "pending"}),
    }
    verb, states = allowed[call.action]
    for instance in call.state().get_multi_instances_by_id(call.params["InstanceIds"]):
        if instance.state not in states:
            raise Refusal(
                "IncorrectInstanceState",
                f"The instance '{instance.id}' is not in a state from which it can be {verb}.",
            )


@refuses("ec2", "ModifyInstanceAttribute")
def refuse_while_it_runs(call: Call) -> None:
    """EC2 API, ModifyInstanceAttribute: user data and the instance type change on a stopped instance only."""
    if not {"UserData", "InstanceType"} & set(call.params) and call.params.get("Attribute") not in (
        "userData",
        "instanceType",
    ):
        return
    instance = call.state().get_instance(call.params["InstanceId"])
    if instance.state != "stopped":
        raise Refusal("IncorrectInstanceState", f"The instance '{instance.id}' is not in the 'stopped' state.")


@follows("ec2", "ModifyInstanceAttribute", "ModifyNetworkInterfaceAttribute")
def groups_of_the_interface_and_its_instance_are_the_same(call: Call) -> None:
    """EC2 API, ModifyInstanceAttribute, Groups: they replace those of the primary interface. moto keeps two lists."""
    if not (group_ids := call.params.get("Groups")):
        return
    ec2 = call.state()
    if call.action == "ModifyInstanceAttribute":
        interface = ec2.get_instance(call.params["InstanceId"]).nics[0]
    else:
        interface = ec2.get_network_interface(call.params["NetworkInterfaceId"])
    groups = [ec2.get_security_group_from_id(group_id) for group_id in group_ids]
    interface._group_set = groups
    if interface.instance and interface.device_index == 0:
        interface.instance.security_groups = groups


@answers("ec2", "MonitorInstances", "UnmonitorInstances")
def monitor(call: Call) -> dict[str, Any]:
    """EC2 API, MonitorInstances: missing in moto."""
    wanted, shown = ("enabled", "pending") if call.action == "MonitorInstances" else ("disabled", "disabling")
    monitorings = []
    for instance in call.state().get_multi_instances_by_id(call.params["InstanceIds"]):
        instance.monitoring_state = wanted
        monitorings.append({"InstanceId": instance.id, "Monitoring": {"State": shown}})
    return {"InstanceMonitorings": monitorings}
