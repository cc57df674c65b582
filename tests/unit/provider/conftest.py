"""An AWS API in this process (moto on a port of 127.0.0.1), and the stand-in provider configured for it."""
from __future__ import annotations

import logging
from collections.abc import Iterator

import boto3
import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from provider_engine import Engine, new_engine

REGION = "eu-central-1"


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # one line for each request otherwise
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def aws_api(aws_endpoint: str) -> Iterator[str]:
    """Environment variables as `make env` sets them. The cloud is one for all tests: emptying it takes moto half a second."""
    variables = {
        "AWS_ENDPOINT_URL": aws_endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PULUMI_BACKEND_URL": "",
    }
    with pytest.MonkeyPatch.context() as environment:
        for name, value in variables.items():
            environment.setenv(name, value)
        yield aws_endpoint


@pytest.fixture(scope="session")
def engine(aws_api: str) -> Engine:
    """One plugin for all tests: making boto3 clients is slow. A test that cancels or configures it starts its own."""
    return new_engine()


@pytest.fixture(scope="session")
def ec2(aws_api: str):
    return boto3.client("ec2")
