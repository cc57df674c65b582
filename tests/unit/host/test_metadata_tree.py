"""What an instance reads about itself."""

import json
from dataclasses import replace

import pytest

from local.host import metadata_tree
from tests.unit.host.example import CLOUD


class Facts:
    def user_data(self, server):
        return b"#cloud-config\n\xff" if server.id == "i-a" else b""

    def vendor_data(self, server):
        return f"vendor data of {server.id}"

    def credentials(self, server):
        return f"keys of {server.id}"


def ask(path, server=CLOUD.servers[0], desired=CLOUD):
    return metadata_tree.look_up(metadata_tree.tree(desired, server, Facts()), path)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("meta-data/instance-id", b"i-a"),
        ("meta-data/local-ipv4", b"10.20.1.10"),
        ("meta-data/hostname", b"ip-10-20-1-10.eu-central-1.compute.internal"),
        ("meta-data/placement/", b"availability-zone\nregion"),
        ("meta-data/placement/availability-zone", b"eu-central-1a"),
        ("meta-data/security-groups", b"web"),
        ("meta-data/network/interfaces/macs/", b"02:00:00:00:01:0a/"),
        ("meta-data/network/interfaces/macs/02:00:00:00:01:0a/vpc-ipv4-cidr-blocks", b"10.20.0.0/16"),
        ("meta-data/iam/security-credentials/", b"web"),
        ("meta-data/iam/security-credentials/web", b"keys of i-a"),
        ("meta-data/tags", None),  # not unless the instance says so
        ("meta-data/public-keys", None),  # it has no key pair
        ("user-data", b"#cloud-config\n\xff"),
        ("vendor-data", b"vendor data of i-a"),
        ("no-such-thing", None),
        ("meta-data/instance-id/deeper", None),
        ("", b"dynamic/\nmeta-data/\nuser-data\nvendor-data"),
    ],
)
def test_each_path_has_its_answer(path, answer):
    assert ask(path) == answer


def test_the_identity_document_names_the_instance():
    assert json.loads(ask("dynamic/instance-identity/document")) == {
        "accountId": "123456789012",
        "architecture": "x86_64",
        "availabilityZone": "eu-central-1a",
        "imageId": "ami-1",
        "instanceId": "i-a",
        "instanceType": "t3.small",
        "pendingTime": "2026-01-02T03:04:05Z",
        "privateIp": "10.20.1.10",
        "region": "eu-central-1",
        "version": "2017-09-30",
    }


def test_tags_are_shown_when_the_instance_allows_it():
    shown = replace(CLOUD.servers[0], tags_in_metadata=True)
    assert ask("meta-data/tags/instance/Name", shown) == b"web-a"


def test_an_instance_without_role_and_user_data_has_neither():
    plain = CLOUD.servers[1]
    assert ask("meta-data/iam", plain) is None
    assert ask("user-data", plain) is None
