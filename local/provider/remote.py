"""The life of a resource behind the AWS API: create (or take over what a killed create left), read, update, delete."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pulumi._types import input_type_py_to_pulumi_names

from local.provider import projection
from local.provider.check import DEFAULTED, TAGS_ALL
from local.provider.diff import diff
from local.provider.interrupted import Interrupted, StateReader
from local.provider.resource import InitFailed, Inputs, Outputs, Resource
from local.provider.session import Aws, Session
from local.provider.tags import MARKER
from local.provider.values import UNKNOWN


class Remote:
    """Serves kinds of type `Resource`. `configure` comes before everything else."""

    def __init__(self, state: StateReader | None = None):
        self.state = state or StateReader()
        self.default_tags: dict[str, str] = {}
        self.session: Session | None = None

    def configure(self, config: Mapping[str, Any]) -> None:
        """`config`: provider inputs; objects arrive as JSON text. Raises ValueError."""
        default_tags = config.get("defaultTags") or {}
        if isinstance(default_tags, str):
            default_tags = json.loads(default_tags)
        self.default_tags = dict(default_tags.get("tags") or {})
        self.session = Session(region=config.get("region"))

    def cancel(self) -> None:
        if self.session:
            self.session.cancelled.set()

    def previous_inputs(self, urn: str) -> Mapping[str, Any]:
        """What a killed create of this resource was given: Check gives the same name again."""
        return self.state.of(urn).creates.get(urn, {})

    def aws(self, urn: str) -> Aws:
        if self.session is None:
            raise ValueError("the provider is not configured")
        return Aws(session=self.session, urn=urn, default_tags=self.default_tags)

    def preview_create(self, resource: Resource, inputs: Inputs) -> Outputs:
        computed = [name for name, row in resource.properties.items() if row.computed and "." not in name]
        return {name: UNKNOWN for name in (*resource.outputs_unknown, *computed)} | _plain(inputs)

    def preview_update(self, resource: Resource, olds: Inputs, state: Outputs, news: Inputs) -> Outputs:
        computed = {name for name, row in resource.properties.items() if row.computed}
        gone = {name for name in olds if name not in news and name not in computed}
        outputs = {name: value for name, value in state.items() if name not in gone} | _plain(news)
        return outputs | {name: UNKNOWN for name in resource.outputs_changing}

    def create(self, urn: str, resource: Resource, inputs: Inputs) -> tuple[str, Outputs]:
        """(id, outputs). Raises InitFailed when the object exists but is not right."""
        aws = self.aws(urn)
        wanted = _plain(inputs)
        if resource.find and resource.tags:
            wanted[TAGS_ALL] = {**wanted[TAGS_ALL], MARKER: _mark(urn)}
        interrupted = self.state.of(urn)
        id = self._take_over(aws, resource, wanted, interrupted) if urn in interrupted.creates else None
        try:
            id = id or resource.create(aws, wanted)
            return id, self._complete(aws, resource, id, wanted, inputs)
        except InitFailed as failed:
            failed.outputs = self._outputs_if_any(aws, resource, failed.id, inputs)
            raise

    def _complete(self, aws: Aws, resource: Resource, id: str, wanted: Inputs, inputs: Inputs) -> Outputs:
        """The outputs of the object, now that it is ready: whatever goes wrong from here on, it exists."""
        try:
            if resource.ready:
                resource.ready(aws, id, wanted)
            outputs = self._outputs(aws, resource, id, inputs)
        except InitFailed:
            raise
        except Exception as error:
            raise InitFailed(id, str(error)) from error
        if outputs is None:
            raise RuntimeError(f"{id} is gone right after it was created")
        return outputs

    def _take_over(self, aws: Aws, resource: Resource, wanted: Inputs, interrupted: Interrupted) -> str | None:
        """The object that a killed create left, brought to the wanted inputs; one that cannot be is deleted."""
        for id in resource.find(aws, wanted) if resource.find else ():
            if (aws.urn, id) in interrupted.known:
                continue
            found = resource.read(aws, id, wanted)
            if found is None:
                continue
            outputs = self._split_tags(resource, found, wanted)
            olds = projection.imported(resource, outputs)
            if diff(resource, olds, outputs, wanted).replaces:
                resource.delete(aws, id, olds)
            else:
                if resource.update:
                    resource.update(aws, id, {**olds, TAGS_ALL: found.get("tags") or {}}, wanted)
                return id
        return None

    def read(self, urn: str, resource: Resource, id: str, inputs: Inputs, state: Outputs) -> tuple[Outputs, Inputs] | None:
        """(outputs, inputs), or None when the object is gone. An import has neither inputs nor state."""
        outputs = self._outputs(self.aws(urn), resource, id, inputs)
        if outputs is None:
            return None
        if not inputs and not state:
            return outputs, projection.imported(resource, outputs)
        return outputs, projection.refreshed(resource, outputs, inputs)

    def update(self, urn: str, resource: Resource, id: str, olds: Inputs, state: Outputs, news: Inputs) -> Outputs:
        aws = self.aws(urn)
        if resource.update:
            tags = {TAGS_ALL: state.get(TAGS_ALL) or {}} if resource.tags else {}
            resource.update(aws, id, _plain(olds) | tags, _plain(news))
        outputs = self._outputs(aws, resource, id, news)
        if outputs is None:
            raise RuntimeError(f"{id} does not exist any more: `pulumi refresh` takes it out of the state")
        return outputs

    def delete(self, urn: str, resource: Resource, id: str, inputs: Inputs, state: Outputs) -> None:
        resource.delete(self.aws(urn), id, _plain(inputs) or state)

    def _outputs(self, aws: Aws, resource: Resource, id: str, inputs: Inputs) -> Outputs | None:
        found = resource.read(aws, id, _plain(inputs))
        if found is None:
            return None
        regional = {"region": aws.region} if "region" in input_type_py_to_pulumi_names(resource.args).values() else {}
        return {**_plain(inputs), **regional, **self._split_tags(resource, found, inputs)}

    def _outputs_if_any(self, aws: Aws, resource: Resource, id: str, inputs: Inputs) -> Outputs:
        """What can be told of a half-made object: the failure must be reported even if reading fails as well."""
        try:
            return self._outputs(aws, resource, id, inputs) or _plain(inputs)
        except Exception:
            return _plain(inputs)

    def _split_tags(self, resource: Resource, found: Outputs, inputs: Inputs) -> Outputs:
        """tagsAll is what is on the object; tags is what of it does not come from the provider's default_tags."""
        if not resource.tags:
            return found
        everything = {
            key: value for key, value in (found.get("tags") or {}).items() if key != MARKER and not key.startswith("aws:")
        }
        asked = inputs.get("tags") or {}
        own = {key: value for key, value in everything.items() if key in asked or self.default_tags.get(key) != value}
        return {**found, "tags": own, TAGS_ALL: everything}


def _plain(inputs: Inputs) -> dict[str, Any]:
    return {key: value for key, value in inputs.items() if key != DEFAULTED}


def _mark(urn: str) -> str:
    return hashlib.sha256(urn.encode()).hexdigest()[:32]
