"""Security groups and their rules through boto3."""

from tests.api.worlds import group, network, refused


def rules(ec2, group_id, *, egress):
    found = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group_id]}])["SecurityGroupRules"]
    return [rule for rule in found if rule["IsEgress"] is egress]


def from_group(source, port, description):
    pair = {"GroupId": source, "Description": description}
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": [pair]}


def test_a_rule_from_a_group_keeps_its_description_and_its_source(ec2):
    vpc_id, _ = network(ec2)
    web, nlb = group(ec2, vpc_id, "web"), group(ec2, vpc_id, "nlb")
    answer = ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[from_group(nlb, 8443, "from the NLB")])
    assert answer["SecurityGroupRules"][0]["Description"] == "from the NLB"
    rule = rules(ec2, web, egress=False)[0]
    assert (rule["Description"], rule["ReferencedGroupInfo"]["GroupId"]) == ("from the NLB", nlb)
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 8443, 8443)
    shown = ec2.describe_security_groups(GroupIds=[web])["SecurityGroups"][0]["IpPermissions"][0]["UserIdGroupPairs"][0]
    assert (shown["GroupId"], shown["Description"]) == (nlb, "from the NLB")


def test_the_same_rule_twice_is_refused_whatever_its_description(ec2):
    vpc_id, _ = network(ec2)
    web, nlb = group(ec2, vpc_id, "web"), group(ec2, vpc_id, "nlb")
    ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[from_group(nlb, 8443, "one")])
    with refused("InvalidPermission.Duplicate"):
        ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[from_group(nlb, 8443, "another")])
    ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[from_group(nlb, 8080, "another port")])


def test_a_rule_from_an_unknown_group_is_refused(ec2):
    vpc_id, _ = network(ec2)
    with refused("InvalidGroup.NotFound"):
        ec2.authorize_security_group_ingress(
            GroupId=group(ec2, vpc_id), IpPermissions=[from_group("sg-0123456789abcdef0", 1, "x")]
        )


def test_a_rule_is_changed_in_place(ec2):
    vpc_id, _ = network(ec2)
    web, first, second = (group(ec2, vpc_id, name) for name in ("web", "first", "second"))
    ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[from_group(first, 8443, "first")])
    rule_id = rules(ec2, web, egress=False)[0]["SecurityGroupRuleId"]

    def change(**wanted):
        ec2.modify_security_group_rules(
            GroupId=web, SecurityGroupRules=[{"SecurityGroupRuleId": rule_id, "SecurityGroupRule": wanted}]
        )
        return rules(ec2, web, egress=False)[0]

    rule = change(IpProtocol="tcp", FromPort=80, ToPort=81, ReferencedGroupId=second, Description="second")
    assert (rule["FromPort"], rule["ToPort"], rule["ReferencedGroupInfo"]["GroupId"]) == (80, 81, second)
    assert rule["Description"] == "second"
    rule = change(IpProtocol="-1", CidrIpv4="10.0.0.0/8")
    assert (rule["IpProtocol"], rule["FromPort"], rule["CidrIpv4"]) == ("-1", -1, "10.0.0.0/8")
    assert "ReferencedGroupInfo" not in rule and not rule.get("Description")


def test_a_rule_is_revoked_by_its_id(ec2):
    vpc_id, _ = network(ec2)
    web, nlb = group(ec2, vpc_id, "web"), group(ec2, vpc_id, "nlb")
    ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[from_group(nlb, 8443, "from the NLB")])
    rule_id = rules(ec2, web, egress=False)[0]["SecurityGroupRuleId"]
    ec2.revoke_security_group_ingress(GroupId=web, SecurityGroupRuleIds=[rule_id])
    assert rules(ec2, web, egress=False) == []


def test_the_default_group_of_a_network_stays(ec2):
    vpc_id, _ = network(ec2)
    found = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])["SecurityGroups"]
    with refused("CannotDelete", "cannot be deleted by a user"):
        ec2.delete_security_group(GroupId=found[0]["GroupId"])
