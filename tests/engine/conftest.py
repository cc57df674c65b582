"""The real Pulumi engine and this program, on an API of the test's own without machines."""

from pathlib import Path

import pytest

from local import bootstrap, engine
from local.api.host import NoMachines
from local.api.server import ApiServer
from local.instance import CHECKOUT, Instance
from local.stack import LOCAL, Stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory) -> Stack:
    yield from running_stack(tmp_path_factory.mktemp("engine"))


@pytest.fixture
def fresh_stack(tmp_path) -> Stack:
    yield from running_stack(tmp_path)


def running_stack(home: Path):
    instance = Instance.open(home / ".local")
    api = ApiServer(instance, NoMachines())
    api.start()
    stack = Stack(
        instance=instance,
        name=LOCAL,
        engine=engine.find_or_build(),
        program=bootstrap.environment(CHECKOUT / "requirements.txt"),
        overrides={"edge": {"hostnames": ["localhost"]}},  # any override: the runs must not write to the committed file
    )
    try:
        stack.prepare()
        yield stack
    finally:
        api.stop()
