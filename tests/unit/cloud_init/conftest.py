"""One site that the tests of the templates share, and ways to vary it."""

import dataclasses

import pytest

from cloud_init import render
from cloud_init.site import App, Failover, Server, Site

SITE = Site(
    stack="dev",
    region="eu-central-1",
    servers=(
        Server(name="lb", kind="lb", address="10.20.48.10"),
        Server(name="web-a", kind="web", address="10.20.64.10"),
        Server(name="web-b", kind="web", address="10.20.80.10"),
    ),
    vpc_cidr="10.20.0.0/16",
    https_port=443,
    mode="active-passive",
    algorithm="roundrobin",
    database_name="app",
    database_primary="web-a",
    replication="async",
    failover=Failover(),
    app=App(
        command="gunicorn --bind unix:$APP_SOCKET notes.wsgi:app",
        packages=("gunicorn", "python3-flask"),
        setup="python3 -m notes.setup",
    ),
)


@pytest.fixture
def site():
    """A function that gives the site with some of its values changed."""
    return lambda **changes: dataclasses.replace(SITE, **changes)


@pytest.fixture
def server():
    return {server.name: server for server in SITE.servers}


@pytest.fixture
def text(server):
    """A function that gives one rendered file of a server as text."""

    def read(site: Site, name: str, path: str) -> str:
        return next(file.content for file in render.files(site, server[name]) if file.path == path)

    return read


@pytest.fixture
def user_data(server):
    def write(site: Site, name: str, **changes) -> str:
        values = {
            "bucket": "dev-release-1a2b3c",
            "salvage": "dev-salvage-2b3c4d",
            "parameters": "/distributed-web/dev",
            "table": "dev-cluster-4d5e6f",
            "volume_id": "vol-0a1b2c3d4e5f60718" if server[name].kind == "web" else None,
        }
        return render.user_data(site, server[name], **values | changes)

    return write
