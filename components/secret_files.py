"""Which secret becomes which file on which kind of server. Every file is listed here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pulumi_aws import ssm

from cloud_init.site import Server
from components.certificates import InternalCertificates
from components.secrets import Passwords, Secret

OURS = "/etc/distributed-web"
MYSQL = "/etc/mysql/tls"  # copies for mysqld, which runs as a user of its own, confined by AppArmor to /etc/mysql


def by_server(
    servers: Sequence[Server], certificates: InternalCertificates, passwords: Passwords
) -> Mapping[str, tuple[Secret, ...]]:
    return {server.name: _files(server, certificates, passwords.parameters) for server in servers}


def _files(server: Server, certificates: InternalCertificates, passwords: Mapping[str, ssm.Parameter]) -> tuple[Secret, ...]:
    own = certificates.servers[server.name]
    everywhere = (
        Secret(parameter=certificates.authority, path=f"{OURS}/tls/ca.pem", mode="0644"),
        Secret(parameter=own.certificate, path=f"{OURS}/tls/server.crt", mode="0644"),
        Secret(parameter=own.key, path=f"{OURS}/tls/server.key", mode="0600"),
    )
    if server.kind != "web":
        return everywhere
    return (
        *everywhere,
        Secret(parameter=certificates.authority, path=f"{MYSQL}/ca.pem", mode="0644"),
        Secret(parameter=own.certificate, path=f"{MYSQL}/server.crt", mode="0644"),
        Secret(parameter=own.key, path=f"{MYSQL}/server.key", mode="0600", owner="mysql:mysql"),
        Secret(parameter=passwords["app"], path=f"{OURS}/database/app.password", mode="0640", owner="root:app"),
        Secret(parameter=passwords["replication"], path=f"{OURS}/database/replication.password", mode="0600"),
    )
