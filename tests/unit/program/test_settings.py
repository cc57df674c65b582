import json
from ipaddress import IPv4Network

import pulumi
import pytest

import settings
from settings import architecture, parse

APP = {"path": "app", "command": "./serve"}
IMAGE = {"ami": "ami-0123456789abcdef0"}


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "wsgi.py").write_text("")
    (tmp_path / "empty").mkdir()
    return tmp_path


def given(values: dict) -> dict[str, str]:
    """As the engine hands configuration over: structured values as JSON, the rest as text."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in ({"image": IMAGE} | values).items()}


def refusal(checkout, values: dict, stack: str = "dev", region: str | None = "eu-central-1") -> str:
    with pytest.raises(pulumi.RunError) as refused:
        parse(given(values), stack, region, checkout)
    return str(refused.value)


def test_an_image_is_all_that_has_to_be_set(checkout):
    chosen = parse(given({}), "dev", "eu-central-1", checkout)
    assert chosen.model_dump() == {
        "stack": "dev",
        "region": "eu-central-1",
        "network": {"cidr": IPv4Network("10.20.0.0/16"), "zones": ("a", "b", "c"), "egress": "nat-gateway"},
        "image": {"ami": "ami-0123456789abcdef0", "architecture": "x86_64"},
        "servers": {"lb_type": "t3.micro", "web_type": "t3.small", "root_gib": 16},
        "balancer": {"mode": "active-passive", "algorithm": "roundrobin"},
        "database": {
            "name": "app",
            "primary": "web-a",
            "replication": "async",
            "failover": "automatic",
            "lease_ttl": 5,
            "max_lag": 100,
            "restart_budget": 5,
            "read_lag": 10,
            "volume_gib": 20,
            "volumes": {},
        },
        "app": settings.SAMPLE_APP
        | {"path": checkout / "app", "packages": tuple(settings.SAMPLE_APP["packages"]), "health": "/healthz"}
        | {"reads_at_once": 16, "writes_at_once": 8},
        "edge": {"https_port": 443, "http_port": 80, "hostnames": ()},
        "domain": None,
        "domain_zone": None,
        "alarms": {"email": None},
        "protect": False,
    }


def test_numbers_and_truths_may_arrive_as_text(checkout):
    values = {"servers": {"root_gib": "32"}, "edge": {"https_port": "8443"}, "protect": "true"}
    chosen = parse(given(values), "dev", "eu-central-1", checkout)
    assert (chosen.servers.root_gib, chosen.edge.https_port, chosen.protect) == (32, 8443, True)


def test_a_line_end_is_no_part_of_a_command(checkout):
    chosen = parse(given({"app": APP | {"command": "./serve\n"}}), "dev", "eu-central-1", checkout)
    assert chosen.app.command == "./serve"


def test_an_emptied_setting_is_as_good_as_none(checkout):
    chosen = parse(given({"domain": "", "alarms": "", "network": ""}), "dev", "eu-central-1", checkout)
    assert (chosen.domain, chosen.alarms.email, chosen.network.egress) == (None, None, "nat-gateway")


REFUSED = [  # settings, then key and value as quoted, what is allowed, and what mends it
    ({"network": {"cidr": "10.0.0.0/24"}}, 'network.cidr is "10.0.0.0/24"', "between /16 and /23", "network.cidr' 10.20.0.0/16"),
    ({"network": {"cidr": "10.0.0.0/8"}}, 'network.cidr is "10.0.0.0/8"', "between /16 and /23", "network.cidr' 10.20.0.0/16"),
    ({"network": {"cidr": "8.8.0.0/16"}}, 'network.cidr is "8.8.0.0/16"', "RFC 1918", "network.cidr' 10.20.0.0/16"),
    ({"network": {"cidr": "10.0.0.1/16"}}, 'network.cidr is "10.0.0.1/16"', "without host bits", "network.cidr' 10.20.0.0/16"),
    ({"network": {"cidr": "office"}}, 'network.cidr is "office"', "RFC 1918", "network.cidr' 10.20.0.0/16"),
    ({"network": {"zones": []}}, "network.zones is []", "one to three different letters", "network.zones[0]' a"),
    ({"network": {"zones": list("abcd")}}, "network.zones is", "one to three different letters", "network.zones[0]' a"),
    ({"network": {"zones": list("aa")}}, "network.zones is", "one to three different letters", "network.zones[0]' a"),
    ({"network": {"zones": ["a", "x"]}}, 'network.zones[1] is "x"', "a to f", "network.zones[1]' a"),
    ({"network": {"zones": "abc"}}, 'network.zones is "abc"', "a list of one to three", "network.zones[0]' a"),
    ({"network": {"egress": "nat"}}, 'network.egress is "nat"', "nat-gateway, nat-per-zone", "network.egress' nat-gateway"),
    ({"image": {}}, "image.ami is not set", "an Ubuntu 26.04 image", "image.ami' ami-0123456789abcdef0"),
    ({"image": {"ami": "ubuntu"}}, 'image.ami is "ubuntu"', "an Ubuntu 26.04 image", "image.ami' ami-"),
    ({"image": IMAGE | {"architecture": "arm"}}, 'image.architecture is "arm"', "x86_64, arm64", "image.architecture' x86_64"),
    (
        {"image": IMAGE | {"architecture": "arm64"}, "servers": {"lb_type": "t4g.micro"}},
        'servers.web_type is "t3.small"', "for image.architecture, which is arm64", "servers.web_type' t4g.small",
    ),
    ({"servers": {"lb_type": "t4g.micro"}}, 'servers.lb_type is "t4g.micro"', "which is x86_64", "servers.lb_type' t3.small"),
    ({"servers": {"lb_type": "small"}}, 'servers.lb_type is "small"', "a current (Nitro)", "servers.lb_type' t3.micro"),
    ({"servers": {"web_type": "t2.micro"}}, 'servers.web_type is "t2.micro"', "a current (Nitro)", "servers.web_type' t3.small"),
    ({"servers": {"root_gib": 4}}, "servers.root_gib is 4", "from 8 to 16384", "servers.root_gib' 16"),
    ({"servers": {"root_gib": "big"}}, 'servers.root_gib is "big"', "from 8 to 16384", "servers.root_gib' 16"),
    ({"balancer": {"mode": "both"}}, 'balancer.mode is "both"', "active-passive, active-active", "balancer.mode' active-passive"),
    (
        {"balancer": {"algorithm": "fastest"}},
        'balancer.algorithm is "fastest"', "roundrobin, leastconn, source", "balancer.algorithm' roundrobin",
    ),
    ({"database": {"name": "mysql"}}, 'database.name is "mysql"', "none of MySQL's own", "database.name' app"),
    ({"database": {"primary": "lb"}}, 'database.primary is "lb"', "web-a, web-b", "database.primary' web-a"),
    ({"database": {"replication": "sync"}}, 'database.replication is "sync"', "async, semi-sync", "database.replication' async"),
    ({"database": {"failover": "never"}}, 'database.failover is "never"', "automatic, manual", "database.failover' automatic"),
    ({"database": {"lease_ttl": 2}}, "database.lease_ttl is 2", "from 3 to 60", "database.lease_ttl' 5"),
    ({"database": {"lease_ttl": 4.5}}, "database.lease_ttl is 4.5", "whole seconds from 3 to 60", "database.lease_ttl' 5"),
    ({"database": {"max_lag": -1}}, "database.max_lag is -1", "0 or more", "database.max_lag' 100"),
    ({"database": {"restart_budget": 0}}, "database.restart_budget is 0", "from 1 to 600", "database.restart_budget' 5"),
    ({"database": {"read_lag": 0}}, "database.read_lag is 0", "from 1 to 3600", "database.read_lag' 10"),
    (
        {"database": {"volumes": {"lb": "vol-01234567"}}},
        'database.volumes is "lb"', "by web-a and web-b", "database.volumes.web-a' vol-",
    ),
    ({"database": {"volumes": {"web-a": "my"}}}, 'volumes.web-a is "my"', "EBS volumes", "database.volumes.web-a' vol-"),
    ({"app": APP | {"path": "nowhere"}}, 'app.path is "nowhere"', "a folder with the application in it", "app.path' app"),
    ({"app": APP | {"path": "empty"}}, 'app.path is "empty"', "a folder with the application in it", "app.path' app"),
    ({"app": {"path": "app"}}, "app.command is not set", "one shell command line", "app.command' 'gunicorn"),
    ({"app": {"command": "run"}}, "app.path is not set", "a folder with the application", "app.path' app"),
    ({"app": APP | {"command": ""}}, 'app.command is ""', "one shell command line", "app.command' 'gunicorn"),
    ({"app": APP | {"packages": ["a b"]}}, 'app.packages[0] is "a b"', "package names", "app.packages[0]' python3-flask"),
    ({"app": APP | {"reads_at_once": 0}}, "app.reads_at_once is 0", "from 1 to 1000", "app.reads_at_once' 16"),
    ({"app": APP | {"writes_at_once": 1001}}, "app.writes_at_once is 1001", "from 1 to 1000", "app.writes_at_once' 8"),
    ({"app": APP | {"health": "/_alive"}}, 'app.health is "/_alive"', "not /_alive, which is Nginx's", "app.health' /healthz"),
    ({"app": APP | {"health": "/a b"}}, 'app.health is "/a b"', "letters, digits", "app.health' /healthz"),
    ({"edge": {"https_port": 0}}, "edge.https_port is 0", "from 1 to 65535", "edge.https_port' 443"),
    ({"edge": {"http_port": 443}}, "edge.http_port is 443", "not https_port", "edge.http_port' 80"),
    ({"edge": {"hostnames": ["a_b"]}}, 'edge.hostnames[0] is "a_b"', "host names", "edge.hostnames[0]' www.example.org"),
    ({"domain": "a b", "domain_zone": "Z1"}, 'domain is "a b"', "domain name", "domain' www.example.org"),
    ({"domain": "example.org"}, "domain_zone is not set", "Route 53 hosted zone", "domain_zone' Z0123456789ABCDEFGHIJ"),
    ({"alarms": {"email": "me"}}, 'alarms.email is "me"', "an e-mail address", "alarms.email' ops@example.org"),
    ({"protect": "perhaps"}, 'protect is "perhaps"', "true or false", "protect' true"),
    ({"network": "{10.0.0.0/16}"}, 'network is "{10.0.0.0/16}"', "the keys cidr, zones, egress", "network.cidr' 10.20.0.0/16"),
    ({"balancer": "leastconn"}, 'balancer is "leastconn"', "the keys mode, algorithm", "balancer.mode' active-passive"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "key", "allowed", "remedy"), REFUSED, ids=[row[1] for row in REFUSED])
def test_a_mistake_is_named_with_what_is_allowed_and_what_mends_it(checkout, values, key, allowed, remedy):
    text = refusal(checkout, values)
    assert text.startswith("a setting is wrong in stack dev:\n  distributed-web:"), text
    said, allows, mends = (line.strip() for line in text.splitlines()[1:])
    assert key in said and allowed in allows, text
    assert mends.startswith("mend it: pulumi config set --stack dev --path 'distributed-web:") and remedy in mends, text


def test_an_unknown_key_is_removed_and_the_one_that_was_meant_is_set(checkout):
    assert refusal(checkout, {"balancer": {"algoritm": "source"}}) == (
        "a setting is wrong in stack dev:\n"
        "  distributed-web:balancer.algoritm is not a setting\n"
        "    allowed: mode, algorithm\n"
        "    mend it: pulumi config rm --stack dev --path 'distributed-web:balancer.algoritm'; if algorithm was meant, also "
        "pulumi config set --stack dev --path 'distributed-web:balancer.algorithm' roundrobin"
    )


def test_an_unknown_section_is_refused(checkout):
    assert "distributed-web:balancing is not a setting" in refusal(checkout, {"balancing": {"mode": "active-active"}})
    assert "distributed-web:stack is not a setting" in refusal(checkout, {"stack": "prod"})


def test_all_mistakes_are_reported_together(checkout):
    values = {
        "network": {"cidr": "10.0.0.0/8", "zones": []},
        "image": IMAGE | {"architecture": "arm64"},
        "balancer": {"mode": "x"},
        "domain": "example.org",
        "colour": "red",
    }
    text = refusal(checkout, values, stack="Dev", region=None)
    named = [line.split(" is ")[0].strip() for line in text.splitlines() if line.startswith("  ") and line[2] != " "]
    assert text.startswith("9 settings are wrong in stack Dev:")
    assert named == [
        "aws:region",
        "the stack's name",
        "distributed-web:network.cidr",
        "distributed-web:network.zones",
        "distributed-web:servers.lb_type",
        "distributed-web:servers.web_type",
        "distributed-web:balancer.mode",
        "distributed-web:domain_zone",
        "distributed-web:colour",
    ]


@pytest.mark.parametrize(
    ("instance_type", "expected"),
    [
        ("t3.micro", "x86_64"), ("m7i.large", "x86_64"), ("g4dn.xlarge", "x86_64"), ("u-6tb1.metal", "x86_64"),
        ("t4g.micro", "arm64"), ("c7gn.large", "arm64"), ("im4gn.large", "arm64"), ("a1.large", "arm64"),
    ],
)  # fmt: skip
def test_the_architecture_is_in_the_name_of_an_instance_type(instance_type, expected):
    assert architecture(instance_type) == expected
