"""What the verbs show: steps, the table of servers, the reasons for a failed release, the wait for the page."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request

import click
from rich.console import Console
from rich.table import Table

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


def wait_for_servers(instance: Instance, release: str, deadline_s: float) -> None:
    """Until every server reports that it runs `release` and is well. The engine's own gate is not enough: it waits only
    where an association is new, and a server may have been restarted since."""
    deadline = time.monotonic() + deadline_s
    while True:
        reports = {name: agent_report(instance, found["InstanceId"]) for name, found in running_instances(instance).items()}
        behind = [name for name, report in reports.items() if health(report) != "ok" or report["release"] != release]
        if not behind:
            return
        if time.monotonic() > deadline:
            said = "; ".join(f"{name}: {health(reports[name])}, release {reports[name].get('release')}" for name in behind)
            raise CannotStart(
                f"not every server runs release {release} and is well within {deadline_s:.0f} s: {said}; "
                f"see: make logs SERVER={behind[0]}"
            )
        time.sleep(POLL_S)


def servers(instance: Instance) -> None:
    """The table of servers: what EC2 says, and what each one's agent reports of itself."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("server", "instance", "state", "zone", "address", "health", "database", "release"):
        table.add_column(title, no_wrap=True)
    for name, described in sorted(running_instances(instance).items()):
        report = agent_report(instance, described["InstanceId"])
        table.add_row(
            name,
            described["InstanceId"],
            described["State"]["Name"],
            described["Placement"]["AvailabilityZone"],
            described.get("PrivateIpAddress", ""),
            health(report),
            report.get("role", ""),
            report.get("release", ""),
        )
    Console(width=max(console.width, 140)).print(table)


def health(report: dict) -> str:
    """`ok`, or what the agent found wrong; `silent` when it does not answer."""
    if not report:
        return "silent"
    wrong = [check for check, passed in report["checks"].items() if not passed]
    return "not ok: " + ", ".join(wrong) if wrong else "ok"


def agent_report(instance: Instance, instance_id: str) -> dict:
    """What the agent of a server says at /health, with the database's `role` of /replica; empty when it does not answer."""
    ask = "for path in health replica; do curl -s -m 3 http://127.0.0.1:9200/$path; echo; done"
    try:
        health, replica = (json.loads(line) for line in on_server(instance, instance_id, ask).splitlines() if line)
    except ValueError:
        return {}
    role = replica.get("role", "")
    return health | {"role": "primary" if role == "none" and not replica.get("read_only") else role}


def on_server(instance: Instance, instance_id: str, script: str, deadline_s: float = 10) -> str:
    """The standard output of a script run as root on a server through SSM, as one would on AWS.

    Empty when the server cannot be asked (it is stopped, or still booting) or has not answered at the deadline.
    """
    ssm = instance.client("ssm")
    try:
        sent = ssm.send_command(InstanceIds=[instance_id], DocumentName="AWS-RunShellScript", Parameters={"commands": [script]})
    except ssm.exceptions.InvalidInstanceId:
        return ""
    deadline = time.monotonic() + deadline_s
    while time.monotonic() < deadline:
        answer = ssm.get_command_invocation(CommandId=sent["Command"]["CommandId"], InstanceId=instance_id)
        if answer["Status"] not in ("Pending", "InProgress", "Delayed"):
            return answer["StandardOutputContent"]
        time.sleep(POLL_S)
    return ""


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
