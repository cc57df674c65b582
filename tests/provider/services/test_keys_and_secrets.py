"""Keys, parameters, roles and tables: what is secret, what is refused, and what only looks different."""

from __future__ import annotations

import json

import pytest
from pulumi.runtime.proto import provider_pb2 as proto

from local.provider.values import SECRET, SIGNATURE, to_struct
from tests.provider.provider_engine import Context, Refused
from tests.provider.services.service_world import TRUST, key, policy, role, unique

KEY, PARAMETER, ROLE = "aws:kms/key:Key", "aws:ssm/parameter:Parameter", "aws:iam/role:Role"


def test_a_secret_value_reaches_the_state_as_a_secret_and_aws_encrypted(engine, aws):
    path = f"/{unique('site')}/password"
    made = engine.resource(PARAMETER, unique("password"))
    properties = to_struct(made.check(name=path, type="SecureString", value="s3cret", keyId=key(aws)))
    request = proto.CreateRequest(urn=made.urn, type=PARAMETER, properties=properties)
    value = engine.servicer.Create(request, Context()).properties["value"]
    assert (value[SIGNATURE], value["value"]) == (SECRET, "s3cret")
    stored = aws("ssm").get_parameter(Name=path)["Parameter"]
    assert (stored["Type"], stored["Value"] == "s3cret") == ("SecureString", False)


def test_a_new_value_is_a_new_version(engine):
    program = {"name": f"/{unique('site')}/password", "type": "SecureString", "value": "1"}
    made = engine.resource(PARAMETER, unique("password")).create(**program)
    assert made.outputs["version"] == 1
    assert str(made.preview_update(**{**program, "value": "2"})["version"]) == "UNKNOWN"
    assert made.update(**{**program, "value": "2"}).outputs["version"] == 2


def test_a_parameter_of_somebody_else_is_not_overwritten(engine):
    program = {"name": f"/{unique('site')}/password", "type": "String", "value": "1"}
    engine.resource(PARAMETER, unique("first")).create(**program)
    with pytest.raises(Refused, match="ParameterAlreadyExists"):
        engine.resource(PARAMETER, unique("second")).create(**program)


def test_a_deleted_key_is_scheduled_for_deletion_and_gone_for_the_program(engine, aws):
    made = engine.resource(KEY, unique("disks")).create(deletionWindowInDays=7)
    made.delete()
    assert aws("kms").describe_key(KeyId=made.id)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert not made.refresh()


def test_a_disabled_key_is_enabled_while_it_is_changed(engine, aws):
    made = engine.resource(KEY, unique("disks")).create(isEnabled=False, description="old")
    before = aws("kms").describe_key(KeyId=made.id)["KeyMetadata"]
    assert (before["Enabled"], before["Description"]) == (False, "old")
    made.update(isEnabled=True, description="new", enableKeyRotation=True)
    now = aws("kms").describe_key(KeyId=made.id)["KeyMetadata"]
    assert (now["Enabled"], now["Description"]) == (True, "new")
    assert aws("kms").get_key_rotation_status(KeyId=made.id)["KeyRotationEnabled"]


def test_an_alias_follows_the_key_by_id_or_arn(engine, aws):
    first, second = key(aws), key(aws)
    arn = aws("kms").describe_key(KeyId=first)["KeyMetadata"]["Arn"]
    alias = engine.resource("aws:kms/alias:Alias", unique("disks")).create(targetKeyId=first)
    assert alias.id.startswith("alias/disks-")
    assert alias.outputs["targetKeyArn"] == arn
    assert alias.changes(targetKeyId=arn) == {}
    assert alias.update(targetKeyId=second).outputs["targetKeyId"] == second


def test_a_policy_in_other_words_is_no_difference(engine):
    statement = json.loads(TRUST)["Statement"][0]
    terse = json.dumps({"Statement": {**statement, "Action": "sts:AssumeRole"}, "Version": "2012-10-17"})
    made = engine.resource(ROLE, unique("servers")).create(assumeRolePolicy=TRUST)
    assert made.changes(assumeRolePolicy=terse) == {}
    assert made.outputs["assumeRolePolicy"] == TRUST
    assert list(made.changes(assumeRolePolicy=TRUST.replace("ec2.", "dlm."))) == ["assumeRolePolicy"]


def test_a_policy_changed_by_hand_is_seen(engine, aws):
    name = role(aws)
    program = {"role": name, "policy": policy("s3:GetObject")}
    made = engine.resource("aws:iam/rolePolicy:RolePolicy", unique("reads")).create(**program)
    aws("iam").put_role_policy(RoleName=name, PolicyName=made.inputs["name"], PolicyDocument=policy("s3:*"))
    made.refresh()
    assert made.changes(**program) == {"policy": "UPDATE"}


def test_a_role_leaves_its_instance_profiles_before_it_goes(engine, aws):
    made = engine.resource(ROLE, unique("servers")).create(assumeRolePolicy=TRUST)
    profile = engine.resource("aws:iam/instanceProfile:InstanceProfile", unique("servers")).create(role=made.id)
    made.delete()
    assert not made.refresh()
    assert profile.refresh() and "role" not in profile.outputs


def test_an_instance_profile_takes_another_role_in_place(engine, aws):
    profile = engine.resource("aws:iam/instanceProfile:InstanceProfile", unique("servers")).create(role=role(aws))
    other = role(aws)
    assert not profile.diff(role=other).replaces
    assert profile.update(role=other).outputs["role"] == other


def test_a_protected_table_is_not_deleted(engine):
    program = {"billingMode": "PAY_PER_REQUEST", "hashKey": "id", "attributes": [{"name": "id", "type": "S"}]}
    made = engine.resource("aws:dynamodb/table:Table", unique("lease")).create(**program, deletionProtectionEnabled=True)
    with pytest.raises(Refused, match="ValidationException"):
        made.delete()
    made.update(**program)
    made.delete()
    assert not made.refresh()


def test_a_table_with_capacity_must_say_how_much(engine):
    with pytest.raises(Refused, match="readCapacity and writeCapacity must be set"):
        engine.resource("aws:dynamodb/table:Table", unique("t")).create(hashKey="id", attributes=[{"name": "id", "type": "S"}])


def test_an_alarm_of_somebody_else_is_not_overwritten(engine, aws):
    program = {"name": unique("cpu"), "comparisonOperator": "GreaterThanThreshold", "evaluationPeriods": 1}
    program |= {"namespace": "AWS/EC2", "metricName": "CPUUtilization", "statistic": "Average", "threshold": 90, "period": 300}
    engine.resource("aws:cloudwatch/metricAlarm:MetricAlarm", unique("cpu")).create(**program)
    with pytest.raises(Refused, match="already exists"):
        engine.resource("aws:cloudwatch/metricAlarm:MetricAlarm", unique("cpu")).create(**program)
