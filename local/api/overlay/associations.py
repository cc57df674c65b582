"""State Manager associations: kept, and run on their instances as soon as the agent there answers. Missing in moto.

SSM API, CreateAssociation and following. AWS tells only a status, never why; so does this. A run that a killed server
did not see the end of is done again, as an agent does that lost its connection.
"""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.ssm.exceptions import InvalidResourceId
from moto.ssm.models import SimpleSystemManagerBackend

from local.api.overlay.calls import LOCK, Call, Refusal, Served, answers, patches
from local.api.overlay.shell import script
from local.api.overlay.state import OwnState, backend, own_states, section_of

POLL_S = 0.2  # how often we look whether an agent answers
SETTINGS = (
    "Name", "AssociationName", "Targets", "Parameters", "ScheduleExpression", "ScheduleOffset", "DocumentVersion",
    "OutputLocation", "ComplianceSeverity", "MaxConcurrency", "MaxErrors", "ApplyOnlyAtCronInterval", "SyncCompliance",
    "AutomationTargetParameterName", "CalendarNames",
)  # fmt: skip


@dataclass
class Association:
    """`settings` as given; `results` by instance: Pending, Success or Failed; `runs` the finished ones."""

    id: str
    settings: dict[str, Any]
    version: int = 1
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))
    results: dict[str, str] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def instances(self) -> list[str]:
        return [value for target in self.settings["Targets"] for value in target["Values"]]

    @property
    def status(self) -> str:
        if "Failed" in self.results.values():
            return "Failed"
        return "Success" if list(self.results.values()).count("Success") == len(self.instances) else "Pending"

    def overview(self) -> dict[str, Any]:
        counts: dict[str, int] = {}
        for result in self.results.values():
            counts[result] = counts.get(result, 0) + 1
        return {"Status": self.status, "DetailedStatus": self.status, "AssociationStatusAggregatedCount": counts}

    def described(self) -> dict[str, Any]:
        last = {"LastExecutionDate": self.runs[-1]["CreatedTime"]} if self.runs else {}
        good = [run["CreatedTime"] for run in self.runs if run["Status"] == "Success"]
        return {
            **self.settings,
            "AssociationId": self.id,
            "AssociationVersion": str(self.version),
            "Date": self.created,
            "LastUpdateAssociationDate": self.updated,
            "Overview": self.overview(),
            **last,
            **({"LastSuccessfulExecutionDate": good[-1]} if good else {}),
        }


@answers("ssm", "CreateAssociation")
def create(call: Call) -> dict[str, Any]:
    association = Association(str(uuid.uuid4()), checked(call, {"DocumentVersion": "$DEFAULT"}))
    call.own.associations[association.id] = association
    tags = {tag["Key"]: tag["Value"] for tag in call.params.get("Tags", [])}
    call.state().add_tags_to_resource("Association", association.id, tags)
    begin(call.own, association)
    return {"AssociationDescription": association.described()}


@answers("ssm", "UpdateAssociation")
def update(call: Call) -> dict[str, Any]:
    """A new version; it runs at once (SSM User Guide, "Edit an association")."""
    association = find(call)
    association.settings = checked(call, association.settings)
    association.version += 1
    association.updated = datetime.now(UTC)
    begin(call.own, association)
    return {"AssociationDescription": association.described()}


def checked(call: Call, there: dict[str, Any]) -> dict[str, Any]:
    given = {name: call.params[name] for name in SETTINGS if name in call.params}
    if "InstanceId" in call.params:
        given["Targets"] = [{"Key": "InstanceIds", "Values": [call.params["InstanceId"]]}]
    settings = {**there, **given}
    script(settings["Name"], settings.get("Parameters"))
    if not settings.get("Targets") or any(target["Key"] != "InstanceIds" for target in settings["Targets"]):
        raise Refusal("InvalidTarget", "the local machines are targets by Key=InstanceIds only")
    return settings


@answers("ssm", "StartAssociationsOnce")
def start_once(call: Call) -> dict[str, Any]:
    for association_id in call.params["AssociationIds"]:
        begin(call.own, known(call.own, association_id))
    return {}


@answers("ssm", "DescribeAssociation")
def describe(call: Call) -> dict[str, Any]:
    return {"AssociationDescription": find(call).described()}


@answers("ssm", "ListAssociations")
def list_all(call: Call) -> dict[str, Any]:
    filters = [(wanted["key"], wanted["value"]) for wanted in call.params.get("AssociationFilterList", [])]
    described = [association.described() for association in call.own.associations.values()]
    shown = [one for one in described if all(matches(one, key, value) for key, value in filters)]
    names = ("Name", "AssociationId", "AssociationVersion", "Targets", "Overview", "ScheduleExpression", "AssociationName",
             "LastExecutionDate")  # fmt: skip
    return {"Associations": [{name: one[name] for name in names if name in one} for one in shown]}


def matches(described: dict[str, Any], key: str, value: str) -> bool:
    if key == "InstanceId":
        return any(value in target["Values"] for target in described["Targets"])
    if key in ("Name", "AssociationId", "AssociationName"):
        return described.get(key) == value
    raise NotImplementedError(f"AssociationFilterList key {key}")


@answers("ssm", "DescribeAssociationExecutions")
def describe_executions(call: Call) -> dict[str, Any]:
    return {"AssociationExecutions": list(reversed(known(call.own, call.params["AssociationId"]).runs))}


@answers("ssm", "DeleteAssociation")
def delete(call: Call) -> dict[str, Any]:
    del call.own.associations[find(call).id]
    return {}


@patches(SimpleSystemManagerBackend, "_validate_resource_type_and_id")
def taggable(moto: Any, ssm: SimpleSystemManagerBackend, resource_type: str, resource_id: str) -> str:
    """SSM API, AddTagsToResource: associations too."""
    if resource_type != "Association":
        return moto(ssm, resource_type, resource_id)
    if resource_id not in backend("overlay", ssm.region_name).associations:
        raise InvalidResourceId()
    return resource_id


def find(call: Call) -> Association:
    """By AssociationId, or as long ago by Name and InstanceId."""
    if "AssociationId" in call.params:
        return known(call.own, call.params["AssociationId"])
    for association in call.own.associations.values():
        named = association.settings["Name"] == call.params.get("Name")
        if named and association.instances == [call.params.get("InstanceId")]:
            return association
    raise Refusal("AssociationDoesNotExist", "The specified association does not exist.")


def known(own: OwnState, association_id: str) -> Association:
    if association_id not in own.associations:
        raise Refusal("AssociationDoesNotExist", f"Association {association_id} does not exist.")
    return own.associations[association_id]


def begin(own: OwnState, association: Association) -> None:
    association.results = dict.fromkeys(association.instances, "Pending")
    for instance_id in association.instances:
        arguments = (own, association, association.version, instance_id, Served.closed)
        threading.Thread(target=run, args=arguments, name=f"association {association.id}", daemon=True).start()


def resume() -> None:
    """What a server that was killed did not finish."""
    for account in own_states.values():
        for own in account.values():
            for association in own.associations.values():
                if association.status == "Pending":
                    begin(own, association)


def run(own: OwnState, association: Association, version: int, instance_id: str, closed: threading.Event) -> None:
    """On one instance, once its agent answers; until the association is deleted or changed, or the server stops."""
    work = script(association.settings["Name"], association.settings.get("Parameters"))
    while own.associations.get(association.id) is association and association.version == version:
        if Served.host.online(instance_id):
            try:
                result = Served.host.run(instance_id, work.text, work.timeout_s)
            except OSError:  # the machine went down meanwhile; the agent runs it again when it is back
                result = None
            if result:
                record(association, instance_id, "Failed" if result.exit_code else "Success")
                return
        if closed.wait(POLL_S):
            return


def record(association: Association, instance_id: str, status: str) -> None:
    with LOCK:
        association.results[instance_id] = status
        association.runs.append(
            {
                "AssociationId": association.id,
                "AssociationVersion": str(association.version),
                "ExecutionId": str(uuid.uuid4()),
                "Status": status,
                "DetailedStatus": status,
                "CreatedTime": datetime.now(UTC),
                "LastExecutionDate": datetime.now(UTC),
                "ResourceCountByStatus": f"{{{status}=1}}",
            }
        )
    Served.changed(section_of("ssm"))
