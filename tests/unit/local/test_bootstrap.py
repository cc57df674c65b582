"""Before anything is touched: each thing that stands in the way is one sentence with its remedy."""

import os
import socket
from collections import namedtuple
from contextlib import nullcontext
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from local import bootstrap
from local.bootstrap import GIB
from local.errors import CannotStart

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def root(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.fixture(autouse=True)
def an_engine(monkeypatch):
    monkeypatch.setattr(bootstrap.engine, "_built", lambda: Path("/engine"))
    monkeypatch.setattr(bootstrap.engine, "_installed", lambda: None)


@pytest.fixture
def somebody(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


def test_another_system_than_linux_is_told_to_use_a_virtual_machine(monkeypatch):
    monkeypatch.setattr(bootstrap.sys, "platform", "darwin")
    with pytest.raises(CannotStart, match=r"this is darwin; run it in a Debian or Ubuntu virtual machine"):
        bootstrap.check("up")


def test_an_old_python_is_named(monkeypatch):
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2))
    with pytest.raises(CannotStart, match=r"Python 3\.11 or newer is needed"):
        bootstrap.check("up")


@pytest.mark.parametrize("verb", ["up", "peers"])
def test_a_verb_that_boots_machines_says_without_root_how_to_run_it(somebody, verb):
    with pytest.raises(CannotStart, match=rf"you are uid 1000; run: sudo make {verb}"):
        bootstrap.check(verb)


def test_verbs_that_boot_nothing_need_no_root(somebody):
    bootstrap.check("preview")
    bootstrap.check("test")


def test_a_full_disk_is_named_with_its_figures(root, monkeypatch):
    monkeypatch.setattr(bootstrap.shutil, "disk_usage", lambda folder: Usage(10 * GIB, 9 * GIB, GIB))
    with pytest.raises(CannotStart, match=r"has 1\.0 GiB free, 6 GiB are needed"):
        bootstrap.check("up")


def test_a_taken_port_is_named_with_the_way_to_choose_another():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=rf"port {port} on 127\.0\.0\.1 is taken .*make up PORT=9443"):
            bootstrap.ports_must_be_free(port)


def test_neither_pulumi_nor_go_names_both_ways_out(monkeypatch):
    monkeypatch.setattr(bootstrap.engine, "_built", lambda: None)
    monkeypatch.setattr(bootstrap.engine.shutil, "which", lambda command: None)
    with pytest.raises(CannotStart, match=r"neither a Pulumi command line 3\.200 or newer on PATH nor Go to build it"):
        bootstrap.check("preview")


def test_the_front_doors_port_is_looked_at_before_the_first_start(root, monkeypatch, tmp_path):
    monkeypatch.setenv("LOCAL_CLOUD", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("PORT", str(taken.getsockname()[1]))
        with pytest.raises(CannotStart, match="is taken"):
            bootstrap.check("up")
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "haproxy.pid").touch()  # then it may be ours
        bootstrap.check("up")


def test_missing_packages_are_the_table_rows_whose_command_is_not_there(monkeypatch):
    monkeypatch.setattr(bootstrap.shutil, "which", lambda command, path=None: None if command == "nft" else f"/usr/bin/{command}")
    assert bootstrap.missing_packages(bootstrap.SYSTEM_COMMANDS) == {"nftables": "the security groups"}


def test_missing_packages_without_root_are_listed_in_the_command_that_installs_them(somebody, monkeypatch):
    monkeypatch.setattr(bootstrap, "missing_packages", lambda commands: {"nftables": "a", "haproxy": "b"})
    with pytest.raises(CannotStart, match=r"run: sudo apt-get install .*haproxy nftables"):
        bootstrap.install_packages("up")


@pytest.mark.parametrize("code", [0, 100])
def test_a_package_that_brings_a_service_is_installed_for_its_program_alone(root, monkeypatch, tmp_path, code):
    wanted = {"haproxy": "a", "nftables": "b", "nginx-light": "c"}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(bootstrap, "POLICY", tmp_path / "policy-rc.d")
    monkeypatch.setattr(bootstrap, "missing_packages", lambda commands: dict(wanted))
    monkeypatch.setattr(bootstrap, "KEYRING", (tmp_path, "", ""))
    ran = []

    def run(command, **_):
        if "install" in command:
            assert bootstrap.POLICY.read_text() == "#!/bin/sh\nexit 101\n"
        ran.append(command)
        return CompletedProcess(command, code if "install" in command else 0)

    monkeypatch.setattr(bootstrap.subprocess, "run", run)
    with pytest.raises(CannotStart, match=r"`apt-get install .*` failed") if code else nullcontext():
        bootstrap.install_packages("up")
    assert ran == [
        ["apt-get", "update"],
        ["apt-get", "install", "-y", "--no-install-recommends", "haproxy", "nftables", "nginx-light"],
        ["systemctl", "disable", "haproxy"],
        ["systemctl", "disable", "nginx"],
    ]
    assert not bootstrap.POLICY.exists()


@pytest.mark.subprocess
def test_a_failing_installation_step_shows_the_command_and_its_last_words():
    with pytest.raises(
        CannotStart, match=r"could not make it: `sh -c echo why; exit 3` ended with 3; check the network(.|\n)*why"
    ):
        bootstrap.run(["sh", "-c", "echo why; exit 3"], "could not make it")
