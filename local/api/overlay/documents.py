"""Command documents of the account's own: what a command with one of them runs. moto keeps documents, and runs none.

SSM User Guide, "Data elements and parameters"; amazon-ssm-agent, agent/docparser, for what becomes of `{{ name }}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from moto.ssm.models import Document, SimpleSystemManagerBackend

from local.api.overlay.calls import Call, Refusal, patches, refuses
from local.api.overlay.shell import DOCUMENT, Script, assembled, script

SCHEMA, ACTION = "2.2", "aws:runShellScript"
MENTION = re.compile(r"{{\s*([A-Za-z0-9]+)\s*}}")
Parameters = Mapping[str, Sequence[str]]


def work(call: Call) -> Script:
    """What a SendCommand asks for. SSM API: InvalidDocument, InvalidDocumentVersion, InvalidParameters."""
    name, parameters = call.params["DocumentName"], call.params.get("Parameters") or {}
    if name == DOCUMENT:
        return script(name, parameters)
    document = chosen(call.state(), name, call.params.get("DocumentVersion"))
    if document.document_type != "Command":
        raise Refusal("InvalidDocument", f"document {name} is of type {document.document_type}: a command needs type Command")
    values = checked(name, document.content_json.get("parameters") or {}, parameters)
    inputs = only_step(document.content_json)["inputs"]
    fill = lambda text: MENTION.sub(lambda mention: values[mention[1]], str(text))  # noqa: E731
    lines = [fill(line) for line in inputs["runCommand"]]
    return assembled(lines, fill(inputs.get("workingDirectory", "")), fill(inputs.get("timeoutSeconds", "3600")))


def chosen(ssm: SimpleSystemManagerBackend, name: str, version: str | None) -> Document:
    """The default version unless the caller names another."""
    documents = ssm._get_documents(name)
    found = documents.find(None if version == "$DEFAULT" else version, strict=False)
    if not found:
        raise Refusal("InvalidDocumentVersion", f"document {name} has no version {version}")
    return found


def checked(name: str, declared: Mapping[str, Any], given: Parameters) -> dict[str, str]:
    """A value for every parameter of a document."""
    for parameter in given:
        if parameter not in declared:
            allowed = ", ".join(declared) or "none"
            raise Refusal("InvalidParameters", f"{parameter} is not a parameter of {name}; it has: {allowed}")
    values = {}
    for parameter, rule in declared.items():
        value = given[parameter][0] if given.get(parameter) else rule.get("default")
        if value is None:
            raise Refusal("InvalidParameters", f"the parameter {parameter} of {name} is required")
        if not fits(rule, value):
            allowed = rule.get("allowedPattern") or rule.get("allowedValues")
            raise Refusal("InvalidParameters", f"the parameter {parameter} of {name} is {value!r}; allowed is {allowed}")
        values[parameter] = value
    return values


def fits(rule: Mapping[str, Any], value: str) -> bool:
    pattern, values = rule.get("allowedPattern"), rule.get("allowedValues")
    return (pattern is None or re.search(pattern, value) is not None) and (values is None or value in values)


@refuses("ssm", "CreateDocument", "UpdateDocument")
def must_be_able_to_run(call: Call) -> None:
    """SSM API, CreateDocument: InvalidDocumentContent. What moto keeps unread would fail only on the day it is needed."""
    there = call.state()._documents.get(call.params["Name"])
    kind = there.get_default_version().document_type if there else call.params.get("DocumentType")
    if kind != "Command":
        return
    content = parsed(call.params["Content"], call.params.get("DocumentFormat", "JSON"))
    declared = content.get("parameters") or {}
    for name, rule in declared.items():
        if rule.get("type") != "String":
            raise NotImplementedError(f"parameter {name} of type {rule.get('type')}: String is known here")
        if "default" in rule and not fits(rule, rule["default"]):
            raise Refusal("InvalidDocumentContent", f"the default of parameter {name} is not a value that it allows")
    if unknown := set(MENTION.findall(str(only_step(content)["inputs"]))) - set(declared):
        raise Refusal("InvalidDocumentContent", f"{', '.join(sorted(unknown))} is used and not declared as a parameter")


def parsed(content: str, format: str) -> Mapping[str, Any]:
    """As moto reads it, refusals included."""
    about = dict.fromkeys(("account_id", "name", "version_name", "document_type", "requires", "attachments", "target_type"))
    return Document(content=content, document_format=format, **about).content_json


def only_step(content: Mapping[str, Any]) -> Mapping[str, Any]:
    steps = content.get("mainSteps") or []
    if content["schemaVersion"] != SCHEMA or [(set(step), step["action"]) for step in steps] != [
        ({"action", "name", "inputs"}, ACTION)
    ]:
        raise NotImplementedError(f"a command's document here has schema {SCHEMA} and one step, {ACTION}")
    return steps[0]


@patches(SimpleSystemManagerBackend, "update_document")
def update(moto: Any, ssm: SimpleSystemManagerBackend, **given: Any) -> Any:
    """moto refuses the content of any version as a duplicate, AWS that of the latest: a change can be taken back."""
    documents = ssm._get_documents(given["name"])
    every = documents.versions
    recent = {documents.default_version, documents.latest_version}
    documents.versions = {version: document for version, document in every.items() if version in recent}
    try:
        return moto(ssm, **given)
    finally:
        documents.versions = {**every, **documents.versions}
