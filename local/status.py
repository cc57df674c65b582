"""`make status`: the table of servers, and who may write. Asks EC2, the front door's load balancer and the servers themselves."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from agent.lease import gtid
from local import lease, show
from local.commands import on_servers
from local.errors import CannotStart
from local.instance import Instance

AGENT, FAILOVER = "9200/health", "9201/lease"
WEB = "web-"  # the servers with a database
TITLES = (
    "server", "instance", "state", "zone", "address", "health", "front door",
    "database", "lag", "lacks", "extra", "release",
)  # fmt: skip


def show_servers(instance: Instance) -> None:
    """What is not known is left empty."""
    servers = dict(sorted(show.running_instances(instance).items()))
    said = ask(instance, servers, AGENT, FAILOVER)
    leases = looked_at_again(instance, servers, of_databases(said))
    targets = front_door(instance)
    table = Table(*TITLES, box=None, pad_edge=False, header_style="bold")
    for column in table.columns:
        column.no_wrap = True
    differences = lease.differences(leases)
    for server, described in servers.items():
        table.add_row(
            server,
            described["InstanceId"],
            described["State"]["Name"],
            described["Placement"]["AvailabilityZone"],
            described.get("PrivateIpAddress", ""),
            health(said[server][AGENT]),
            ", ".join(of_the_front_door(targets, described)),
            *database(leases.get(server, {}), differences.get(server)),
            said[server][AGENT].get("release") or "",
        )
    wide = Console(width=1000)  # a terminal breaks a line that is too long for it, and a table would cut its cells
    Console(width=wide.measure(table).maximum).print(table)
    for line in lease.lines(leases):
        show.console.print(line, markup=False)


def database(answer: Mapping[str, Any], difference: lease.Difference | None) -> Iterator[str]:
    """The columns database, lag, lacks and extra."""
    lag = answer.get("lag_s")
    yield answer.get("role", "")
    yield "" if lag is None else f"{lag:.1f} s"
    yield str(gtid.count(difference.lacks)) if difference else ""
    yield str(gtid.count(difference.extra)) if difference and difference.extra is not None else ""


def leases(instance: Instance) -> lease.Answers:
    return of_databases(ask(instance, show.running_instances(instance), FAILOVER))


def of_databases(said: Mapping[str, Mapping[str, dict]]) -> dict[str, dict[str, Any]]:
    """What each web server answers at /lease; {} when it has no such answer."""
    found = {server: answers[FAILOVER] for server, answers in said.items() if server.startswith(WEB)}
    return {server: answer if "record" in answer else {} for server, answer in found.items()}


def looked_at_again(instance: Instance, servers: Mapping[str, dict], leases: lease.Answers) -> lease.Answers:
    """A replica asked after the primary seems to have more than it: then the primary is asked once more."""
    leader = lease.primary(leases)
    if not any(difference.extra for difference in lease.differences(leases).values()):
        return leases
    again = ask(instance, {leader: servers[leader]}, FAILOVER)[leader][FAILOVER]
    return {**leases, leader: again} if again.get("role") == "primary" else leases


def ask(instance: Instance, servers: Mapping[str, dict], *urls: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Server -> port/path -> the JSON it answers there, good or bad; {} when it does not answer. All are asked at once."""
    script = f"for url in {' '.join(urls)}; do curl -s -m 3 http://127.0.0.1:$url | tr -d '\\n'; echo; done"
    said = on_servers(instance, {server: found["InstanceId"] for server, found in servers.items()}, script)
    return {server: dict(zip(urls, answers(text, len(urls)), strict=True)) for server, text in said.items()}


def answers(text: str, count: int) -> list[dict[str, Any]]:
    lines = text.splitlines()[:count]
    return [parsed(line) for line in lines + [""] * (count - len(lines))]


def parsed(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def front_door(instance: Instance) -> dict[str, list[str]]:
    """Private address -> how the load balancer finds it: one word when it is the same on every port, else port by port."""
    elb = instance.client("elbv2")
    seen: dict[str, dict[int, str]] = {}
    for group in elb.describe_target_groups()["TargetGroups"]:
        described = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
        for target in described:
            seen.setdefault(target["Target"]["Id"], {})[target["Target"]["Port"]] = target["TargetHealth"]["State"]
    return {address: summary(ports) for address, ports in seen.items()}


def of_the_front_door(targets: Mapping[str, list[str]], described: Mapping[str, Any]) -> list[str]:
    """How it finds this server; nothing when that is no target."""
    return targets.get(described.get("PrivateIpAddress", ""), [])


def summary(ports: Mapping[int, str]) -> list[str]:
    if len(set(ports.values())) == 1:
        return [next(iter(ports.values()))]
    return [f"{port} {state}" for port, state in sorted(ports.items())]


def health(report: Mapping[str, Any]) -> str:
    """`ok`, or what the agent found wrong; `silent` when it does not answer."""
    if "checks" not in report:
        return "silent"
    wrong = [check for check, passed in report["checks"].items() if passed is not True]
    return "not ok: " + ", ".join(wrong) if wrong else "ok"


def wait_for_servers(instance: Instance, release: str, deadline_s: float) -> None:
    """Until every server reports that it runs `release` and is well, and the front door finds so too. The engine's own gate is
    not enough: it waits only where an association is new, and a server may have been restarted since."""
    deadline = time.monotonic() + deadline_s
    while True:
        servers, targets = show.running_instances(instance), front_door(instance)
        reports = {name: said[AGENT] for name, said in ask(instance, servers, AGENT).items()}
        doors = {name: ", ".join(of_the_front_door(targets, described)) for name, described in servers.items()}
        behind = [
            f"{name}: {health(report)}, release {report.get('release')}, {doors[name] or 'no target'} for the front door"
            for name, report in reports.items()
            if (health(report), report.get("release"), doors[name]) != ("ok", release, "healthy")
        ]
        if not behind:
            return
        if time.monotonic() > deadline:
            raise CannotStart(
                f"not every server runs release {release} and is well within {deadline_s:.0f} s: {'; '.join(behind)}; "
                f"see: make logs SERVER={behind[0].partition(':')[0]}"
            )
        time.sleep(show.POLL_S)
