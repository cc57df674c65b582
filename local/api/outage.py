"""An outage of one AWS service, for drills: a file says so, for whoever serves the API and whoever makes it fail."""

from __future__ import annotations

from pathlib import Path

from local.instance import Instance


def file(instance: Instance, service: str) -> Path:
    return instance.run / f"outage-{service}"


def begin(instance: Instance, service: str) -> None:
    file(instance, service).touch()


def end(instance: Instance, service: str) -> None:
    file(instance, service).unlink(missing_ok=True)
