"""Renders the templates: a server's user data and the files of its release. Pure: plain values in, text out.

One template per target file. An undefined name in a template is an error, never an empty string (`StrictUndefined`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import jinja2

from . import front_door, ports
from .site import Server, Site

USER_DATA_LIMIT = 16 * 1024  # bytes before base64; EC2 User Guide, "Run commands when you launch an EC2 instance"
EVERYWHERE = ("lb", "web")
PACKAGES = ("haproxy", "python3-boto3", "python3-pymysql")  # the balancer, and what the agent imports
WEB_PACKAGES = ("nginx", "mysql-server")


class TooLarge(ValueError):
    """User data that EC2 would refuse."""


@dataclass(frozen=True, kw_only=True)
class RenderedFile:
    path: str
    content: str
    mode: str = "0644"
    owner: str = "root:root"


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a template's text goes, and on which kinds of server."""

    path: str
    template: str
    kinds: tuple[str, ...] = EVERYWHERE
    mode: str = "0644"

    def render(self, **values: object) -> RenderedFile:
        return RenderedFile(path=self.path, content=_text(self.template, **values), mode=self.mode)


WEB = ("web",)
RELEASE = (  # brought and kept up to date by every release
    Target(path="/etc/hosts", template="hosts.j2"),
    Target(path="/etc/haproxy/haproxy.cfg", template="haproxy.cfg.j2"),
    Target(path="/etc/systemd/system/haproxy.service.d/rotation.conf", template="haproxy_rotation.conf.j2"),
    Target(path="/etc/systemd/system/rotation.service", template="rotation.service.j2"),
    Target(path="/etc/systemd/system/agent.service", template="agent.service.j2"),
    Target(path="/etc/distributed-web/failover.json", template="failover.json.j2", kinds=WEB),
    Target(path="/etc/systemd/system/failover.service", template="failover.service.j2", kinds=WEB),
    Target(path="/etc/systemd/system/handover.service", template="handover.service.j2", kinds=WEB),
    Target(path="/etc/mysql/mysql.conf.d/zz-distributed-web.cnf", template="mysql.cnf.j2", kinds=WEB),
    Target(path="/etc/systemd/system/mysql.service.d/priority.conf", template="mysql_priority.conf.j2", kinds=WEB),
    Target(path="/etc/distributed-web/app.env", template="app.env.j2", kinds=WEB),
    Target(path="/etc/distributed-web/app-start", template="app_start.sh.j2", kinds=WEB),
    Target(path="/etc/systemd/system/app.service", template="app.service.j2", kinds=WEB),
    Target(path="/etc/tmpfiles.d/distributed-web.conf", template="tmpfiles.conf.j2", kinds=WEB),
    Target(path="/etc/nginx/nginx.conf", template="nginx.conf.j2", kinds=WEB),
    Target(path="/etc/systemd/system/nginx.service.d/restart.conf", template="nginx_restart.conf.j2", kinds=WEB),
)
BOOT = (  # written once, at the first boot
    Target(path="/etc/distributed-web/server.json", template="server.json.j2"),
    Target(path="/etc/apt/apt.conf.d/90distributed-web", template="apt.conf.j2"),
    Target(path="/etc/needrestart/conf.d/distributed-web.conf", template="needrestart.conf.j2"),
    Target(path="/etc/sysctl.d/60-distributed-web.conf", template="sysctl.conf.j2"),
    Target(path="/usr/local/sbin/agent", template="agent.sh.j2", mode="0755"),
    Target(path="/usr/local/sbin/data-volume", template="data_volume.sh.j2", kinds=WEB, mode="0755"),
    Target(path="/etc/systemd/system/data-volume.service", template="data_volume.service.j2", kinds=WEB),
    Target(path="/etc/systemd/system/mysql.service.d/data-volume.conf", template="mysql_volume.conf.j2", kinds=WEB),
    Target(path="/etc/mysql/mysql.conf.d/zz-distributed-web.cnf", template="mysql_boot.cnf.j2", kinds=WEB),
)


def files(site: Site, server: Server) -> tuple[RenderedFile, ...]:
    """Every file that a release puts on `server`."""
    return tuple(target.render(site=site, server=server) for target in RELEASE if server.kind in target.kinds)


def user_data(
    site: Site, server: Server, *, bucket: str, salvage: str, parameters: str, table: str, volume_id: str | None
) -> str:
    """The cloud-config of `server`'s first boot; the same template for all, no secret inside, nothing a release may change.

    `bucket` holds the releases, `salvage` what only one server had; `parameters` is the SSM path prefix, `table` the DynamoDB
    table's name, `volume_id` (`vol-…`) the data volume of a web server, None for any other kind. Raises `TooLarge` over
    EC2's 16 KiB, ValueError for a web server without a volume.
    """
    if (server.kind == "web") != (volume_id is not None):
        raise ValueError(f"{server.name} is of kind {server.kind!r}: only web servers have a data volume, and all of them do")
    values = {
        "site": site,
        "server": server,
        "bucket": bucket,
        "salvage": salvage,
        "parameters": parameters,
        "table": table,
        "volume_id": volume_id,
        "packages": PACKAGES + (WEB_PACKAGES if server.kind == "web" else ()),
    }
    boot_files = [target.render(**values) for target in BOOT if server.kind in target.kinds]
    text = _text("user_data.yaml.j2", boot_files=boot_files, **values)
    size = len(text.encode())
    if size > USER_DATA_LIMIT:
        raise TooLarge(f"user data of {server.name}: {size} bytes, EC2 takes {USER_DATA_LIMIT}; shorten the boot templates")
    return text


def _text(template: str, **values: object) -> str:
    return _ENVIRONMENT.get_template(template).render(ports=ports, front_door=front_door, **values)


_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,
)
