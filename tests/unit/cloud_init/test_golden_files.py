"""Every rendered file, whole, as a reviewer reads it. `GOLDEN=write pytest tests/unit/cloud_init` writes them anew."""

import itertools
import os
from pathlib import Path

import pytest

from cloud_init import render

GOLDEN = Path(__file__).parent / "golden"
HAPROXY = "/etc/haproxy/haproxy.cfg"
MYSQL = "/etc/mysql/mysql.conf.d/zz-distributed-web.cnf"
CASES = tuple(itertools.product(("active-passive", "active-active"), ("roundrobin", "leastconn", "source")))


def compare(files: dict[Path, str]):
    if os.environ.get("GOLDEN") == "write":
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
    for path, content in files.items():
        assert content == path.read_text(), path


@pytest.mark.parametrize("name", ["lb", "web-a", "web-b"])
def test_a_release_brings_exactly_these_files(name, site, server):
    folder = GOLDEN / "release" / name
    files = {folder / file.path.lstrip("/"): file.content for file in render.files(site(), server[name])}
    compare(files)
    assert {path for path in folder.rglob("*") if path.is_file()} == set(files)


@pytest.mark.parametrize("name", ["lb", "web-a", "web-b"])
def test_the_user_data_of_each_server_is_exactly_this(name, site, user_data):
    compare({GOLDEN / "user-data" / f"{name}.yaml": user_data(site(), name)})


@pytest.mark.parametrize(("mode", "algorithm"), CASES)
def test_haproxy_is_told_exactly_this_for_each_mode_and_algorithm(mode, algorithm, site, text):
    compare({GOLDEN / "haproxy" / f"{mode}-{algorithm}.cfg": text(site(mode=mode, algorithm=algorithm), "web-a", HAPROXY)})


@pytest.mark.parametrize(("mode", "algorithm"), CASES)
def test_all_servers_balance_alike(mode, algorithm, site, text):
    chosen = site(mode=mode, algorithm=algorithm)

    def nameless(name: str) -> str:
        return text(chosen, name, HAPROXY).replace(f"HAProxy on {name}.", "").replace(f"X-Balanced-By {name}", "")

    assert nameless("lb") == nameless("web-a") == nameless("web-b")


def test_mysqls_file_says_nothing_of_the_mode_of_replication_so_that_changing_it_restarts_no_mysqld(site, text):
    assert text(site(replication="semi-sync"), "web-a", MYSQL) == text(site(replication="async"), "web-a", MYSQL)


def test_no_rendered_line_ends_in_a_blank_and_every_file_in_one_newline(site, server):
    for file in itertools.chain.from_iterable(render.files(site(), one) for one in server.values()):
        assert not [line for line in file.content.splitlines() if line != line.rstrip()], file.path
        assert file.content.endswith("\n") and not file.content.endswith("\n\n"), file.path
