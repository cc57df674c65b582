"""The one table of services: which files make each of them, how they are checked, and how they are taken up without harm."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from . import operator
from .files import write_atomically
from .state import State
from .system import Failed, System

TLS = "/etc/distributed-web/tls/*"
MASTER_SOCKET = "/run/haproxy-master.sock"  # -S of the packaged unit
STATS_SOCKET = "/run/haproxy/admin.sock"
SERVERS_STATE = "/var/lib/haproxy/servers.state"
START_DEADLINE_S = 120  # systemd gives up at 90 s by default (TimeoutStartSec)
CHECK_DEADLINE_S = 30
LAST_WORDS_LIMIT = 1500  # characters


def _reload_nginx(system: System) -> None:
    system.run("systemctl", "reload", "nginx")


def _reload_mysql_tls(system: System) -> None:
    system.run("mysql", "--user=root", "--execute=ALTER INSTANCE RELOAD TLS")


def _reload_haproxy(system: System) -> None:
    # The new worker begins with what the old one knew (server-state-file), or for the moment until its first checks
    # every database would count as primary.
    known = system.ask(STATS_SOCKET, "show servers state\n", timeout_s=CHECK_DEADLINE_S)
    write_atomically(system.path(SERVERS_STATE), known.encode(), 0o644)
    # `systemctl reload` only sends SIGUSR2 and succeeds whatever comes of it; the master's own command answers
    # when the new worker runs, or says why it does not (HAProxy management guide, "reload").
    answer = system.ask(MASTER_SOCKET, "reload\n", timeout_s=CHECK_DEADLINE_S)
    if not answer.startswith("Success=1"):
        raise Failed(f"haproxy: reload refused: {answer}")


@dataclass(frozen=True, kw_only=True)
class Service:
    """Patterns are fnmatch(3)'s over the paths of files, plus "archive/agent" and "archive/app"."""

    unit: str
    present: str  # this server runs the service when a release has a file matching
    restart_on: tuple[str, ...]
    reload_on: tuple[str, ...] = ()  # wins over restart_on
    check: tuple[str, ...] | None = None  # run with the candidate files in place of the real ones
    reload: Callable[[System], None] | None = None
    before_restart: Callable[[System], None] | None = None
    log: str | None = None  # where it says why it does not start, when not in the journal


def _brought(unit: str, *also: str, before_restart: Callable[[System], None] | None = None) -> Service:
    """A unit that the release itself brings; a change of its file, or of what matches `also`, restarts it."""
    path = _unit_file(unit)
    return Service(unit=unit, present=path, restart_on=(path, *also), check=_verify(path), before_restart=before_restart)


def _acts_when_it_stops(unit: str) -> Service:
    """What it does then is systemd's to know: daemon-reload is enough for another file of it, a restart would do it now."""
    path = _unit_file(unit)
    return Service(unit=unit, present=path, restart_on=(), reload_on=(path,), check=_verify(path), reload=lambda system: None)


def _unit_file(unit: str) -> str:
    return f"/etc/systemd/system/{unit}.service"


def _verify(path: str) -> tuple[str, ...]:
    return ("systemd-analyze", "verify", "--recursive-errors=no", path)


MYSQL = Service(
    unit="mysql",
    present="/etc/mysql/*",
    restart_on=("/etc/mysql/*", "/etc/systemd/system/mysql.service.d/*"),
    reload_on=("/etc/mysql/tls/*",),
    check=("mysqld", "--validate-config", "--user=mysql"),
    reload=_reload_mysql_tls,
    before_restart=operator.hand_over,
    log="/var/log/mysql/error.log",
)
HAPROXY = Service(
    unit="haproxy",
    present="/etc/haproxy/*",
    restart_on=("/etc/systemd/system/haproxy.service.d/*", "/etc/default/haproxy"),
    reload_on=("/etc/haproxy/*", TLS),
    check=("haproxy", "-c", "-f", "/etc/haproxy/haproxy.cfg"),
    reload=_reload_haproxy,
)
NGINX = Service(
    unit="nginx",
    present="/etc/nginx/*",
    restart_on=("/etc/systemd/system/nginx.service.d/*",),
    reload_on=("/etc/nginx/*", TLS),
    check=("nginx", "-t"),
    reload=_reload_nginx,
)
FAILOVER = _brought("failover", "/etc/distributed-web/failover.json", "archive/agent", before_restart=operator.leave_or_refuse)
HANDOVER = _acts_when_it_stops("handover")
AGENT = _brought("agent", "archive/agent")
APP = _brought(
    "app", "/etc/distributed-web/app.env", "/etc/distributed-web/app-start", "/etc/distributed-web/database/app.*", "archive/app"
)
ROTATION = _acts_when_it_stops("rotation")
SERVICES = (MYSQL, FAILOVER, HANDOVER, AGENT, HAPROXY, NGINX, APP, ROTATION)

Inputs = Mapping[str, str]  # path or "archive/<name>": SHA-256


def present(inputs: Inputs, services: Iterable[Service] = SERVICES) -> tuple[Service, ...]:
    """Those that this server runs."""
    return tuple(service for service in services if any(fnmatchcase(path, service.present) for path in inputs))


def affected(changed: Iterable[str], services: Iterable[Service]) -> tuple[Service, ...]:
    """Those that read one of the changed files."""
    paths = tuple(changed)
    return tuple(service for service in services if _matching(paths, (*service.restart_on, *service.reload_on)))


def restarts(state: State, inputs: Inputs, service: Service) -> bool:
    """Whether the service runs with something that it takes up only by a restart."""
    return state.running.get(service.unit, {}).get("started") != _digests(service, inputs)["started"]


def settle(system: System, state: State, inputs: Inputs, services: Iterable[Service]) -> None:
    """Bring each service to run with `inputs`, gently: nothing, reload, restart or start. Remembers it in `state`.

    Works from what a service was last brought to run with, not from what this call changed: a run that was cut off
    after writing a file is made good by the next one.
    """
    for service in present(inputs, services):
        wanted = _digests(service, inputs)
        running = state.running.get(service.unit, {})
        active = system.attempt("systemctl", "is-active", "--quiet", service.unit).exit_code == 0
        if active and running == wanted:
            continue
        if active and service.reload and not restarts(state, inputs, service):
            system.log(f"{service.unit}: reload")
            service.reload(system)
        else:
            if active and service.before_restart:
                service.before_restart(system)
            _restart(system, service)
        state.running[service.unit] = wanted
        state.save(system)


def _restart(system: System, service: Service) -> None:
    system.log(f"{service.unit}: start")
    if service.present.endswith(".service"):
        system.run("systemctl", "enable", service.unit)
    # A unit that failed often is refused by systemd until its counter is cleared (StartLimitBurst).
    system.attempt("systemctl", "reset-failed", service.unit)
    done = system.attempt("systemctl", "restart", service.unit, timeout_s=START_DEADLINE_S)
    if done.exit_code:
        raise Failed(f"{service.unit}: does not start: {last_words(system, service) or done.stderr}")


def last_words(system: System, service: Service) -> str:
    """What the service itself said last, for the reason of a failure."""
    journal = system.attempt("journalctl", "--unit", service.unit, "--lines=8", "--output=cat", "--no-pager").stdout
    log = system.path(service.log) if service.log else None
    errors = [line for line in log.read_text().splitlines() if "[ERROR]" in line] if log and log.exists() else []
    return "\n".join([*errors[-4:], journal])[:LAST_WORDS_LIMIT].strip()


def _digests(service: Service, inputs: Inputs) -> dict[str, str]:
    loaded = _matching(inputs, service.reload_on)
    started = [path for path in _matching(inputs, service.restart_on) if path not in loaded]
    return {"started": _digest(started, inputs), "loaded": _digest(loaded, inputs)}


def _digest(paths: Iterable[str], inputs: Inputs) -> str:
    return hashlib.sha256("\n".join(f"{path} {inputs[path]}" for path in sorted(paths)).encode()).hexdigest()


def _matching(paths: Iterable[str], patterns: Iterable[str]) -> list[str]:
    return [path for path in paths if any(fnmatchcase(path, pattern) for pattern in patterns)]
