"""`make switchover` and `make promote`: the stack's documents, sent through SSM as one would on AWS. The servers decide."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping

import click

from local import lease, show, status
from local.commands import Ended, send, wait
from local.errors import CannotStart
from local.instance import Instance
from local.stack import LOCAL, PROJECT

EPOCH = re.compile("0|[1-9][0-9]{0,17}")
FORCE = re.compile(r"\bforce=([0-9]+)$")  # how agent/operator.py ends what it says of a promotion
DEADLINE_S = 130  # a little more than the documents allow the agent


def switchover(instance: Instance, to: str | None) -> None:
    """Hand the databases' writes over, to `to` or to the other server."""
    web = web_servers(instance)
    must_be_one_of(web, to, "make switchover TO={}")
    via = next(iter(reachable(instance, web)))
    finish(run(instance, "switchover", via, web[via], {"server": to or ""}))


def promote(instance: Instance, to: str | None, force: str | None) -> None:
    """Make `to` the primary, or the only one that does not hold the lease; without `force`, show what that would lose."""
    web = web_servers(instance)
    must_be_one_of(web, to, "make promote TO={}")
    if force is not None and not EPOCH.fullmatch(force):
        raise CannotStart(f"FORCE is the number of an epoch, not {force!r}; without FORCE it says which: make promote")
    there = reachable(instance, web)
    taker = to or the_other(instance, there)
    if taker not in there:
        raise CannotStart(f"{taker} does not answer, and it has to take over itself; see: make status")
    finish(run(instance, "promote", taker, web[taker], {"force": force or ""}), f"make promote TO={taker} FORCE={{}}")


def web_servers(instance: Instance) -> dict[str, str]:
    """Name -> instance id."""
    servers = show.running_instances(instance)
    return {name: servers[name]["InstanceId"] for name in sorted(servers) if name.startswith(status.WEB)}


def must_be_one_of(web: Mapping[str, str], to: str | None, remedy: str) -> None:
    if to is not None and to not in web:
        example = remedy.format(next(reversed(web), "web-b"))
        raise CannotStart(f"{to!r} is no server with a database; there are: {', '.join(web) or 'none'}; for example: {example}")


def reachable(instance: Instance, web: Mapping[str, str]) -> dict[str, str]:
    """Of the web servers, those whose SSM agent answers."""
    listed = instance.client("ssm").describe_instance_information()["InstanceInformationList"]
    online = {each["InstanceId"] for each in listed if each["PingStatus"] == "Online"}
    there = {name: instance_id for name, instance_id in web.items() if instance_id in online}
    if not there:
        raise CannotStart(f"none of {', '.join(web) or 'the web servers'} answers; see: make status")
    return there


def the_other(instance: Instance, there: Mapping[str, str]) -> str:
    record = lease.newest(status.leases(instance))
    others = [name for name in there if record and name != record["holder"]]
    if len(others) != 1:
        raise CannotStart(f"which server is to take over? One of: {', '.join(there)}; say so: make promote TO={[*there][-1]}")
    return others[0]


def run(instance: Instance, verb: str, server: str, instance_id: str, parameters: Mapping[str, str]) -> Ended:
    ssm = instance.client("ssm")
    deadline = time.monotonic() + DEADLINE_S
    try:
        command = send(ssm, instance_id, document(verb), {name: [value] for name, value in parameters.items()})
    except ssm.exceptions.InvalidDocument:
        raise CannotStart(f"the stack has no document {document(verb)} yet; bring it up to date: make up") from None
    ended = wait(ssm, command, instance_id, deadline)
    if ended is None:
        raise CannotStart(f"{server} has not finished within {DEADLINE_S} s, and may still; see: make status")
    return ended


def document(verb: str) -> str:
    return f"{PROJECT}-{LOCAL}-{verb}"


def finish(ended: Ended, with_force: str = "") -> None:
    """The server's words, and its exit code; where they name the epoch to force it with, the verb that does so."""
    *before, last = (ended.stdout or ended.stderr).strip().splitlines() or ["the server said nothing"]
    for line in before:
        click.echo(line)
    if not ended.ok:
        sys.exit(FORCE.sub(lambda found: with_force.format(found[1]), last))
    show.done(last)
