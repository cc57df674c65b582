"""How the engine is run: an environment of its own, a stack file never written to by mistake, killed runs noticed."""

import json
import os
import socket
from pathlib import Path

import pytest
import yaml

from local.instance import Instance
from local.stack import Stack, front_door

LOCAL_FILE = {
    "encryptionsalt": "v1:salt",
    "config": {"aws:region": "eu-central-1", "distributed-web:edge": {"https_port": 8443, "hostnames": ["localhost"]}},
}
DEAD_PID = 2**22 + 1  # above the largest pid_max (proc(5))


@pytest.fixture
def checkout(tmp_path) -> Path:
    (tmp_path / "Pulumi.local.yaml").write_text(yaml.safe_dump(LOCAL_FILE))
    (tmp_path / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": {"aws:region": "eu-west-1"}}))
    return tmp_path


def stack(checkout: Path, name: str = "local", **overrides) -> Stack:
    instance = Instance.open(checkout / ".local")
    folders = {"engine": checkout / "engine", "program": checkout / "program"}
    return Stack(instance=instance, name=name, checkout=checkout, overrides=overrides, **folders)


def test_the_local_stack_uses_the_committed_file(checkout):
    assert stack(checkout).configuration_file() == checkout / "Pulumi.local.yaml"


def test_another_port_is_set_in_a_copy_and_the_committed_file_stays(checkout):
    before = (checkout / "Pulumi.local.yaml").read_text()
    copy = stack(checkout, **front_door(9443)).configuration_file()
    edge = yaml.safe_load(copy.read_text())["config"]["distributed-web:edge"]
    assert edge == {"https_port": 9443, "http_port": 9080, "hostnames": ["localhost"]}
    assert (checkout / "Pulumi.local.yaml").read_text() == before


def test_another_stack_is_previewed_from_a_copy_with_the_local_salt(checkout):
    copy = stack(checkout, "dev").configuration_file()
    assert yaml.safe_load(copy.read_text()) == {"config": {"aws:region": "eu-west-1"}, "encryptionsalt": "v1:salt"}
    assert "encryptionsalt" not in (checkout / "Pulumi.dev.yaml").read_text()


def test_the_engine_never_sees_the_users_own_pulumi_or_aws(checkout):
    environment = stack(checkout).environment()
    assert environment["PULUMI_HOME"].startswith(str(checkout / ".local"))
    assert environment["PULUMI_BACKEND_URL"].startswith(f"file://{checkout / '.local'}")
    assert environment["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert environment["PATH"].split(":")[:2] == [str(checkout / "program" / "bin"), str(checkout / "engine")]


def put_lock(checkout: Path, pid: int, host: str) -> Path:
    path = checkout / ".local" / "state" / ".pulumi" / "locks" / "organization" / "distributed-web" / "local" / "1.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"pid": pid, "hostname": host, "username": "root"}))
    return path


@pytest.mark.parametrize(
    ("pid", "host", "kept"),
    [(DEAD_PID, socket.gethostname(), False), (os.getpid(), socket.gethostname(), True), (DEAD_PID, "another", True)],
)
def test_a_lock_is_cleared_only_when_its_process_is_gone_from_this_computer(checkout, pid, host, kept):
    lock = put_lock(checkout, pid, host)
    stack(checkout)._clear_dead_locks()
    assert lock.exists() == kept


@pytest.mark.parametrize(("pending", "expected"), [([], False), ([{"type": "creating"}], True)])
def test_creates_of_unknown_outcome_are_noticed(checkout, pending, expected):
    path = checkout / ".local" / "state" / ".pulumi" / "stacks" / "distributed-web" / "local.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"checkpoint": {"latest": {"pending_operations": pending}}}))
    assert stack(checkout).interrupted() is expected


def test_two_checkouts_have_different_names_and_keep_theirs(tmp_path):
    one, other = Instance.open(tmp_path / "one"), Instance.open(tmp_path / "other")
    assert one.id != other.id
    assert Instance.open(tmp_path / "one") == one
