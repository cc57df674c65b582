"""What single lines of the release's files promise; the whole files are golden."""

import dataclasses
import re

import pytest

from agent import operator
from agent.lease import timing
from agent.lease.view import Settings
from agent.member import config, switchover
from agent.system import System
from cloud_init import front_door, ports, render
from cloud_init.site import Failover

HAPROXY = "/etc/haproxy/haproxy.cfg"
NGINX = "/etc/nginx/nginx.conf"
HANDOVER = "/etc/systemd/system/handover.service"
ROTATION = ("/etc/systemd/system/rotation.service", "/etc/systemd/system/haproxy.service.d/rotation.conf")
MYSQL = "/etc/mysql/mysql.conf.d/zz-distributed-web.cnf"


def section(text: str, head: str) -> list[str]:
    """The lines under the line `head` of a HAProxy configuration, without comments."""
    _, _, rest = text.partition(f"\n{head}\n")
    assert rest, head
    lines = (line.strip() for line in rest.splitlines())
    body = []
    for line in lines:
        if not line:
            break
        if not line.startswith("#"):
            body.append(line)
    return body


WEB_BACKENDS = [f"backend {name} from web" for name in ("web", "web_writes")]
DATABASE_BACKENDS = [f"backend mysql_{role} from database" for role in ("primary", "replica", "stale")]


def servers(text: str, backend: str, *, backup: bool = False) -> list[str]:
    """Names and addresses, in their order, of its active servers or of its backup ones."""
    lines = [line for line in section(text, backend) if line.startswith("server ") and line.endswith(" backup") == backup]
    return [" ".join(line.split()[1:3]) for line in lines]


@pytest.mark.parametrize("backend", WEB_BACKENDS)
@pytest.mark.parametrize(("mode", "balance"), [("active-passive", "first"), ("active-active", "roundrobin")])
def test_the_mode_decides_whether_the_first_web_server_takes_all(mode, balance, backend, site, text):
    """None of the two is a `backup`: HAProxy retries on a backup server only once the active one is down, which is too late."""
    written = text(site(mode=mode), "lb", HAPROXY)
    assert f"balance {balance}" in section(written, backend)
    assert servers(written, backend) == ["web-a 10.20.64.10:8444", "web-b 10.20.80.10:8444"]


@pytest.mark.parametrize("backend", [*WEB_BACKENDS, *DATABASE_BACKENDS])
def test_a_silent_link_is_given_up_on_by_every_server_that_is_sent_anything(backend, site, text):
    """On its own line: of a default-server HAProxy takes the word and does nothing."""
    lines = section(text(site(), "lb", HAPROXY), backend)
    assert all(" tcp-ut 1400ms" in line for line in lines if line.startswith("server "))
    assert not any("tcp-ut" in line for line in lines if line.startswith("default-server"))


@pytest.mark.parametrize("backend", WEB_BACKENDS)
def test_the_last_resort_is_in_the_same_backend_so_that_what_waits_there_finds_it(backend, site, text):
    found = servers(text(site(), "lb", HAPROXY), backend, backup=True)
    assert found == ["web-a.alive 10.20.64.10:8444", "web-b.alive 10.20.80.10:8444"]


def test_a_balancer_steps_aside_when_a_primary_is_alive_that_only_others_reach(site, text):
    written = text(site(), "lb", HAPROXY)
    assert "monitor fail if { nbsrv(mysql_primary) lt 1 } { nbsrv(cut_off) ge 1 }" in section(written, "frontend health from web")
    assert section(written, "backend cut_off from database")[1:] == [
        "http-check send meth GET uri /cut-off ver HTTP/1.1 hdr Host db.dev.internal",
        "http-check expect status 200",
        "default-server check port 9201 inter 500ms fall 2 rise 2",
        "server web-a 10.20.64.10:3306",
        "server web-b 10.20.80.10:3306",
    ]


def test_the_order_of_the_servers_decides_who_is_active(site, text):
    chosen = site(servers=tuple(reversed(site().servers)))
    assert servers(text(chosen, "lb", HAPROXY), "backend web from web")[0] == "web-b 10.20.80.10:8444"


@pytest.mark.parametrize("algorithm", ["roundrobin", "leastconn", "source"])
def test_the_algorithm_is_the_one_that_was_set(algorithm, site, text):
    chosen = site(mode="active-active", algorithm=algorithm)
    assert f"balance {algorithm}" in section(text(chosen, "lb", HAPROXY), "backend web from web")


def test_the_public_port_is_in_redirects_only_where_a_browser_needs_it(site, text):
    def location(port: int) -> str:
        lines = section(text(site(https_port=port), "lb", HAPROXY), "frontend redirect from web")
        return next(line for line in lines if "redirect code 301" in line)

    assert location(443).endswith("location https://%[req.hdr(host),regsub(:[0-9]+$,)]%[pathq]")
    assert location(8443).endswith("location https://%[req.hdr(host),regsub(:[0-9]+$,)]:8443%[pathq]")


def test_browsers_are_bound_to_https_only_on_the_standard_port(site, text):
    """HSTS holds for a host name with all its ports: on another port it would break http there (RFC 6797, section 8.3)."""
    assert "Strict-Transport-Security" in text(site(https_port=443), "lb", HAPROXY)
    assert "Strict-Transport-Security" not in text(site(https_port=8443), "lb", HAPROXY)


def test_every_address_that_may_name_the_client_is_one_of_our_balancers(site, text):
    trusted = [line.split()[1] for line in text(site(), "web-a", NGINX).splitlines() if "set_real_ip_from" in line]
    assert trusted == ["10.20.48.10;", "10.20.64.10;", "10.20.80.10;"]


def test_the_health_path_of_the_application_is_what_nginx_and_haproxy_use(site, text):
    chosen = site(app=dataclasses.replace(site().app, health="/up"))
    assert "location = /up {" in text(chosen, "web-a", NGINX)
    assert "http-check send meth GET uri /up ver HTTP/1.1 hdr Host web.dev.internal" in section(
        text(chosen, "lb", HAPROXY), "backend web from web"
    )


def test_reads_and_writes_have_places_of_their_own_at_each_web_server_as_many_as_were_set(site, text):
    configuration = text(site(app=dataclasses.replace(site().app, reads_at_once=5, writes_at_once=3)), "lb", HAPROXY)
    for backend, places in (("web", 5), ("web_writes", 3)):
        assert f"default-server maxconn {places}" in section(configuration, f"backend {backend} from web")


@pytest.mark.parametrize("path", ROTATION)
def test_a_server_that_stops_waits_until_the_load_balancer_in_front_must_have_noticed(path, site, text):
    checked = front_door.INTERVAL_S * front_door.FAILURES + front_door.TIMEOUT_S
    [command] = [line for line in text(site(), "lb", path).splitlines() if "agent.pyz leave" in line]
    assert int(command.split()[-1]) > checked


def test_a_web_server_stays_before_it_leaves_and_everything_together_ends_before_ec2_cuts_the_power(site, text):
    def stops(path):
        return [line.split("agent.pyz ")[1] for line in text(site(), "web-a", path).splitlines() if line.startswith("ExecStop=")]

    assert stops(ROTATION[0]) == [f"stay {front_door.STAY_S}", f"leave {front_door.NOTICED_S}"]
    assert stops(HANDOVER) == ["resign"]
    # What is left of two minutes is for MySQL, the application and HAProxy.
    assert front_door.STAY_S + front_door.NOTICED_S + switchover.RESIGN_S <= 105


def test_a_handover_has_the_time_that_it_takes_and_its_caller_the_patience(site, text):
    [line] = [line for line in text(site(), "web-a", HANDOVER).splitlines() if line.startswith("TimeoutStopSec=")]
    assert switchover.RESIGN_S < operator.RESIGN_S < int(line.split("=")[1])


def test_when_a_server_has_left_no_visitor_has_an_idle_connection_to_it(site, text):
    [kept] = [line for line in text(site(), "lb", HAPROXY).splitlines() if "timeout http-keep-alive" in line]
    assert int(kept.split()[-1].removesuffix("s")) <= front_door.NOTICED_S


def test_what_stops_on_a_server_stops_after_it_has_left(site, text):
    [after] = [line for line in text(site(), "web-a", ROTATION[0]).splitlines() if line.startswith("After=")]
    units = ("mysql", "failover", "handover", "agent", "nginx", "app", "haproxy")
    assert after == "After=" + " ".join(f"{unit}.service" for unit in units)


def test_nginx_gives_up_on_the_application_before_haproxy_gives_up_on_nginx(site, text):
    [nginx] = [line for line in text(site(), "web-a", NGINX).splitlines() if line.startswith("    proxy_read_timeout ")]
    [haproxy] = [line for line in section(text(site(), "lb", HAPROXY), "defaults web") if line.startswith("timeout server ")]
    assert int(nginx.split()[1].removesuffix("s;")) < int(haproxy.split()[-1].removesuffix("s"))


def test_no_two_databases_have_the_same_number(site, text):
    numbers = [text(site(), name, MYSQL).partition("server_id = ")[2].splitlines()[0] for name in ("web-a", "web-b")]
    assert numbers == ["1", "2"]


def test_the_databases_differ_in_nothing_but_number_and_address(site, text):
    a, b = text(site(), "web-a", MYSQL), text(site(), "web-b", MYSQL)
    assert a.replace("web-a", "web-b").replace("server_id = 1", "server_id = 2").replace("10.20.64.10", "10.20.80.10") == b


def test_the_name_on_the_databases_certificate_leads_to_this_server(site, text):
    assert "127.0.0.1 db.dev.internal\n" in text(site(), "web-b", "/etc/hosts")


def test_a_command_with_any_characters_reaches_the_shell_unchanged(site, text):
    command = """NAME="50% $HOME" ./serve --socket "$APP_SOCKET" --greeting 'it''s \\n'"""
    chosen = site(app=dataclasses.replace(site().app, command=command))
    assert text(chosen, "web-a", "/etc/distributed-web/app-start").splitlines()[-1] == command


def test_every_port_is_used_once():
    numbers = [value for name, value in vars(ports).items() if name.isupper()]
    assert len(numbers) == len(set(numbers)) == 11


def test_the_failover_unit_listens_where_the_others_ask_it():
    assert (config.ROLES_PORT, config.MEMBERS_PORT) == (ports.ROLES, ports.MEMBERS)


def test_the_failover_unit_understands_its_settings(site, text, tmp_path):
    """The agent reads with its own module what the template writes."""
    chosen = site(replication="semi-sync", failover=Failover(automatic=False, lease_ttl_s=3, max_lag=7, restart_budget_s=9))
    system = System(tmp_path)
    path = system.path(config.PATH)
    path.parent.mkdir(parents=True)
    path.write_text(text(chosen, "web-b", config.PATH))
    assert config.Config.load(system) == config.Config(
        server="web-b",
        domain="dev.internal",
        members={"web-a": "10.20.64.10", "web-b": "10.20.80.10"},
        settings=Settings(ttl_s=3, automatic=False, semi_sync=True, max_lag=7, restart_budget_s=9),
        read_lag_s=10,
    )


@pytest.mark.parametrize(("ttl_s", "watchdog"), [(3, "360ms"), (5, "600ms")])
def test_the_watchdog_is_a_part_of_the_lease(ttl_s, watchdog, site, text):
    unit = text(site(failover=Failover(lease_ttl_s=ttl_s)), "web-a", "/etc/systemd/system/failover.service")
    assert f"WatchdogSec={watchdog}\n" in unit
    assert float(watchdog.removesuffix("ms")) == 1000 * timing.WATCHDOG_PART * ttl_s


@pytest.mark.parametrize("ttl_s", [3, 5, 30])
def test_the_failover_unit_that_is_told_to_stop_has_a_part_of_the_lease_for_it(ttl_s, site, text):
    unit = text(site(failover=Failover(lease_ttl_s=ttl_s)), "web-a", "/etc/systemd/system/failover.service")
    stop = re.search(r"timeout (\S+) tail --pid=\$MAINPID", unit)
    assert stop and float(stop[1]) == pytest.approx(timing.STOP_PART * ttl_s)


def test_all_files_belong_to_root_and_only_their_owner_writes_them(site, server):
    owners = {(file.owner, file.mode) for one in server.values() for file in render.files(site(), one)}
    assert owners == {("root:root", "0644")}
