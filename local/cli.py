"""The verbs of the Makefile: each reads as the list of what it does. What they show is made in `local/show.py`."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import click

from local import bootstrap, cloud, engine, show
from local.errors import CannotStart
from local.instance import CHECKOUT, HTTPS_PORT, Instance
from local.stack import LOCAL, Stack, default_signals, front_door

PAGE_DEADLINE_S = 120
SERVERS_DEADLINE_S = 180
TIERS = ("tests/unit", "tests/model", "tests/api", "tests/provider", "tests/engine", "tests/live")  # the quickest to fail first


@click.group(context_settings={"max_content_width": 120})
@click.option("--home", type=click.Path(path_type=Path), help="The instance's folder (default: $LOCAL_CLOUD, else .local).")
@click.option(
    "--port", type=click.IntRange(1024, 65535), envvar="PORT", default=HTTPS_PORT, show_default=True, help="Of the front door."
)
@click.pass_context
def main(context: click.Context, home: Path | None, port: int) -> None:
    """The local cloud: the stack on real Linux machines on this computer."""
    default_signals()
    context.obj = (home, port)


def stack_named(context: click.Context, name: str = LOCAL) -> Stack:
    home, port = context.obj
    return Stack(
        instance=Instance.open(home),
        name=name,
        engine=engine.find_or_build(show.step),
        program=bootstrap.environment(CHECKOUT / "requirements.txt"),
        overrides=front_door(port),
    )


@main.command()
@click.pass_context
def up(context: click.Context) -> None:
    """Bring everything up, or up to date: machines, network, program, page."""
    from local.host import images, leftovers
    from local.host.packages import PackageProxy

    began = time.monotonic()
    stack = stack_named(context)
    if not leftovers.find(stack.instance):
        bootstrap.ports_must_be_free(context.obj[1])
    PackageProxy(stack.instance).start()
    images.ensure(stack.instance, show.step)
    if cloud.ensure_running(stack.instance):
        show.step(f"started the local cloud {stack.instance.id}")
    stack.prepare()
    update(stack)
    outputs = stack.outputs()
    show.wait_for_page(outputs, PAGE_DEADLINE_S)
    show.wait_for_servers(stack.instance, outputs["release"], SERVERS_DEADLINE_S)
    show.servers(stack.instance)
    show.done(f"{outputs['url']} answers, {time.monotonic() - began:.0f} s")


def update(stack: Stack) -> None:
    """`pulumi up`; ends the program with the servers' own reasons when it fails."""
    arguments = ["up", "--yes", "--skip-preview"]
    # A refresh forgets that a release failed, and an unchanged second run would then be green.
    if not stack.release_failed():
        arguments.append("--refresh")
    result = stack.pulumi(*arguments)
    if result.returncode:
        show.why(stack.instance)
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
    if volumes == "delete":
        destroy(context)
    cloud.stop(instance)
    for what in leftovers.remove(instance):
        show.step(f"removed {what}")
    if volumes == "delete":
        leftovers.forget(instance)
        show.done("everything is destroyed, volumes and state too")
    else:
        show.done("the machines are off; their disks and the volumes stay, `make up` brings them back")


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
    """A line per server: state, address, role, release."""
    instance = Instance.open(context.obj[0])
    running(instance)
    show.servers(instance)


@main.command()
@click.pass_context
def why(context: click.Context) -> None:
    """The reason the servers gave for a release that failed."""
    instance = Instance.open(context.obj[0])
    running(instance)
    show.why(instance)


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
    from local.host.machine import enter_command

    instance = Instance.open(context.obj[0])
    running(instance)
    instance_id = show.instance_id_of(instance, server)
    arguments = enter_command(instance, instance_id, *command)
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
    selection = arguments or TIERS
    result = subprocess.run([sys.executable, "-m", "pytest", *selection], cwd=CHECKOUT)
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
    sys.exit(not suite.run(stack.instance, stack.outputs(), names, repeat))


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
