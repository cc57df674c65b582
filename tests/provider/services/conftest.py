"""For the service tables: the provider with default tags, and machines behind the local AWS API that do as the test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from local.api.host import CommandResult, NoMachines
from local.api.overlay.calls import Served
from local.instance import Instance
from local.provider.interrupted import Interrupted, StateReader
from tests.provider.provider_engine import Engine, new_engine

DEFAULT_TAGS = {"tags": {"project": "distributed-web"}}


@dataclass
class Machines(NoMachines):
    """Commands end with `exit_code`; an instance in `silent` has no agent that answers."""

    exit_code: int = 0
    silent: set[str] = field(default_factory=set)

    def online(self, instance_id: str) -> bool:
        return instance_id not in self.silent

    def run(self, instance_id: str, script: str, timeout_s: float) -> CommandResult:
        return CommandResult(self.exit_code, stderr="haproxy: unknown keyword" if self.exit_code else "")


@pytest.fixture
def machines(aws_api: Instance, monkeypatch: pytest.MonkeyPatch) -> Machines:
    machines = Machines()
    monkeypatch.setattr(Served, "host", machines)
    return machines


@pytest.fixture(scope="session", autouse=True)
def certificates_are_issued_at_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as settings:
        settings.setattr("moto.settings.ACM_VALIDATION_WAIT", 0)
        yield


@pytest.fixture(scope="session")
def aws(aws_api: Instance) -> Callable[[str], Any]:
    """boto3 clients by service name, for what the test itself does or looks at."""
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            made[service] = aws_api.client(service)
        return made[service]

    return client


@pytest.fixture(scope="session")
def engine(aws_api: Instance) -> Engine:
    return new_engine(defaultTags=DEFAULT_TAGS)


@pytest.fixture(scope="session")
def engine_after_a_kill(aws_api: Instance) -> Callable[[str, Mapping[str, Any]], Engine]:
    """An engine whose state still lists the create of this URN, with these inputs, as pending."""
    return lambda urn, inputs: new_engine(Pending(Interrupted(creates={urn: inputs})), defaultTags=DEFAULT_TAGS)


class Pending(StateReader):
    def __init__(self, interrupted: Interrupted):
        super().__init__(backend="")
        self._interrupted = interrupted
