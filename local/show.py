"""What the verbs show: steps, the reasons for a failed release, the wait for the page. `make status` is in status.py."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request

import click
from rich.console import Console

from local.errors import CannotStart
from local.instance import Instance
from local.stack import LOCAL

console = Console(highlight=False, soft_wrap=True)
progress = Console(highlight=False, soft_wrap=True, stderr=True)
POLL_S = 0.25


def step(text: str) -> None:
    """Progress, on standard error: what a verb prints for other programs stays clean."""
    progress.print(f"[dim]•[/dim] {text}")


def done(text: str) -> None:
    console.print(f"[green]✓[/green] {text}")


def wait_for_page(outputs: dict, deadline_s: float) -> None:
    """Until the front door answers 200 with a certificate that verifies against the exported one."""
    context = ssl.create_default_context(cadata=outputs["certificate"]) if outputs.get("certificate") else None
    deadline = time.monotonic() + deadline_s
    said = False
    while True:
        try:
            with urllib.request.urlopen(outputs["url"], context=context, timeout=5) as answer:
                if answer.status == 200:
                    return
            last = f"status {answer.status}"
        except (urllib.error.URLError, OSError) as error:
            last = str(error)
        if time.monotonic() > deadline:
            raise CannotStart(
                f"{outputs['url']} did not answer within {deadline_s:.0f} s ({last}); see: make status, make logs SERVER=lb"
            )
        if not said:
            step("waiting for the load balancer's health checks")
            said = True
        time.sleep(POLL_S)


def running_instances(instance: Instance) -> dict[str, dict]:
    """Server name -> EC2's description of its instance, terminated ones left out."""
    pages = instance.client("ec2").get_paginator("describe_instances").paginate()
    found = [item for page in pages for reservation in page["Reservations"] for item in reservation["Instances"]]
    prefix = f"{LOCAL}-"  # the program names a server's instance <stack>-<server>
    alive = [item for item in found if item["State"]["Name"] != "terminated" and tag(item, "Name").startswith(prefix)]
    return {tag(item, "Name").removeprefix(prefix): item for item in alive}


def tag(described: dict, key: str) -> str:
    return next((entry["Value"] for entry in described.get("Tags", []) if entry["Key"] == key), "")


def instance_id_of(instance: Instance, server: str) -> str:
    servers = running_instances(instance)
    if server not in servers:
        raise click.ClickException(f"there is no server {server!r}; there are: {', '.join(sorted(servers)) or 'none'}")
    return servers[server]["InstanceId"]


def failed_releases(instance: Instance) -> bool:
    """Shows the last report of every server that failed, which the agents leave in the release bucket. Were there any?"""
    s3 = instance.client("s3")
    failed = False
    for bucket in s3.list_buckets()["Buckets"]:
        for entry in s3.list_objects_v2(Bucket=bucket["Name"], Prefix="reports/").get("Contents", []):
            report = json.loads(s3.get_object(Bucket=bucket["Name"], Key=entry["Key"])["Body"].read())
            if not report["ok"]:
                failed = True
                console.print(f"[red]✗[/red] [bold]{report['server']}[/bold] refused release {report['release']}:")
                console.print(f"  {report['reason']}", markup=False)
    return failed
