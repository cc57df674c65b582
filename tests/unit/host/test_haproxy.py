"""The load balancers of the API become one HAProxy configuration that behaves as Network Load Balancers do."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from local.host import haproxy
from local.host.balancer import servable
from local.host.desired import Desired, Rule
from tests.unit.host.example import CERTIFICATE, CLOUD, NLB, PLAIN_GROUP, TLS_GROUP, VPC

HERE = haproxy.Surroundings(
    id="dw-1a2b3c",
    api_port=5000,
    packages_port=3142,
    endpoint_certificate=Path("/run/dw/endpoint.pem"),
    certificates={CERTIFICATE: Path("/run/dw/certificate.pem")},
    vpc_ids=(VPC,),
)
BALANCER = CLOUD.load_balancers[0]


def served(desired, certificates=HERE.certificates, connected=(NLB,)):
    """The ports that are served, by load balancer."""
    balancers = servable(desired, certificates, connected).load_balancers
    return [[listener.port for listener in balancer.listeners] for balancer in balancers]


def test_the_whole_configuration():
    golden = Path(__file__).parent / "golden" / "haproxy.cfg"
    assert haproxy.configuration(CLOUD, HERE) == golden.read_text()


@pytest.mark.subprocess
@pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy is not installed")
def test_haproxy_accepts_it(tmp_path):
    """Without the namespaces, which do not exist here, and with one certificate for all."""
    from local.host import authority
    from local.instance import Instance

    instance = Instance(home=tmp_path, id="dw-1a2b3c", api_port=5000, packages_port=3142)
    pem = authority.endpoint(instance)
    here = replace(HERE, endpoint_certificate=pem, certificates={CERTIFICATE: pem})
    text = haproxy.configuration(CLOUD, here)
    for owner in (VPC, NLB):
        text = text.replace(f" namespace {here.namespace(owner)}", "")
    (tmp_path / haproxy.STATE).write_text(haproxy.server_states(CLOUD, ()))
    (tmp_path / "haproxy.cfg").write_text(text)
    done = subprocess.run(["haproxy", "-c", "-C", tmp_path, "-f", "haproxy.cfg"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_hash_of_a_configuration_changes_with_it():
    one = haproxy.configuration(CLOUD, HERE)
    other = haproxy.configuration(CLOUD, replace(HERE, api_port=5001))
    assert len(haproxy.node(one)) == 16
    assert haproxy.node(one) != haproxy.node(other)


def test_without_vpcs_and_load_balancers_haproxy_has_nothing_to_listen_on():
    assert "bind" not in haproxy.configuration(Desired(), replace(HERE, vpc_ids=())).replace("bind-options", "")


def test_who_is_up_stays_up_over_a_reload_and_who_is_new_begins_down():
    """Fields: state 2 is running, 0 stopped; the tenth from the end says whether the server line has `ssl`."""
    lines = haproxy.server_states(CLOUD, {("tg-943f017f100becff", "i-b:8080")}).splitlines()
    assert lines[0] == "1"
    assert lines[2] == "0 tg-73e2d6bc24d8a067 1 i-a:8443 10.20.1.10 0 0 1 1 0 1 0 0 6 0 0 0 - 8443 - 1 8405 - - 0"
    assert lines[6] == "0 tg-943f017f100becff 2 i-b:8080 10.20.1.11 2 0 1 1 0 1 0 3 6 0 0 0 - 8080 - 0 8080 - - 0"
    assert len(lines) == 2 + 6
    assert all(len(line.split()) == len(haproxy.STATE_FIELDS.split()) for line in lines[2:])


@pytest.mark.parametrize(
    ("rules", "networks"),
    [
        ((), []),
        ((Rule(protocol="tcp", first=8443, last=8443, cidr="0.0.0.0/0"),), ["0.0.0.0/0"]),
        ((Rule(protocol="tcp", first=80, last=443, cidr="0.0.0.0/0"),), []),
        ((Rule(protocol="-1", cidr="203.0.113.7/24"),), ["203.0.113.0/24"]),
        ((Rule(protocol="udp", first=8443, last=8443, cidr="0.0.0.0/0"),), []),
        ((Rule(protocol="tcp", first=8443, last=8443, group="sg-web"),), []),
    ],
)
def test_the_load_balancers_groups_say_from_where_a_listener_is_reached(rules, networks):
    groups = tuple(replace(g, ingress=rules) if g.id == "sg-nlb" else g for g in CLOUD.groups)
    assert haproxy.sources(replace(CLOUD, groups=groups), ("sg-nlb",), 8443) == networks


def test_a_load_balancer_without_groups_is_open():
    text = haproxy.configuration(replace(CLOUD, load_balancers=(replace(BALANCER, groups=None),)), HERE)
    assert "tcp-request" not in text


def test_everything_is_served_when_nothing_is_missing():
    assert served(CLOUD) == [[8080, 8443]]


def test_a_listener_without_its_certificate_is_left_out_and_named(caplog):
    assert served(CLOUD, certificates={}) == [[8080]]
    assert "has no key here" in caplog.text


def test_a_listener_without_its_target_group_is_left_out_and_named(caplog):
    kept = tuple(group for group in CLOUD.target_groups if group.arn != PLAIN_GROUP)
    assert served(replace(CLOUD, target_groups=kept)) == [[8443]]
    assert "does not exist" in caplog.text


def test_of_two_load_balancers_with_the_same_port_the_first_has_it(caplog):
    second = replace(BALANCER, arn=BALANCER.arn[:-1] + "9")
    assert served(replace(CLOUD, load_balancers=(BALANCER, second)), connected=(NLB, second.id)) == [[8080, 8443], []]
    assert "has port 8443 of 127.0.0.1 already" in caplog.text


def test_a_udp_listener_is_left_out_and_named(caplog):
    listeners = (replace(BALANCER.listeners[0], protocol="UDP"),)
    assert served(replace(CLOUD, load_balancers=(replace(BALANCER, listeners=listeners),))) == [[]]
    assert "only TCP and TLS" in caplog.text


def test_a_load_balancer_whose_interfaces_are_not_there_yet_waits():
    assert served(CLOUD, connected=()) == []


def test_a_target_without_an_address_gets_no_server_line():
    groups = tuple(
        replace(group, targets=(replace(group.targets[0], address=None), *group.targets[1:])) for group in CLOUD.target_groups
    )
    text = haproxy.configuration(replace(CLOUD, target_groups=groups), HERE)
    assert "i-a" not in text and "i-b:8443" in text
    assert "i-a" not in haproxy.server_states(replace(CLOUD, target_groups=groups), ())
    assert TLS_GROUP.rpartition("/")[2] in text
