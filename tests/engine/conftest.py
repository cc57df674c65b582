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


def up(stack):
    return succeed(stack.pulumi("up", "--yes", "--skip-preview", "--refresh", capture=True))


def succeed(result):
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
    return result.stdout


def vpcs(stack):
    return [vpc for vpc in stack.instance.client("ec2").describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]


def instance_ids(stack):
    pages = stack.instance.client("ec2").describe_instances()["Reservations"]
    return {i["InstanceId"] for page in pages for i in page["Instances"] if i["State"]["Name"] == "running"}
