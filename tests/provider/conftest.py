"""The local AWS API, as `make up` runs it but without machines, and the stand-in aws provider configured for it.

Both are one for all tests and never emptied, which takes moto half a second: a test makes what it needs, and looks at no more.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.api.host import NoMachines
from local.api.server import ApiServer
from local.api.snapshot import Snapshot
from local.instance import Instance
from tests.provider.provider_engine import Engine, new_engine


@pytest.fixture(scope="session")
def aws_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    instance = Instance.open(tmp_path_factory.mktemp("cloud"))
    server = ApiServer(instance, NoMachines())
    with pytest.MonkeyPatch.context() as environment:
        environment.setattr(Snapshot, "save", lambda snapshot, section: None)  # a disk write for every call otherwise
        server.start()
        for name, value in instance.aws_environment().items():
            environment.setenv(name, value)
        environment.setenv("PULUMI_BACKEND_URL", "")
        yield instance
        server.stop()


@pytest.fixture(scope="session")
def engine(aws_api: Instance) -> Engine:
    """One plugin for all tests: making boto3 clients is slow. A test that cancels or configures it starts its own."""
    return new_engine()


@pytest.fixture(scope="session")
def ec2(aws_api: Instance):
    return aws_api.client("ec2")
