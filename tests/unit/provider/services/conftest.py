"""The local AWS API, as `make up` runs it, for the service tables; its machines are a host that does as the test says.

It is one for all of them and never emptied, which takes moto half a second: tests name objects with `service_cases.unique`.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from provider_engine import Engine

from local.api.host import CommandResult, NoMachines
from local.api.server import ApiServer
from local.api.snapshot import Snapshot
from local.instance import Instance
from local.provider.aws import plugin
from local.provider.interrupted import Interrupted, StateReader
from local.provider.remote import Remote
from local.provider.servicer import Servicer

DEFAULT_TAGS = {"project": "distributed-web"}


@dataclass
class Machines(NoMachines):
    """Commands end with `exit_code`; an instance in `silent` has no agent that answers."""

    exit_code: int = 0
    silent: set[str] = field(default_factory=set)

    def online(self, instance_id: str) -> bool:
        return instance_id not in self.silent

    def run(self, instance_id: str, script: str, timeout_s: float) -> CommandResult:
        return CommandResult(self.exit_code, stderr="haproxy: unknown keyword" if self.exit_code else "")


@pytest.fixture(scope="session")
def machines() -> Machines:
    return Machines()


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory, machines: Machines) -> Iterator[Instance]:
    instance = Instance.open(tmp_path_factory.mktemp("cloud"))
    server = ApiServer(instance, machines)
    with pytest.MonkeyPatch.context() as environment:
        environment.setattr(Snapshot, "save", lambda snapshot, section: None)  # a disk write for every call otherwise
        server.start()
        for name, value in instance.aws_environment().items():
            environment.setenv(name, value)
        environment.setenv("PULUMI_BACKEND_URL", "")
        environment.setattr("moto.settings.ACM_VALIDATION_WAIT", 0)
        yield instance
        server.stop()


@pytest.fixture(scope="session")
def aws(cloud: Instance) -> Callable[[str], Any]:
    """boto3 clients by service name, for what the test itself does or looks at."""
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            made[service] = cloud.client(service)
        return made[service]

    return client


@pytest.fixture(scope="session")
def engine(cloud: Instance) -> Engine:
    return new_engine()


@pytest.fixture(scope="session")
def engine_after_a_kill(cloud: Instance) -> Callable[[str, Mapping[str, Any]], Engine]:
    """An engine whose state still lists the create of this URN, with these inputs, as pending."""
    return lambda urn, inputs: new_engine(Pending(Interrupted(creates={urn: inputs})))


class Pending(StateReader):
    def __init__(self, interrupted: Interrupted):
        super().__init__(backend="")
        self._interrupted = interrupted


def new_engine(state: StateReader | None = None) -> Engine:
    made = replace(plugin(), lifecycle=Remote(state))
    return Engine(Servicer(made), {"defaultTags": {"tags": DEFAULT_TAGS}})
