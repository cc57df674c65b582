"""The peer's texts whole: what MySQL and its Router are told, and nothing beside."""

from bench.peers import configuration, front
from bench.peers.configuration import DEFAULTS, FAST, FIRST, FRONT, MEMBERS
from settings import SAMPLE_APP

from .example import golden


def test_a_member_with_the_defaults_is_told_who_it_is_and_nothing_about_time():
    assert configuration.mysql_cnf(FIRST, DEFAULTS) == golden("mysql-defaults.cnf")


def test_the_fast_settings_add_their_two_variables_on_every_member():
    added = "group_replication_member_expel_timeout = 0\ngroup_replication_consistency = EVENTUAL\n"
    for member in MEMBERS:
        assert configuration.mysql_cnf(member, FAST) == configuration.mysql_cnf(member, DEFAULTS) + added


def test_the_front_is_the_last_to_become_primary():
    assert min(MEMBERS, key=lambda member: member.weight) == FRONT


def test_the_group_is_founded_by_the_statements_that_others_join_it_with():
    begin, _, accounts = configuration.FOUND.partition(configuration.JOIN)
    assert begin == "SET GLOBAL group_replication_bootstrap_group = ON;\n"
    assert accounts.startswith("SET GLOBAL group_replication_bootstrap_group = OFF;\n")


def test_the_data_volume_is_mounted_before_mysql_starts():
    assert configuration.mount("/dev/disk/by-id/nvme-x") == golden("var-lib-mysql.mount")


def test_router_is_bootstrapped_with_its_defaults_but_for_the_certificate():
    assert front.bootstrap(DEFAULTS) == (
        "echo peer | mysqlrouter --bootstrap admin@10.30.0.11:3306 --directory /var/lib/mysqlrouter --user front"
        " --client-ssl-cert /etc/peer/front.crt --client-ssl-key /etc/peer/front.key"
    )


def test_the_fast_router_hears_from_the_group_and_gives_up_soon():
    assert front.bootstrap(FAST).removeprefix(front.bootstrap(DEFAULTS)) == (
        " --conf-use-gr-notifications=1"
        " --conf-set-option=metadata_cache:bootstrap.ttl=0.5"
        " --conf-set-option=DEFAULT.connect_timeout=1"
        " --conf-set-option=DEFAULT.read_timeout=1"
        " --conf-set-option=routing:bootstrap_rw.connect_timeout=1"
    )


def test_the_application_is_started_as_this_project_starts_it():
    assert SAMPLE_APP["command"] == front.APP_COMMAND
    assert f"ExecStart=/bin/sh -c 'exec {SAMPLE_APP['command']}'\n" in front.APP_SERVICE


def test_the_application_writes_and_reads_where_router_listens():
    assert golden("app.env") == front.APP_ENV
    assert golden("nginx.conf") == front.NGINX
