"""SSM Run Command: commands really run on the machines; moto only records them. And which agents answer.

SSM API, SendCommand, GetCommandInvocation, ListCommands, ListCommandInvocations, DescribeInstanceInformation.
"""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from local.api.overlay.calls import LOCK, Call, Refusal, Served, answers
from local.api.overlay.documents import work
from local.api.overlay.shell import Script
from local.api.overlay.state import own_states, section_of

OUTPUT_CHARACTERS, ERROR_CHARACTERS = 24_000, 8_000  # SSM API, GetCommandInvocation: the beginning of each is kept
LISTED_CHARACTERS = 2_500  # SSM API, CommandPlugin: of both together
AGENT = {"PlatformType": "Linux", "PlatformName": "Debian GNU/Linux", "PlatformVersion": "13", "AgentVersion": "3.3.0.0"}


@answers("ssm", "SendCommand")
def send(call: Call) -> dict[str, Any]:
    asked = work(call)
    instance_ids = call.params.get("InstanceIds") or targeted(call)
    deaf = [instance_id for instance_id in instance_ids if not Served.host.online(instance_id)]
    if deaf or not all(call.state("ec2").get_instance_by_id(instance_id) for instance_id in instance_ids):
        raise Refusal("InvalidInstanceId", f"Instances {instance_ids} not in a valid state for account")
    now = datetime.now(UTC)
    command = {
        "CommandId": str(uuid.uuid4()),
        "DocumentName": call.params["DocumentName"],
        "Comment": call.params.get("Comment", ""),
        "Parameters": call.params.get("Parameters", {}),
        "InstanceIds": instance_ids,
        "RequestedDateTime": now,
        "ExpiresAfter": now + timedelta(seconds=asked.timeout_s),
        "Invocations": {instance_id: {"Status": "InProgress", "ResponseCode": -1} for instance_id in instance_ids},
    }
    call.own.commands[command["CommandId"]] = command
    for instance_id in instance_ids:
        arguments = (command["Invocations"][instance_id], instance_id, asked)
        threading.Thread(target=run, args=arguments, name=f"command {command['CommandId']}", daemon=True).start()
    return {"Command": shown(command)}


def targeted(call: Call) -> list[str]:
    """EC2 instances by `InstanceIds` or `tag:…` (SSM API, Target); of tagged ones those with an agent that answers."""
    ids: list[str] = []
    for target in call.params.get("Targets", []):
        if target["Key"] == "InstanceIds":
            ids += target["Values"]
        elif target["Key"].startswith("tag:"):
            found = call.state("ec2").describe_instances(filters={target["Key"]: target["Values"]})
            tagged = [instance for reservation in found for instance in reservation.instances]
            ids += [each.id for each in tagged if each.state == "running" and Served.host.online(each.id)]
        else:
            raise Refusal("InvalidTarget", f"target key {target['Key']}: InstanceIds and tag:… are known here")
    return ids


def run(invocation: dict[str, Any], instance_id: str, asked: Script) -> None:
    try:
        result = Served.host.run(instance_id, asked.text, asked.timeout_s)
        status = "Success" if result.exit_code == 0 else "Failed" if result.exit_code > 0 else "TimedOut"
        ended = {
            "Status": status,
            "ResponseCode": result.exit_code,
            "StandardOutputContent": result.stdout[:OUTPUT_CHARACTERS],
            "StandardErrorContent": result.stderr[:ERROR_CHARACTERS],
        }
    except OSError as error:
        ended = {"Status": "Failed", "ResponseCode": -1, "StandardErrorContent": str(error)}
    with LOCK:
        invocation.update(ended)
    Served.changed(section_of("ssm"))


def give_up_interrupted() -> None:
    """Commands a killed server did not see the end of: unlike an association, a command is never run twice."""
    for account in own_states.values():
        for own in account.values():
            for command in own.commands.values():
                for invocation in command["Invocations"].values():
                    if invocation["Status"] == "InProgress":
                        invocation.update(Status="Failed", StandardErrorContent="the local cloud was stopped meanwhile")


def shown(command: dict[str, Any]) -> dict[str, Any]:
    statuses = [invocation["Status"] for invocation in command["Invocations"].values()]
    status = next((s for s in ("InProgress", "TimedOut", "Failed") if s in statuses), "Success")
    done = [s for s in statuses if s != "InProgress"]
    counts = {"TargetCount": len(statuses), "CompletedCount": len(done), "ErrorCount": len(done) - done.count("Success")}
    return {**command, "Status": status, "StatusDetails": status, **counts}


@answers("ssm", "ListCommands")
def list_commands(call: Call) -> dict[str, Any]:
    commands = [shown(command) for command in call.own.commands.values()]
    wanted, instance = call.params.get("CommandId"), call.params.get("InstanceId")
    chosen = [c for c in commands if c["CommandId"] == (wanted or c["CommandId"])]
    return {"Commands": [c for c in chosen if not instance or instance in c["InstanceIds"]]}


@answers("ssm", "ListCommandInvocations")
def list_invocations(call: Call) -> dict[str, Any]:
    wanted, instance = call.params.get("CommandId"), call.params.get("InstanceId")
    details = call.params.get("Details", False)
    return {
        "CommandInvocations": [
            {"CommandId": command["CommandId"], "InstanceId": instance_id, "DocumentName": command["DocumentName"],
             "Status": invocation["Status"], "StatusDetails": invocation["Status"],
             "CommandPlugins": [plugin(invocation)] if details else []}
            for command in call.own.commands.values()
            for instance_id, invocation in command["Invocations"].items()
            if command["CommandId"] == (wanted or command["CommandId"]) and instance_id == (instance or instance_id)
        ]
    }  # fmt: skip


def plugin(invocation: dict[str, Any]) -> dict[str, Any]:
    """How the one step ended; what it said on standard error follows a line of its own."""
    texts = (invocation.get("StandardOutputContent", ""), invocation.get("StandardErrorContent", ""))
    output = "\n----------ERROR-------\n".join(filter(None, texts))[:LISTED_CHARACTERS]
    status = {"Status": invocation["Status"], "StatusDetails": invocation["Status"]}
    return {"Name": "aws:runShellScript", **status, "ResponseCode": invocation["ResponseCode"], "Output": output}


@answers("ssm", "GetCommandInvocation")
def get_invocation(call: Call) -> dict[str, Any]:
    command_id, instance_id = call.params["CommandId"], call.params["InstanceId"]
    invocation = call.own.commands.get(command_id, {"Invocations": {}})["Invocations"].get(instance_id)
    if invocation is None:
        raise Refusal("InvocationDoesNotExist", f"no invocation of {command_id} on {instance_id}")
    document = call.own.commands[command_id]["DocumentName"]
    ids = {"CommandId": command_id, "InstanceId": instance_id, "DocumentName": document}
    texts = {"StandardOutputContent": "", "StandardErrorContent": "", "StatusDetails": invocation["Status"]}
    return {**ids, **texts, **invocation}


@answers("ssm", "DescribeInstanceInformation")
def describe_agents(call: Call) -> dict[str, Any]:
    """The instances whose agent answers; an agent that fell silent is left out (AWS shows ConnectionLost for a while)."""
    filters = [(f["Key"], f["Values"]) for f in call.params.get("Filters", [])]
    wanted = {value for key, values in filters if key == "InstanceIds" for value in values}
    instances = [
        instance
        for reservation in call.state("ec2").describe_instances()
        for instance in reservation.instances
        if (not wanted or instance.id in wanted) and instance.state == "running" and Served.host.online(instance.id)
    ]
    return {
        "InstanceInformationList": [
            {"InstanceId": instance.id, "PingStatus": "Online", "LastPingDateTime": datetime.now(UTC), **AGENT,
             "ResourceType": "EC2Instance", "IPAddress": instance.private_ip_address,
             "ComputerName": instance.private_dns_name}
            for instance in instances
        ]
    }  # fmt: skip
