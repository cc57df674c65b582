"""The verbs of the Makefile: each reads as the list of what it does. What they show is made in `show.py` and `status.py`."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import click

from local import bootstrap, cloud, engine, operations, show
from local.errors import CannotStart
from local.instance import CHECKOUT, HTTPS_PORT, Instance
from local.stack import LOCAL, Stack, front_door, interrupts_left_to_the_child
from local.status import show_servers, wait_for_servers

PAGE_DEADLINE_S = 120
SERVERS_DEADLINE_S = 180
LEAVE_AT_ONCE = "python3 /var/lib/distributed-web/current/agent.pyz leave 0"
TIERS = ("tests/unit", "tests/model", "tests/api", "tests/provider", "tests/engine", "tests/live")  # the quickest to fail first


@click.group(context_settings={"max_content_width": 120})
@click.option("--home", type=click.Path(path_type=Path), help="The instance's folder (default: $LOCAL_CLOUD, else .local).")
@click.option("--port", type=click.IntRange(1024, 65535), envvar="PORT", help="Of the front door; the last one is remembered.")
@click.pass_context
def main(context: click.Context, home: Path | None, port: int | None) -> None:
    """The local cloud: the stack on real Linux machines on this computer."""
    context.obj = (home, port)


def port_file(instance: Instance) -> Path:
    return instance.home / "port"


def port_of(instance: Instance, wanted: int | None) -> int:
    """The front door's port: the one asked for, else the one of the last `up`."""
    kept = port_file(instance)
    return wanted or (int(kept.read_text()) if kept.exists() else HTTPS_PORT)


def stack_named(context: click.Context, name: str = LOCAL) -> Stack:
    home, port = context.obj
    if not (CHECKOUT / f"Pulumi.{name}.yaml").exists():
        there = ", ".join(sorted(path.name.split(".")[1] for path in CHECKOUT.glob("Pulumi.*.yaml")))
        raise CannotStart(f"there is no stack {name!r}: Pulumi.{name}.yaml is missing; there are: {there}")
    instance = Instance.open(home)
    return Stack(
        instance=instance,
        name=name,
        engine=engine.find_or_build(show.step),
        program=bootstrap.environment(CHECKOUT / "requirements.txt"),
        overrides=front_door(port_of(instance, port)) if name == LOCAL else {},
    )


@main.command()
@click.pass_context
def up(context: click.Context) -> None:
    """Bring everything up, or up to date: machines, network, program, page."""
    from local.host import images, leftovers
    from local.host.packages import PackageProxy

    began = time.monotonic()
    stack = stack_named(context)
    instance, port = stack.instance, port_of(stack.instance, context.obj[1])
    if port != port_of(instance, None) or not leftovers.find(instance):
        bootstrap.ports_must_be_free(port)
    PackageProxy(instance).start()
    images.ensure(instance, show.step)
    if cloud.ensure_running(instance):
        show.step(f"started the local cloud {instance.id}")
    stack.prepare()
    port_file(instance).write_text(str(port))
    update(stack)
    outputs = stack.outputs()
    show.wait_for_page(outputs, PAGE_DEADLINE_S)
    wait_for_servers(instance, outputs["release"], SERVERS_DEADLINE_S)
    show_servers(instance)
    show.done(f"{outputs['url']} answers, {time.monotonic() - began:.0f} s")


def update(stack: Stack) -> None:
    """`pulumi up`; ends the program with the servers' own reasons when it fails."""
    arguments = ["up", "--yes", "--skip-preview"]
    # A refresh forgets that a release failed, and an unchanged second run would then be green.
    if not stack.release_failed():
        arguments.append("--refresh")
    result = stack.pulumi(*arguments)
    if result.returncode:
        show.failed_releases(stack.instance)
        sys.exit(result.returncode)
    if stack.interrupted():
        show.step("a killed run had left creates of unknown outcome; their resources were taken over")
        stack.pulumi("refresh", "--yes", "--skip-preview", "--clear-pending-creates", capture=True)


@main.command()
@click.option("--volumes", type=click.Choice(["keep", "delete"]), default="keep", show_default=True)
@click.pass_context
def down(context: click.Context, volumes: str) -> None:
    """Stop the machines and leave nothing running; with --volumes delete, destroy everything, data too."""
    from local.host import leftovers

    instance = Instance.open(context.obj[0])
    out_of_rotation(instance)
    if volumes == "delete" and stack_named(context).exists():
        destroy(context)
    cloud.stop(instance)
    leftovers.remove(instance)
    if volumes == "delete":
        leftovers.forget(instance)
        show.done("everything is destroyed, volumes and state too")
    else:
        show.done("the machines are off; their disks and the volumes stay, `make up` brings them back")


def out_of_rotation(instance: Instance) -> None:
    """With the whole site its visitors go: no server has to wait until somebody has noticed that it leaves."""
    from local.host import machine

    def leave(instance_id: str) -> None:
        with suppress(OSError):  # it is off
            machine.found(instance, instance_id).run(LEAVE_AT_ONCE, timeout_s=10)

    with ThreadPoolExecutor() as together:
        list(together.map(leave, machine.existing(instance)))


def destroy(context: click.Context) -> None:
    stack = stack_named(context)
    cloud.ensure_running(stack.instance)
    stack.prepare()
    show.step("destroying every resource of the stack, the protected data volumes and their notes included")
    stack.pulumi("state", "unprotect", "--all", "--yes", capture=True)
    result = stack.pulumi("destroy", "--yes", "--skip-preview")
    if result.returncode:
        raise click.ClickException("not everything could be destroyed (above); nothing else was removed, run it again")


@main.command()
@click.pass_context
def status(context: click.Context) -> None:
    """The servers: state, health, role, lag, release; who may write, and what the other database lacks."""
    instance = Instance.open(context.obj[0])
    running(instance)
    show_servers(instance)


@main.command()
@click.option("--to", help="The web server that is to be the primary (default: the other one).")
@click.pass_context
def switchover(context: click.Context, to: str | None) -> None:
    """Hand the databases' writes over to the other server; nothing is lost."""
    instance = Instance.open(context.obj[0])
    running(instance)
    operations.switchover(instance, to)


@main.command()
@click.option("--to", help="The web server that is to be the primary (default: the one that does not hold the lease).")
@click.option("--force", help="The epoch that the verb names when it is used without; transactions may be lost.")
@click.pass_context
def promote(context: click.Context, to: str | None, force: str | None) -> None:
    """Make a server the primary that would not take over by itself; without --force, show what that would lose."""
    instance = Instance.open(context.obj[0])
    running(instance)
    operations.promote(instance, to, force)


@main.command()
@click.pass_context
def why(context: click.Context) -> None:
    """The reason the servers gave for a release that failed."""
    instance = Instance.open(context.obj[0])
    running(instance)
    if not show.failed_releases(instance):
        show.step("no server has reported a failed release")


@main.command()
@click.argument("server")
@click.pass_context
def shell(context: click.Context, server: str) -> None:
    """A root shell on a server."""
    enter(context, server, "bash", "-l")


@main.command()
@click.argument("server")
@click.pass_context
def logs(context: click.Context, server: str) -> None:
    """Follow a server's journal."""
    enter(context, server, "journalctl", "-f", "-n", "100", "--no-hostname")


def enter(context: click.Context, server: str, *command: str) -> None:
    from local.host import machine

    instance = Instance.open(context.obj[0])
    running(instance)
    try:
        arguments = machine.found(instance, show.instance_id_of(instance, server)).entering(*command)
    except OSError as error:
        raise CannotStart(f"{server} cannot be entered: {error}; see: make status") from None
    os.execvp(arguments[0], arguments)


@main.command()
@click.option("--stack", "name", default=LOCAL, show_default=True)
@click.pass_context
def preview(context: click.Context, name: str) -> None:
    """What `pulumi up` would change, on the local cloud's API."""
    stack = stack_named(context, name)
    if name == LOCAL and cloud.running(stack.instance):
        stack.prepare()
        sys.exit(stack.pulumi("preview", "--diff", "--refresh").returncode)
    if name == LOCAL and stack.exists():
        raise CannotStart("the local cloud is not running, and only it knows what there is; start it with: make up")
    sys.exit(preview_offline(stack))


def preview_offline(stack: Stack) -> int:
    """A preview against an API of its own, without machines, that ends with it."""
    from dataclasses import replace

    from local.api.host import NoMachines
    from local.api.server import ApiServer

    alone = replace(stack, instance=Instance.open(stack.instance.home / "preview"))
    api = ApiServer(alone.instance, NoMachines())
    api.start()
    try:
        alone.prepare()
        return alone.pulumi("preview").returncode
    finally:
        api.stop()


@main.command()
@click.pass_context
def env(context: click.Context) -> None:
    """`export` lines, so that plain pulumi, boto3 or any AWS tool uses the local cloud: eval "$(make env)"."""
    stack = stack_named(context)
    for name, value in stack.environment().items():
        click.echo(f"export {name}={shlex.quote(value)}")


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(arguments: tuple[str, ...]) -> None:
    """Every test: units, the real engine on the API, and, as root, the machines."""
    # A process for each tier: the local API patches moto for the whole of the process it is imported in.
    for tier in [arguments] if arguments else [(tier,) for tier in TIERS]:
        with interrupts_left_to_the_child():
            result = subprocess.run([sys.executable, "-m", "pytest", *tier], cwd=CHECKOUT)
        if result.returncode:
            break
    if os.geteuid() != 0:
        click.echo("The live tests were skipped: they boot machines, which needs root. Run: sudo make test")
    sys.exit(result.returncode)


@main.command()
def bench() -> None:
    """Measure the verbs and the servers; the table is kept in docs/measurements.md."""
    from local import bench as measurements

    measurements.run()


@main.command()
@click.argument("names", nargs=-1)
@click.option("--repeat", type=click.IntRange(1), default=1, show_default=True)
@click.pass_context
def drill(context: click.Context, names: tuple[str, ...], repeat: int) -> None:
    """Faults on the running site under load, and what they cost: a table, results.json, report.html."""
    from drills import suite

    stack = stack_named(context)
    running(stack.instance)
    sys.exit(not suite.run(stack, names, repeat))


@main.command()
@click.argument("names", nargs=-1)
@click.option("--settings", type=click.Choice(["defaults", "fast"]), help="Only with these (default: with each in turn).")
@click.option("--repeat", type=click.IntRange(1), default=1, show_default=True)
def peers(names: tuple[str, ...], settings: str | None, repeat: int) -> None:
    """MySQL Group Replication on machines of its own under the same faults; the table is kept in docs/measurements.md."""
    from bench.peers import suite

    sys.exit(not suite.run(names, settings, repeat))


def running(instance: Instance) -> None:
    if not cloud.running(instance):
        raise click.ClickException("the local cloud is not running; start it with: make up")


def run() -> None:
    try:
        main(standalone_mode=True)
    except CannotStart as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    run()
