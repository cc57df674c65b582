"""The text of HAProxy's configuration and of its server-state file: the load balancers' data plane. Pure.

One HAProxy on the computer joins the namespaces (`namespace` on bind and server lines, HAProxy configuration manual 5.1
and 5.2): listeners of Network Load Balancers on 127.0.0.1, their targets as seen from the load balancer's own interfaces,
and the two service endpoints inside every VPC. It behaves as an NLB does: no retries, any healthy target, all targets
when none is healthy (ELB user guide, "Health checks for Network Load Balancer target groups": fail open). What AWS does not
tell is how long an NLB tries to connect to a target: here as long as for a health check, HAProxy has one time for both.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.host.desired import (
    API_ADDRESS,
    PACKAGES_ADDRESS,
    Desired,
    HealthCheck,
    Listener,
    LoadBalancer,
    Rule,
    Target,
    TargetGroup,
)

# In HAProxy's working directory: the path of a socket may have no more than 107 characters (unix(7)).
SOCKET = "haproxy.sock"
STATE = "haproxy.state"


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the configuration needs to know of the computer. `certificates` maps ARNs of ACM to PEM files with the key."""

    id: str
    api_port: int
    packages_port: int
    endpoint_certificate: Path
    certificates: Mapping[str, Path]
    vpc_ids: tuple[str, ...]

    def namespace(self, owner: str) -> str:
        return f"{self.id}-{owner}"


def configuration(desired: Desired, here: Surroundings) -> str:
    """The whole text. Its `node` is a hash of the rest: `show info` tells which configuration a worker runs."""
    body = "\n".join([*settings(here), *endpoints(here), *load_balancers(desired, here)]) + "\n"
    return f"global\n  node {hashlib.sha256(body.encode()).hexdigest()[:16]}\n{body}"


def node(text: str) -> str:
    return text.split(maxsplit=3)[2]


def settings(here: Surroundings) -> Iterator[str]:
    yield f"  stats socket unix@{SOCKET} mode 600 level admin expose-fd listeners"
    yield f"  server-state-file {STATE}"
    yield "  log stdout format raw local0 notice"
    yield "  maxconn 4000"
    yield "  hard-stop-after 350s"  # of a replaced worker: the longest idle time of a connection
    yield "  ssl-default-bind-options ssl-min-ver TLSv1.2"
    yield "  ssl-server-verify none"  # as an NLB: it does not verify its targets' certificates
    yield ""
    yield "defaults"
    yield "  mode tcp"
    yield "  log global"
    yield "  load-server-state-from-file global"
    yield "  balance random"
    yield "  retries 0"
    yield "  timeout connect 10s"
    yield "  timeout client 350s"
    yield "  timeout server 350s"


def endpoints(here: Surroundings) -> Iterator[str]:
    """What stands for the internet in a VPC: AWS's API, with TLS, and the package proxy."""
    kinds = (
        ("api", f"{API_ADDRESS}:443", f" ssl crt {here.endpoint_certificate}", here.api_port),
        ("packages", f"{PACKAGES_ADDRESS}:80", "", here.packages_port),
    )
    for name, address, encryption, port in kinds:
        if here.vpc_ids:
            yield from ("", f"listen {name}")
        for vpc_id in here.vpc_ids:
            yield f"  bind {address} namespace {here.namespace(vpc_id)}{encryption}"
        if here.vpc_ids:
            yield f"  server {name} 127.0.0.1:{port}"


def load_balancers(desired: Desired, here: Surroundings) -> Iterator[str]:
    groups = {group.arn: group for group in desired.target_groups}
    for balancer in desired.load_balancers:
        for listener in balancer.listeners:
            yield from frontend(desired, balancer, listener, groups[listener.target_group_arn], here)
        for arn in sorted({listener.target_group_arn for listener in balancer.listeners}):
            yield from backends(groups[arn], here.namespace(balancer.id))


def frontend(
    desired: Desired, balancer: LoadBalancer, listener: Listener, group: TargetGroup, here: Surroundings
) -> Iterator[str]:
    encryption = "".join(f" crt {here.certificates[arn]}" for arn in listener.certificate_arns)
    yield ""
    yield f"frontend {balancer.id}:{listener.port}"
    yield f"  bind 127.0.0.1:{listener.port}" + (f" ssl{encryption}" if listener.protocol == "TLS" else "")
    if balancer.groups is not None:
        admitted = " ".join(sources(desired, balancer.groups, listener.port))
        yield "  tcp-request connection silent-drop" + (f" unless {{ src {admitted} }}" if admitted else "")
    yield f"  use_backend {group.id}:all if {{ nbsrv({group.id}) eq 0 }}"
    yield f"  default_backend {group.id}"


def sources(desired: Desired, group_ids: Collection[str], port: int) -> list[str]:
    """The networks that the load balancer's security groups admit to a listener."""
    rules = [rule for group in desired.groups if group.id in group_ids for rule in group.ingress]
    return sorted({str(ipaddress.ip_network(rule.cidr, strict=False)) for rule in rules if admits(rule, port)})


def admits(rule: Rule, port: int) -> bool:
    if rule.cidr is None or rule.protocol not in ("-1", "6", "tcp"):
        return False
    return rule.protocol == "-1" or rule.first <= port <= rule.last or (rule.first, rule.last) == (-1, -1)


def backends(group: TargetGroup, namespace: str) -> Iterator[str]:
    """The target group with its health check, and all of it without one for when nobody is healthy."""
    check = group.health
    yield from ("", f"backend {group.id}")
    # Connecting counts, as in a check of AWS's; without it HAProxy tries for a whole interval.
    yield f"  timeout connect {check.timeout_s}s"
    yield f"  timeout check {check.timeout_s}s"
    if check.protocol in ("HTTP", "HTTPS"):
        yield "  option httpchk"
        yield (
            f"  http-check send meth GET uri {check.path} ver HTTP/1.1"
            " hdr Host localhost hdr User-Agent ELB-HealthChecker/2.0 hdr Connection close"
        )
        yield f"  http-check expect status {check.codes}"
    for target in reachable(group):
        yield f"  {server_line(group, target, namespace)} {check_words(group, check, target)}"
    yield from ("", f"backend {group.id}:all")
    for target in reachable(group):
        yield f"  {server_line(group, target, namespace)}"


def reachable(group: TargetGroup) -> Iterable[Target]:
    return [target for target in group.targets if target.address]


def server_name(target: Target) -> str:
    return f"{target.id}:{target.port}"


def server_line(group: TargetGroup, target: Target, namespace: str) -> str:
    return (
        f"server {server_name(target)} {target.address}:{target.port} namespace {namespace}"
        + (" ssl verify none" if group.protocol == "TLS" else "")
        + (" send-proxy-v2" if group.proxy_protocol else "")
    )


def check_words(group: TargetGroup, check: HealthCheck, target: Target) -> str:
    """An explicit `port` keeps HAProxy from inheriting TLS and PROXY protocol from the traffic (manual 5.2, check-ssl).

    AWS begins a check every interval, HAProxy an interval after the end of the last: after one that failed, by its timeout
    at worst, the next one is due that much sooner.
    """
    again = max(check.interval_s - check.timeout_s, 1)
    return (
        f"check port {check.port or target.port} inter {check.interval_s}s fastinter {again}s"
        f" fall {check.unhealthy} rise {check.healthy}"
        + (" check-ssl" if check.protocol == "HTTPS" else "")
        + (" check-send-proxy" if group.proxy_protocol else "")
        + (" on-marked-down shutdown-sessions" if group.terminate_unhealthy else "")
    )


STATE_FIELDS = (
    "be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight"
    " srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state"
    " bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr"
    " srv_agent_addr srv_agent_port"
)


def server_states(desired: Desired, up: Collection[tuple[str, str]]) -> str:
    """The server-state file (management guide, "show servers state"): who is `up` now stays so, who is new begins down.

    Without it HAProxy takes every server for healthy until a check has failed; an NLB waits until checks have passed.
    """
    lines = ["1", f"# {STATE_FIELDS}"]
    for group in desired.target_groups:
        for number, target in enumerate(reachable(group), start=1):
            running = (group.id, server_name(target)) in up
            state, health = (2, group.health.healthy + group.health.unhealthy - 1) if running else (0, 0)
            check_port, tls = group.health.port or target.port, int(group.protocol == "TLS")
            lines.append(
                f"0 {group.id} {number} {server_name(target)} {target.address} {state} 0 1 1 0 1 0 {health} 6 0 0 0"
                f" - {target.port} - {tls} {check_port} - - 0"
            )
    return "\n".join(lines) + "\n"
