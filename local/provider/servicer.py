"""The gRPC ResourceProvider of one plugin: Pulumi's protocol on one side, tables and a lifecycle on the other.

Protocol: pulumi/proto/pulumi/provider.proto. Every method is thin: take the request apart, call, put the answer together.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto import provider_pb2 as proto
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderServicer

from local.provider import errors, paths
from local.provider.check import check
from local.provider.computed import InState
from local.provider.config import Config
from local.provider.diff import Change, diff
from local.provider.remote import Remote
from local.provider.resource import Computed, InitFailed, Kind, Outputs
from local.provider.values import Secret, from_struct, to_struct

# Secrets stay with the engine: it never sends one in plain inside a wrapper, and marks outputs named like secret inputs.
FEATURES = {"acceptSecrets": False, "acceptResources": False, "acceptOutputs": False}


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """What one plugin offers. `functions`: token -> answer to its arguments."""

    name: str
    version: str
    kinds: Mapping[str, Kind]
    lifecycle: Remote | InState
    config: Config
    functions: Mapping[str, Callable[[Any, Mapping[str, Any]], dict[str, Any]]] = field(default_factory=dict)


class Servicer(ResourceProviderServicer):
    def __init__(self, plugin: Plugin):
        self.plugin = plugin
        self.life = plugin.lifecycle

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> proto.ProviderHandshakeResponse:
        return proto.ProviderHandshakeResponse(accept_secrets=False, accept_resources=False, accept_outputs=False)

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=self.plugin.version)

    def CheckConfig(self, request: proto.CheckRequest, context: grpc.ServicerContext) -> proto.CheckResponse:
        failures = self.plugin.config.failures(from_struct(request.news))
        return proto.CheckResponse(inputs=request.news, failures=_failures(failures))

    def DiffConfig(self, request: proto.DiffRequest, context: grpc.ServicerContext) -> proto.DiffResponse:
        olds, news = from_struct(request.old_inputs), from_struct(request.news)
        changed = sorted(key for key in {*olds, *news} if olds.get(key) != news.get(key))
        replaces = [key for key in changed if key in self.plugin.config.replacing]
        return proto.DiffResponse(changes=_some(changed), diffs=changed, replaces=replaces)

    def Configure(self, request: proto.ConfigureRequest, context: grpc.ServicerContext) -> proto.ConfigureResponse:
        with self._reporting(context, f"configuring the stand-in {self.plugin.name} provider"):
            self.life.configure(from_struct(request.args))
        return proto.ConfigureResponse(supportsPreview=True, **FEATURES)

    def Check(self, request: proto.CheckRequest, context: grpc.ServicerContext) -> proto.CheckResponse:
        with self._reporting(context, _what("checking", request)):
            kind = self._kind(request)
            olds, news = from_struct(request.olds) or self.life.previous_inputs(request.urn), from_struct(request.news)
            checked = check(kind, olds, news, _name(request.urn), request.randomSeed, self.life.default_tags)
            return proto.CheckResponse(inputs=to_struct(checked.inputs), failures=_failures(checked.failures))

    def Diff(self, request: proto.DiffRequest, context: grpc.ServicerContext) -> proto.DiffResponse:
        with self._reporting(context, _what("comparing", request)):
            kind, state, news = self._kind(request), from_struct(request.olds), from_struct(request.news)
            found = diff(kind, from_struct(request.old_inputs), state, news, request.ignoreChanges)
            changes = list(found.changes)
            if isinstance(kind, Computed) and (output := kind.stale(state, news)):
                changes.append(Change((output,), "UPDATE", replaces=True, of_input=False))
            replaces = sorted({str(change.path[0]) for change in changes if change.replaces})
            return proto.DiffResponse(
                changes=_some(changes),
                diffs=sorted({str(change.path[0]) for change in changes}),
                replaces=replaces,
                detailedDiff={paths.text(change.path): _property_diff(change) for change in changes},
                hasDetailedDiff=True,
                deleteBeforeReplace=bool(replaces) and found.delete_before_replace,
            )

    def Create(self, request: proto.CreateRequest, context: grpc.ServicerContext) -> proto.CreateResponse:
        inputs = from_struct(request.properties)
        with self._reporting(context, _what("creating", request), inputs):
            kind = self._kind(request)
            if request.preview:
                return proto.CreateResponse(properties=_state(kind, self.life.preview_create(kind, inputs)))
            id, outputs = self.life.create(request.urn, kind, inputs)
            return proto.CreateResponse(id=id, properties=_state(kind, outputs))

    def Read(self, request: proto.ReadRequest, context: grpc.ServicerContext) -> proto.ReadResponse:
        with self._reporting(context, _what("reading", request)):
            kind = self._kind(request)
            inputs, state = from_struct(request.inputs), from_struct(request.properties)
            answer = self.life.read(request.urn, kind, request.id, inputs, state)
            if answer is None:
                return proto.ReadResponse(id="")
            outputs, inputs = answer
            return proto.ReadResponse(id=request.id, properties=_state(kind, outputs), inputs=to_struct(inputs))

    def Update(self, request: proto.UpdateRequest, context: grpc.ServicerContext) -> proto.UpdateResponse:
        news = from_struct(request.news)
        with self._reporting(context, _what("updating", request), news):
            kind, olds, state = self._kind(request), from_struct(request.old_inputs), from_struct(request.olds)
            if request.preview:
                outputs = self.life.preview_update(kind, olds, state, news)
            else:
                outputs = self.life.update(request.urn, kind, request.id, olds, state, news)
            return proto.UpdateResponse(properties=_state(kind, outputs))

    def Delete(self, request: proto.DeleteRequest, context: grpc.ServicerContext) -> Empty:
        with self._reporting(context, _what("deleting", request)):
            inputs, state = from_struct(request.old_inputs), from_struct(request.properties)
            self.life.delete(request.urn, self._kind(request), request.id, inputs, state)
            return Empty()

    def Invoke(self, request: proto.InvokeRequest, context: grpc.ServicerContext) -> proto.InvokeResponse:
        with self._reporting(context, f"calling {request.tok}"):
            function = self.plugin.functions.get(request.tok)
            if function is None:
                known = ", ".join(sorted(self.plugin.functions)) or "none"
                raise ValueError(f"the stand-in {self.plugin.name} provider does not offer this function; it offers: {known}")
            return proto.InvokeResponse(**{"return": to_struct(function(self.life, from_struct(request.args)))})

    def Cancel(self, request: Empty, context: grpc.ServicerContext) -> Empty:
        self.life.cancel()
        return Empty()

    def _kind(self, request: Any) -> Kind:
        token = request.type or request.urn.split("::")[2].rsplit("$", 1)[-1]
        if kind := self.plugin.kinds.get(token):
            return kind
        close = difflib.get_close_matches(token, self.plugin.kinds, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise ValueError(
            f"the stand-in {self.plugin.name} provider does not know resource type {token}{hint}: "
            f"use one of its {len(self.plugin.kinds)} kinds, or add a table for it in local/provider"
        )

    @contextmanager
    def _reporting(self, context: grpc.ServicerContext, what: str, inputs: dict[str, Any] | None = None) -> Iterator[None]:
        """Tells the engine of a failure; of one that leaves an object behind, with that object."""
        try:
            yield
        except InitFailed as failed:
            errors.abort_half_made(context, what, failed, inputs or {})
        except Exception as error:
            errors.abort(context, what, error)


def _state(kind: Kind, outputs: Outputs) -> Any:
    """Outputs as a struct; those whose row says so are wrapped as secrets, encrypted in the state, hidden in previews."""
    secret = {name for name, row in kind.properties.items() if row.secret}
    return to_struct({name: Secret(value) if name in secret else value for name, value in outputs.items()})


def _name(urn: str) -> str:
    return urn.rsplit("::", 1)[-1]


def _what(doing: str, request: Any) -> str:
    token, id = request.type or request.urn.split("::")[2].rsplit("$", 1)[-1], getattr(request, "id", "")
    return f"{doing} {token} {_name(request.urn)!r}" + (f" ({id})" if id else "")


def _some(changes: list[Any]) -> Any:
    return proto.DiffResponse.DIFF_SOME if changes else proto.DiffResponse.DIFF_NONE


def _property_diff(change: Change) -> proto.PropertyDiff:
    kind = proto.PropertyDiff.Kind.Value(change.kind + ("_REPLACE" if change.replaces else ""))
    return proto.PropertyDiff(kind=kind, inputDiff=change.of_input)


def _failures(failures: list[tuple[str, str]]) -> list[proto.CheckFailure]:
    return [proto.CheckFailure(property=path, reason=reason) for path, reason in failures]
