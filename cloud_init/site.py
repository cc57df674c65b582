"""What the templates may know of a stack: frozen, plain values, no secret, nothing known only after a resource exists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Server:
    """One virtual machine; `kind` "lb" runs HAProxy only, "web" also Nginx, the application and MySQL."""

    name: str
    kind: Literal["lb", "web"]
    address: str  # private IPv4 address, fixed for the server's life


@dataclass(frozen=True, kw_only=True)
class App:
    """The application as the user describes it; commands are shell command lines run in the application's folder."""

    command: str  # starts an HTTP server on the unix socket named in $APP_SOCKET
    packages: tuple[str, ...] = ()  # of the distribution
    health: str = "/healthz"  # path that answers 200 only while a primary database is reached
    setup: str = ""  # run once per release on one server, before the others; "" for none
    # Of each HAProxy at each web server; 3 * (reads + 2 * writes), and the checks, should find it ready to serve.
    reads_at_once: int = 16  # GET and HEAD
    writes_at_once: int = 8  # everything else, in places of its own: writes may hang with a primary that has just died


@dataclass(frozen=True, kw_only=True)
class Failover:
    """How the database's lease is kept (docs/adr/0002)."""

    automatic: bool = True
    lease_ttl_s: int = 5
    max_lag: int = 100  # transactions that a server which takes over may lack of the last published position
    restart_budget_s: int = 5
    read_lag_s: int = 10


@dataclass(frozen=True, kw_only=True)
class Site:
    """The whole stack. The order of `servers` is the order of preference: the first web server is the active one."""

    stack: str
    region: str
    servers: tuple[Server, ...]
    vpc_cidr: str
    https_port: int  # the public one, in redirects
    mode: Literal["active-passive", "active-active"]
    algorithm: Literal["roundrobin", "leastconn", "source"]
    database_name: str
    database_primary: str  # name of a web server: where the database is created
    replication: Literal["async", "semi-sync"]
    failover: Failover
    app: App
    volumes_are_adopted: bool = False  # they hold a database of before this stack

    @property
    def web(self) -> tuple[Server, ...]:
        return tuple(server for server in self.servers if server.kind == "web")

    @property
    def order(self) -> tuple[str, ...]:
        """In which the servers get a release: first the one where the database was created, the balancer last."""
        turns = sorted(self.servers, key=lambda server: (server.kind == "lb", server.name != self.database_primary))
        return tuple(server.name for server in turns)

    @property
    def domain(self) -> str:
        """The names on the internal certificates end in it: `<server>.`, `web.` and `db.` in front."""
        return f"{self.stack}.internal"
