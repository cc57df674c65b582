"""Deploys the whole program on mocks, once for each configuration, and hands out the recording."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import runpy
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.runtime import mocks, settings, stack

from tests.unit.program.recorder import Recorder

IMAGE = "ami-0123456789abcdef0"
ROOT = Path(__file__).parents[3]
# An output that ends up inside a text by accident becomes an exception, not a sentence in a configuration file.
os.environ["PULUMI_ERROR_OUTPUT_STRING"] = "true"


def configuration(name: str, changes: Mapping[str, Any]) -> dict[str, str]:
    """A committed stack file as the engine hands it over, with some of our settings changed."""
    values = yaml.safe_load((ROOT / f"Pulumi.{name}.yaml").read_text())["config"]
    for key, change in changes.items():
        before = values.get(f"distributed-web:{key}", {})
        values[f"distributed-web:{key}"] = {**before, **change} if isinstance(change, Mapping) else change
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}


def whole_program() -> None:
    runpy.run_path(str(ROOT / "__main__.py"))


def run(
    name: str, config: Mapping[str, str], *, preview: bool = False, program: Callable[[], object] = whole_program
) -> Recorder:
    """Runs `program` until nothing is left to wait for. An error anywhere in it, in an `apply` too, is raised here."""
    recorder = Recorder(preview=preview)
    settings.reset_options()
    engine = mocks.MockEngine(None)
    settings.configure(
        mocks.MockSettings(monitor=recorder, engine=engine, project="distributed-web", stack=name, dry_run=preview)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PULUMI_CONFIG", json.dumps(config))
        try:
            asyncio.run(stack.run_in_stack(lambda: program() and None))
        finally:
            gc.enable()  # which the program turned off
    return recorder


@cache
def _once(name: str, changes: str, preview: bool) -> Recorder:
    return run(name, configuration(name, json.loads(changes)), preview=preview)


# Everything that may be changed on a running stack, at once. A deployment costs a second: tests share the few there are.
CHANGES = {
    "network": {"egress": "nat-gateway"},
    "balancer": {"mode": "active-active", "algorithm": "leastconn"},
    "app": {"path": "app", "packages": ["python3-django"], "command": "gunicorn site:app", "setup": "./migrate"},
    "database": {"primary": "web-b", "replication": "async", "volumes": {"web-b": "vol-0123456789abcdef0"}},
    "edge": {"https_port": 8443},
    "domain": "www.example.org",
    "domain_zone": "Z0123456789",
    "alarms": {"email": "ops@example.org"},
    "protect": False,
}


@pytest.fixture(scope="session")
def changed(deploy: Callable[..., Recorder]) -> Recorder:
    """Stack prod with `CHANGES`."""
    return deploy(**CHANGES)


@pytest.fixture(scope="session")
def small(deploy: Callable[..., Recorder]) -> Recorder:
    """Stack local, all of it in one zone."""
    return deploy("local", network={"zones": ["b"]})


@pytest.fixture(scope="session")
def deploy() -> Callable[..., Recorder]:
    """`deploy("dev", network={"zones": ["b"]})`: the recording of that stack with these settings, and an image."""

    def deployed(name: str = "prod", *, preview: bool = False, **changes: Any) -> Recorder:
        return _once(name, json.dumps({"image": {"ami": IMAGE}, **changes}, sort_keys=True), preview)

    return deployed
