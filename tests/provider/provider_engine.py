"""The engine's side of the plugin protocol, without the engine: what a test wants to happen to one resource."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import grpc
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2 as proto
from pulumi.runtime.proto import status_pb2

from local.provider.aws import plugin
from local.provider.interrupted import StateReader
from local.provider.remote import Remote
from local.provider.servicer import Servicer
from local.provider.values import from_struct, to_struct

SEED = bytes(range(32))


class Refused(Exception):
    """The servicer ended a call with an error; `half_made` is its ErrorResourceInitFailed, when there is one."""

    half_made: proto.ErrorResourceInitFailed | None = None


class Context:
    """As much of grpc.ServicerContext as the servicer uses."""

    def __init__(self) -> None:
        self.metadata: tuple[tuple[str, bytes], ...] = ()

    def set_trailing_metadata(self, metadata: tuple[tuple[str, bytes], ...]) -> None:
        self.metadata = metadata

    def abort(self, code: grpc.StatusCode, message: str) -> None:
        refused = Refused(message)
        for key, value in self.metadata:
            if key == "grpc-status-details-bin":
                refused.half_made = proto.ErrorResourceInitFailed()
                status_pb2.Status.FromString(value).details[0].Unpack(refused.half_made)
        raise refused


@dataclass
class Engine:
    """One stack with one resource of each name in it."""

    servicer: Servicer
    config: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.servicer.Configure(proto.ConfigureRequest(args=to_struct(self.config)), Context())

    def resource(self, token: str, name: str = "it") -> Tracked:
        return Tracked(self.servicer, token, f"urn:pulumi:test::project::{token}::{name}")


def new_engine(state: StateReader | None = None, **config: Any) -> Engine:
    """A newly started aws plugin, configured."""
    return Engine(Servicer(replace(plugin(), lifecycle=Remote(state))), config)


@dataclass
class Tracked:
    """A resource and its state, as the engine keeps it."""

    servicer: Servicer
    token: str
    urn: str
    id: str = ""
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    answer: Struct = field(default_factory=Struct)  # what the last create answered, as it went over the wire

    def check(self, **news: Any) -> dict[str, Any]:
        """The checked inputs; raises AssertionError with the failures."""
        response = self.check_response(**news)
        assert not response.failures, response.failures
        return from_struct(response.inputs)

    def check_response(self, **news: Any) -> proto.CheckResponse:
        request = proto.CheckRequest(
            urn=self.urn, type=self.token, olds=to_struct(self.inputs), news=to_struct(news), randomSeed=SEED
        )
        return self.servicer.Check(request, Context())

    def preview_create(self, **news: Any) -> dict[str, Any]:
        request = proto.CreateRequest(urn=self.urn, type=self.token, properties=to_struct(self.check(**news)), preview=True)
        return from_struct(self.servicer.Create(request, Context()).properties)

    def create(self, **news: Any) -> Tracked:
        inputs = self.check(**news)
        request = proto.CreateRequest(urn=self.urn, type=self.token, properties=to_struct(inputs))
        response = self.servicer.Create(request, Context())
        self.id, self.inputs, self.answer = response.id, inputs, response.properties
        self.outputs = from_struct(self.answer)
        return self

    def diff(self, **news: Any) -> proto.DiffResponse:
        request = proto.DiffRequest(
            id=self.id,
            urn=self.urn,
            type=self.token,
            olds=to_struct(self.outputs),
            old_inputs=to_struct(self.inputs),
            news=to_struct(self.check(**news)),
        )
        return self.servicer.Diff(request, Context())

    def changes(self, **news: Any) -> dict[str, str]:
        """{path: kind} of what a Diff finds: {"tags.Name": "UPDATE"}."""
        kinds = proto.PropertyDiff.Kind
        return {path: kinds.Name(one.kind) for path, one in self.diff(**news).detailedDiff.items()}

    def refresh(self) -> bool:
        """Reads the object; False when it is gone."""
        request = proto.ReadRequest(
            id=self.id, urn=self.urn, type=self.token, inputs=to_struct(self.inputs), properties=to_struct(self.outputs)
        )
        response = self.servicer.Read(request, Context())
        if not response.id:
            return False
        self.inputs, self.outputs = from_struct(response.inputs), from_struct(response.properties)
        return True

    def import_(self, id: str) -> Tracked:
        response = self.servicer.Read(proto.ReadRequest(id=id, urn=self.urn, type=self.token), Context())
        assert response.id == id
        self.id, self.inputs, self.outputs = id, from_struct(response.inputs), from_struct(response.properties)
        return self

    def preview_update(self, **news: Any) -> dict[str, Any]:
        return from_struct(self._update(True, self.check(**news)).properties)

    def update(self, **news: Any) -> Tracked:
        inputs = self.check(**news)
        self.outputs, self.inputs = from_struct(self._update(False, inputs).properties), inputs
        return self

    def _update(self, preview: bool, inputs: dict[str, Any]) -> proto.UpdateResponse:
        request = proto.UpdateRequest(
            id=self.id,
            urn=self.urn,
            type=self.token,
            olds=to_struct(self.outputs),
            old_inputs=to_struct(self.inputs),
            news=to_struct(inputs),
            preview=preview,
        )
        return self.servicer.Update(request, Context())

    def delete(self) -> None:
        request = proto.DeleteRequest(
            id=self.id, urn=self.urn, type=self.token, properties=to_struct(self.outputs), old_inputs=to_struct(self.inputs)
        )
        self.servicer.Delete(request, Context())
