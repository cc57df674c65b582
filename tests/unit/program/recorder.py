"""Stands in for the engine: answers every registration as AWS might, and remembers it. No assertion in here."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pulumi.runtime import mocks, rpc
from pulumi.runtime.proto import resource_pb2

STACK = "pulumi:pulumi:Stack"
AWS = "pulumi:providers:aws"


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One registration. `options` is the engine's own request: parent, protect, dependencies and so on."""

    type: str
    name: str
    urn: str
    inputs: Mapping[str, Any]  # in plain values
    secret: frozenset[str]  # the inputs that arrived as secrets
    options: resource_pb2.RegisterResourceRequest

    @property
    def id(self) -> str:
        """As AWS might give it: stable, and different for everything."""
        digest = hashlib.sha256(f"{self.type} {self.name}".encode()).hexdigest()[:17]
        return {"aws:ebs/volume:Volume": "vol-", "aws:ec2/instance:Instance": "i-"}.get(self.type, f"{self.name}-") + digest

    @property
    def arn(self) -> str:
        return f"arn:aws:test:::{self.id}"


@dataclass
class Recorder(mocks.MockMonitor):
    """Its methods are the engine's. In a preview all that AWS would make up is unknown, as it is for a new stack."""

    preview: bool = False
    registered: list[Resource] = field(default_factory=list)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)  # of components and the stack, by URN
    secret_outputs: dict[str, frozenset[str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        super().__init__(mocks=None)

    def Invoke(self, request):
        self.calls.append(request.tok)
        raise AssertionError(f"the program looks {request.tok} up in the cloud")

    def RegisterResource(self, request):
        _event_loop_of_this_thread()
        inputs = rpc.deserialize_properties(request.object, keep_unknowns=True)
        resource = Resource(
            type=request.type,
            name=request.name,
            urn=self.make_urn(request.parent, request.type, request.name),
            inputs=plain(inputs),
            secret=frozenset(key for key, value in inputs.items() if holds_secret(value)),
            options=request,
        )
        with self._lock:
            self.registered.append(resource)
        made = {key: rpc.UNKNOWN if self.preview else value for key, value in computed(resource).items()}
        made |= {key: rpc.wrap_rpc_secret(made[key]) for key in request.additionalSecretOutputs if key in made}
        state = asyncio.get_event_loop().run_until_complete(rpc.serialize_properties(inputs | made, {}))
        return resource_pb2.RegisterResourceResponse(urn=resource.urn, id="" if self.preview else resource.id, object=state)

    def RegisterResourceOutputs(self, request):
        outputs = rpc.deserialize_properties(request.outputs, keep_unknowns=True)
        self.outputs[request.urn] = plain(outputs)
        self.secret_outputs[request.urn] = frozenset(key for key, value in outputs.items() if holds_secret(value))
        return super().RegisterResourceOutputs(request)

    def of(self, type_: str) -> list[Resource]:
        return [resource for resource in self.registered if resource.type == type_]

    def one(self, type_: str, name: str) -> Resource:
        found = [resource for resource in self.of(type_) if resource.name == name]
        assert len(found) == 1, f"{len(found)} {type_} are named {name}; there are {[each.name for each in self.of(type_)]}"
        return found[0]

    def by_urn(self, urn: str) -> Resource:
        return next(resource for resource in self.registered if resource.urn == urn)

    @property
    def cloud(self) -> list[Resource]:
        """What a provider is asked to make: no component, no provider."""
        return [resource for resource in self.registered if resource.options.custom and not resource.type.startswith("pulumi:")]

    @property
    def components(self) -> list[Resource]:
        return [resource for resource in self.registered if resource.type.startswith("distributed-web:")]

    @property
    def stack_urn(self) -> str:
        return next(resource.urn for resource in self.registered if resource.type == STACK)

    @property
    def exports(self) -> dict[str, Any]:
        return self.outputs[self.stack_urn]

    def policy(self, name: str) -> list[dict[str, Any]]:
        """The statements of an inline role policy."""
        return json.loads(self.one("aws:iam/rolePolicy:RolePolicy", name).inputs["policy"])["Statement"]


def computed(resource: Resource) -> dict[str, Any]:
    """What AWS would add to the inputs."""
    named = {} if "name" in resource.inputs else {"name": resource.id}
    made = {"arn": resource.arn, "arnSuffix": f"suffix/{resource.id}"} | named
    match resource.type:
        case "aws:ssm/parameter:Parameter":
            return made | {"version": 1}
        case "aws:kms/key:Key":
            return made | {"keyId": resource.id}
        case "aws:lb/loadBalancer:LoadBalancer":
            return made | {"dnsName": "edge.elb.example", "zoneId": "ZELB"}
        case "aws:acm/certificate:Certificate":
            proof = {"resourceRecordName": "_proof", "resourceRecordType": "CNAME", "resourceRecordValue": "_value"}
            return made | {"domainValidationOptions": [proof]}
        case "aws:route53/record:Record":
            return {"fqdn": resource.inputs.get("name")}
        case "random:index/randomPassword:RandomPassword":
            return {"result": f"password of {resource.name}"}
    if resource.type.startswith("tls:"):
        return {key: f"{key} of {resource.name}" for key in ("privateKeyPem", "certPem", "certRequestPem")}
    return made if resource.options.custom else {}


def plain(value: Any) -> Any:
    """The value without the marks of secrets in it."""
    if rpc.is_rpc_secret(value):
        return plain(value["value"])
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, list) else value


def holds_secret(value: Any) -> bool:
    if rpc.is_rpc_secret(value):
        return True
    entries = value.values() if isinstance(value, Mapping) else value if isinstance(value, Sequence) else ()
    return not isinstance(value, str) and any(map(holds_secret, entries))


def _event_loop_of_this_thread() -> None:
    """The SDK registers on threads of a pool, and its serializer needs a loop on each."""
    try:
        asyncio.get_event_loop()
    except RuntimeError:
        asyncio.set_event_loop(asyncio.new_event_loop())
