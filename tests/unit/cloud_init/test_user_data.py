"""The first boot: what the cloud-config holds, how large it may be, and that no release changes it."""

import json

import jinja2
import pytest
import yaml

from cloud_init import render
from cloud_init.site import App

KERNEL = "/etc/sysctl.d/60-distributed-web.conf"


def written(user_data: str) -> dict[str, str]:
    return {file["path"]: file["content"] for file in yaml.safe_load(user_data)["write_files"]}


def test_it_is_a_cloud_config_that_ends_in_the_agent(site, user_data):
    text = user_data(site(), "web-a")
    assert text.startswith("#cloud-config\n")
    config = yaml.safe_load(text)
    assert config["hostname"] == "web-a"
    assert config["runcmd"] == [["sysctl", "--load", KERNEL], ["/usr/local/sbin/agent", "apply"]]
    assert "net.ipv4.tcp_thin_linear_timeouts = 1\n" in written(text)[KERNEL]


def test_the_server_learns_who_it_is_and_where_its_release_is(site, user_data):
    assert json.loads(written(user_data(site(), "web-b"))["/etc/distributed-web/server.json"]) == {
        "stack": "dev",
        "server": "web-b",
        "region": "eu-central-1",
        "bucket": "dev-release-1a2b3c",
        "salvage": "dev-salvage-2b3c4d",
        "parameters": "/distributed-web/dev",
        "table": "dev-cluster-4d5e6f",
    }


def test_the_data_volume_is_found_by_its_id_without_the_dash(site, user_data):
    script = written(user_data(site(), "web-a"))["/usr/local/sbin/data-volume"]
    assert "device=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0a1b2c3d4e5f60718\n" in script


def test_a_web_server_mounts_its_volume_before_it_installs_packages(site, user_data):
    script = written(user_data(site(), "web-a"))["/usr/local/sbin/agent"]
    assert script.index("systemctl enable --quiet --now data-volume.service") < script.index("apt-get --quiet --yes install")


def test_a_balancer_has_neither_volume_nor_database(site, user_data):
    text = user_data(site(), "lb")
    assert not [word for word in ("data-volume", "mysql-server $", "install nginx") if word in text]
    assert set(written(text)) == {
        "/etc/distributed-web/server.json",
        "/etc/apt/apt.conf.d/90distributed-web",
        "/etc/needrestart/conf.d/distributed-web.conf",
        KERNEL,
        "/usr/local/sbin/agent",
    }


@pytest.mark.parametrize(("name", "volume_id"), [("web-a", None), ("lb", "vol-0a1b2c3d4e5f60718")])
def test_a_volume_belongs_to_web_servers_and_to_no_other(name, volume_id, site, user_data):
    with pytest.raises(ValueError, match="only web servers have a data volume, and all of them do"):
        user_data(site(), name, volume_id=volume_id)


def test_nothing_that_a_release_may_change_is_in_it(site, user_data):
    """A changed copy would stop and start the server and not even run there."""
    changed = site(
        mode="active-active",
        algorithm="source",
        replication="semi-sync",
        https_port=8443,
        database_name="shop",
        database_primary="web-b",
        app=App(command="./serve", packages=("php",), health="/up", setup="./migrate"),
    )
    for name in ("lb", "web-a", "web-b"):
        assert user_data(changed, name) == user_data(site(), name)


def test_it_is_far_below_the_limit_of_ec2(site, user_data):
    assert len(user_data(site(), "web-a").encode()) < render.USER_DATA_LIMIT / 2


def test_too_much_is_refused_with_both_numbers(site, user_data):
    with pytest.raises(render.TooLarge, match=r"user data of lb: 2\d{4} bytes, EC2 takes 16384; shorten"):
        user_data(site(), "lb", bucket="x" * 20_000)


def test_a_name_that_a_template_does_not_know_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="server"):
        render._text("agent.service.j2")
