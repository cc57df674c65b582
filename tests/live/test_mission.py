"""The mission, end to end, on three machines: the front door, the two web servers, the two databases, the firewall."""

import contextlib
import http.client
import json
import re
import secrets
import ssl
import threading
import time
from collections import Counter

import pytest

from cloud_init.front_door import REQUEST_S
from local.instance import http_port

from .conftest import eventually

pytestmark = [pytest.mark.live, pytest.mark.subprocess]


def served_by(site, count: int) -> Counter:
    return Counter(site.notes()["served_by"] for _ in range(count))


def post(site, text: str) -> dict:
    status, _, answer = site.request("/api/notes", {"text": text})
    assert status == 201, answer
    return json.loads(answer)


def test_the_page_comes_through_the_front_door_with_a_verified_certificate(site):
    status, headers, page = site.request("/")
    assert status == 200
    assert headers.get_content_type() == "text/html"
    assert "web-a" in page


def test_plain_http_is_redirected_to_https(site):
    connection = http.client.HTTPConnection("localhost", http_port(site.port), timeout=10)
    connection.request("GET", "/some/page?x=1")
    answer = connection.getresponse()
    assert answer.status == 301
    assert answer.getheader("Location") == f"https://localhost:{site.port}/some/page?x=1"


def test_static_files_are_served_by_nginx(site):
    _, _, page = site.request("/")
    path = re.search(r'"(/static/[^"]+\.css[^"]*)"', page)[1]
    status, headers, _ = site.request(path)
    assert status == 200
    assert headers.get_content_type() == "text/css"


def test_a_note_is_written_to_the_primary_and_read_back_from_the_replica(site):
    text = f"hello {secrets.token_hex(4)}"
    written = post(site, text)
    assert written["database"] == {"host": "web-a", "role": "primary"}

    def replica_has_it():
        answer = site.notes()
        return answer["database"] == {"host": "web-b", "role": "replica"} and any(n["text"] == text for n in answer["notes"])

    eventually(replica_has_it, 10)


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        ({"text": ""}, {}, 400),
        ({"text": "x" * 100_000}, {}, 413),
        ({"text": "x"}, {"Content-Type": "text/plain"}, 415),
    ],
)
def test_wrong_input_is_refused_with_a_reason(site, body, headers, expected):
    status, _, answer = site.request("/api/notes", body, headers=headers)
    assert status == expected
    assert "error" in json.loads(answer)


def test_the_replica_replicates_over_tls_and_refuses_writes(site):
    status = site.on("web-b", "mysql --vertical -e 'show replica status'")
    for expected in ("Replica_IO_Running: Yes", "Replica_SQL_Running: Yes", "Source_SSL_Allowed: Yes", "Auto_Position: 1"):
        assert expected in status
    assert site.on("web-b", "mysql -N -e 'select @@super_read_only'").strip() == "1"
    assert site.on("web-a", "mysql -N -e 'select @@read_only'").strip() == "0"


def test_readers_leave_a_replica_that_lags_beyond_the_setting_and_return_to_it(site):
    """Who reads the table keeps the applier out of it: all is received, nothing applied (`database.read_lag`: 10 s)."""
    where = "SELECT table_schema FROM information_schema.tables WHERE table_name = 'notes'"
    schema = site.on("web-b", f'mysql -N -e "{where}"').strip()
    reader = threading.Thread(target=site.on, args=("web-b", f"mysql -e 'LOCK TABLES {schema}.notes READ; DO SLEEP(30)'"))
    reader.start()
    try:

        def primary_reads():
            post(site, "a note that is late")
            return site.notes()["database"] == {"host": "web-a", "role": "primary"}

        eventually(primary_reads, 25)
    finally:
        reader.join()
    eventually(lambda: site.notes()["database"] == {"host": "web-b", "role": "replica"}, 30)


@pytest.mark.parametrize("server", ["lb", "web-a", "web-b"])
def test_a_servers_kernel_has_the_settings_of_its_first_boot(site, server):
    assert site.on(server, "sysctl -n net.ipv4.tcp_thin_linear_timeouts").strip() == "1"


# Two connections of one thread, the first of which dies while it is written to.
ENDED_BESIDE_ANOTHER = """
import os, sys, time
sys.path.insert(0, "/var/lib/distributed-web/current/app")
with open("/etc/distributed-web/app.env") as lines:
    os.environ.update(line.strip().split("=", 1) for line in lines if "=" in line)
from notes.database import Connections, Unavailable
from notes.settings import Settings
settings = Settings.from_environment()
connections = Connections(settings, settings.write_port, timeout_s=5.0, at_most=2)
with connections.cursor() as second:
    died = "it did not die"
    try:
        with connections.cursor() as first:
            second.execute("KILL %s", (first.connection.thread_id(),))
            for _ in range(100):
                first.connection._sock.send(b"x")
                time.sleep(0.01)
    except Unavailable as error:
        died = repr(error.__cause__)
    second.execute("SELECT SLEEP(0.1)")
print(died)
"""


def test_a_connection_that_dies_does_not_take_another_one_of_its_thread_with_it(site):
    """What Python's ssl module does by itself: https://github.com/python/cpython/issues/148594."""
    assert site.on("web-a", f"python3 - <<'END'\n{ENDED_BESIDE_ANOTHER}\nEND").strip().startswith("BrokenPipeError")


def test_active_passive_lets_one_web_server_answer_until_it_fails(site):
    assert served_by(site, 30) == {"web-a": 30}
    site.on("web-a", "systemctl stop nginx")
    try:
        eventually(lambda: served_by(site, 10) == {"web-b": 10}, 20)
    finally:
        site.on("web-a", "systemctl start nginx")
    eventually(lambda: served_by(site, 10) == {"web-a": 10}, 30)


class HalfWritten:
    """A note of which the first half is under way: the balancer has chosen a web server, which waits for the rest."""

    def __init__(self, site):
        context = ssl.create_default_context(cadata=site.certificate)
        body = json.dumps({"text": f"half {secrets.token_hex(4)}"}).encode()
        self.half = body[10:]
        self.connection = http.client.HTTPSConnection("localhost", site.port, timeout=20, context=context)
        self.connection.putrequest("POST", "/api/notes")
        self.connection.putheader("Content-Type", "application/json")
        self.connection.putheader("Content-Length", str(len(body)))
        self.connection.endheaders(body[:10])

    def finished(self) -> http.client.HTTPResponse:
        self.connection.send(self.half)
        return self.answer()

    def answer(self) -> http.client.HTTPResponse:
        with contextlib.closing(self.connection):
            return self.connection.getresponse()


def test_a_write_under_way_is_finished_by_the_web_server_that_leaves_and_all_new_ones_go_to_the_other(site):
    write = HalfWritten(site)
    site.on("web-a", "touch /run/distributed-web/drain")
    try:
        eventually(lambda: served_by(site, 10) == {"web-b": 10}, 20)
        answer = write.finished()
        assert (answer.status, answer.headers["X-Served-By"]) == (201, "web-a")
    finally:
        site.on("web-a", "rm -f /run/distributed-web/drain")
    eventually(lambda: served_by(site, 10) == {"web-a": 10}, 30)


def test_who_writes_to_a_web_server_that_hangs_is_told_as_soon_as_that_is_found(site):
    """HAProxy closes the connection; otherwise this would wait until the time for a request is over."""
    write = HalfWritten(site)
    site.on("web-a", "systemctl kill --signal=STOP nginx")
    try:
        with pytest.raises(http.client.RemoteDisconnected):
            write.answer()
    finally:
        site.on("web-a", "systemctl kill --signal=CONT nginx")
    eventually(lambda: served_by(site, 10) == {"web-a": 10}, 30)


def test_a_read_on_a_connection_that_falls_silent_does_not_wait_as_long_as_a_web_server_may_take(site):
    """web-b alone serves, so nothing is asked of another one early; then it answers `lb` no more, which has connections to it."""
    address = site.servers()["lb"]["PrivateIpAddress"]

    def read() -> tuple[int, str, float]:
        begun = time.monotonic()
        status, headers, _ = site.request("/api/notes")
        return status, headers["X-Balanced-By"], time.monotonic() - begun

    site.on("web-a", "touch /run/distributed-web/drain")
    try:
        eventually(lambda: served_by(site, 30) == {"web-b": 30}, 20)
        site.on("web-b", f"ip route add blackhole {address}")
        answers = [read() for _ in range(12)]
        assert {status for status, _, _ in answers} == {200}
        assert "lb" in {balancer for _, balancer, _ in answers}
        assert max(took for _, _, took in answers) < REQUEST_S - 1
    finally:
        site.on("web-a", "rm -f /run/distributed-web/drain")
        site.on("web-b", f"ip route del blackhole {address}")
    eventually(lambda: served_by(site, 10) == {"web-a": 10}, 30)


def reaches(site, source: str, target: str, port: int) -> bool:
    address = site.servers()[target]["PrivateIpAddress"]
    probe = f"timeout 2 bash -c '</dev/tcp/{address}/{port}' 2>/dev/null && echo open || echo closed"
    return site.on(source, probe).strip() == "open"


def test_a_port_that_no_flow_allows_is_blocked(site):
    site.on("web-a", "systemd-run --unit probe --collect python3 -m http.server 2222 --directory /run")
    try:
        eventually(lambda: site.on("web-a", "ss -ltn sport = :2222 | grep -c LISTEN || true").strip() == "1", 10)
        assert not reaches(site, "web-b", "web-a", 2222)
        assert reaches(site, "web-b", "web-a", 9200)
    finally:
        site.on("web-a", "systemctl stop probe")


def test_a_rule_revoked_with_boto3_blocks_the_port_and_up_mends_it(site):
    assert reaches(site, "lb", "web-a", 9200)
    ec2 = site.instance.client("ec2")
    rules = [
        r for r in ec2.describe_security_group_rules()["SecurityGroupRules"] if r.get("FromPort") == 9200 and not r["IsEgress"]
    ]
    for rule in rules:
        ec2.revoke_security_group_ingress(GroupId=rule["GroupId"], SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])
    eventually(lambda: not reaches(site, "lb", "web-a", 9200), 10)
    site.make("up")
    eventually(lambda: reaches(site, "lb", "web-a", 9200), 10)


class Load:
    """Requests through the front door, one after another, until it is left; `failed` lists what was not 200."""

    def __init__(self, site):
        self.site, self.count, self.failed = site, 0, []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._ended.is_set():
            try:
                status, _, _ = self.site.request("/")
            except OSError as error:
                status = repr(error)
            self.count += 1
            if status != 200:
                self.failed.append((time.time(), status))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join(timeout=30)


def test_another_algorithm_reloads_haproxy_without_replacing_a_server_or_failing_a_request(site):
    before = {name: described["InstanceId"] for name, described in site.servers().items()}
    with Load(site) as load:
        site.configure("balancer", mode="active-active", algorithm="leastconn")
        site.make("up")
    assert load.failed == [] and load.count > 20
    assert {name: described["InstanceId"] for name, described in site.servers().items()} == before
    assert set(served_by(site, 40)) == {"web-a", "web-b"}


def test_round_robin_shares_evenly_and_source_keeps_a_client_on_one_server(site):
    site.configure("balancer", mode="active-active", algorithm="roundrobin")
    site.make("up")
    counts = served_by(site, 60)
    assert set(counts) == {"web-a", "web-b"} and min(counts.values()) >= 15
    site.configure("balancer", algorithm="source")
    site.make("up")
    assert len(served_by(site, 30)) == 1
    site.configure("balancer", mode="active-passive", algorithm="roundrobin")
    site.make("up")
    eventually(lambda: served_by(site, 10) == {"web-a": 10}, 20)


def test_a_second_up_changes_nothing_and_says_so(site):
    shown = site.make("up")
    assert "unchanged" in shown
    assert not any(word in shown for word in (" created", " updated", " replaced", " deleted")), shown


def test_a_broken_template_fails_with_haproxys_own_words_twice_and_leaves_the_site_alone(site):
    template = site.checkout / "cloud_init" / "templates" / "haproxy.cfg.j2"
    good = template.read_text()
    template.write_text(good + "\nbackend broken\n  balance nonsense\n")
    try:
        with Load(site) as load:
            for _ in range(2):
                shown = site.make("up", check=False)
                assert "balance only supports 'roundrobin'" in shown, shown[-3000:]
                assert "make: ***" in shown
        assert load.failed == []
    finally:
        template.write_text(good)
    site.make("up")
    assert "unchanged" in site.make("up")
