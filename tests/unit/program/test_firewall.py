import re

from components.firewall import GROUPS, flows

INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"

WHO_MAY_TALK_TO_WHOM = {
    ("world", "edge", 443),
    ("world", "edge", 80),
    ("edge", "lb", 8443),
    ("edge", "web", 8443),
    ("edge", "lb", 8080),
    ("edge", "web", 8080),
    ("edge", "lb", 8405),
    ("edge", "web", 8405),
    ("lb", "web", 8444),
    ("web", "web", 8444),
    ("web", "web", 3306),
    ("lb", "web", 9200),
    ("lb", "web", 9201),
    ("web", "lb", 9200),
    ("web", "web", 9200),
    ("web", "web", 9201),
    ("web", "web", 9202),
    ("lb", "world", 443),
    ("web", "world", 443),
    ("lb", "world", 80),
    ("web", "world", 80),
}


def allowed(recording, type_, own, other):
    """What the rules of one direction allow, as (source, destination, port); a rule is about one port and one peer."""
    groups = {group.id: group.name.removeprefix("prod-") for group in recording.of("aws:ec2/securityGroup:SecurityGroup")}
    found = set()
    for rule in recording.of(type_):
        inputs = rule.inputs
        assert inputs["ipProtocol"] == "tcp" and inputs["fromPort"] == inputs["toPort"], rule.name
        peer = inputs.get("referencedSecurityGroupId")
        assert (peer is None) != ("cidrIpv4" not in inputs) and inputs.get("cidrIpv4", "0.0.0.0/0") == "0.0.0.0/0", rule.name
        ends = {own: groups[inputs["securityGroupId"]], other: groups.get(peer, "world")}
        found.add((ends["source"], ends["destination"], int(inputs["fromPort"])))
    return found


def test_who_may_talk_to_whom(deploy):
    recording = deploy()
    to_servers = {flow for flow in WHO_MAY_TALK_TO_WHOM if flow[1] != "world"}
    from_servers = {flow for flow in WHO_MAY_TALK_TO_WHOM if flow[0] != "world"}
    assert allowed(recording, INGRESS, "destination", "source") == to_servers
    assert allowed(recording, EGRESS, "source", "destination") == from_servers


def test_the_table_and_the_program_agree():
    assert {(flow.source, flow.destination, flow.port) for flow in flows(443, 80)} == WHO_MAY_TALK_TO_WHOM


def test_the_front_doors_ports_are_settings(deploy):
    visitors = {(flow.port, flow.source, flow.destination) for flow in flows(8443, 8088) if flow.source == "world"}
    assert visitors == {(8443, "world", "edge"), (8088, "world", "edge")}


def test_nobody_reaches_a_server_by_ssh(deploy):
    assert not [flow for flow in WHO_MAY_TALK_TO_WHOM if flow[2] == 22]
    assert not [server for server in deploy().of("aws:ec2/instance:Instance") if "keyName" in server.inputs]


def test_rules_are_resources_of_their_own_with_a_reason(deploy):
    recording = deploy()
    for group in recording.of("aws:ec2/securityGroup:SecurityGroup"):
        assert not {"ingress", "egress", "name", "namePrefix"} & set(group.inputs), group.name
    for rule in (*recording.of(INGRESS), *recording.of(EGRESS)):
        assert rule.inputs["description"], rule.name


def test_descriptions_are_in_aws_s_alphabet():
    texts = [*GROUPS.values(), *(flow.reason for flow in flows(443, 80))]
    assert not [text for text in texts if not re.fullmatch(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{1,255}", text)]


def test_the_group_every_vpc_has_allows_nothing(deploy):
    (default,) = deploy().of("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
    assert (default.inputs["ingress"], default.inputs["egress"]) == ([], [])
