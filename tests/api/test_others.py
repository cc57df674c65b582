"""The smaller services through boto3: lifecycle policies, log groups, bucket policies, conditional writes, strange calls."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from local.api import outage
from tests.api.worlds import refused

POLICY = {
    "ResourceTypes": ["VOLUME"],
    "TargetTags": [{"Key": "Backup", "Value": "dev-data"}],
    "Schedules": [{"Name": "daily", "CreateRule": {"Interval": 24, "IntervalUnit": "HOURS", "Times": ["03:00"]},
                   "RetainRule": {"Count": 7}}],
}  # fmt: skip


def test_a_lifecycle_policy_is_created_changed_tagged_and_deleted(aws):
    dlm = aws("dlm")
    role = "arn:aws:iam::123456789012:role/dlm"
    policy_id = dlm.create_lifecycle_policy(
        ExecutionRoleArn=role, Description="daily", State="ENABLED", PolicyDetails=POLICY, Tags={"Stack": "dev"}
    )["PolicyId"]
    shown = dlm.get_lifecycle_policy(PolicyId=policy_id)["Policy"]
    assert shown["PolicyArn"] == f"arn:aws:dlm:eu-central-1:123456789012:policy/{policy_id}"
    assert (shown["PolicyDetails"], shown["ExecutionRoleArn"], shown["Tags"]) == (POLICY, role, {"Stack": "dev"})
    dlm.update_lifecycle_policy(PolicyId=policy_id, State="DISABLED")
    dlm.tag_resource(ResourceArn=shown["PolicyArn"], Tags={"Name": "daily"})
    dlm.untag_resource(ResourceArn=shown["PolicyArn"], TagKeys=["Stack"])
    assert dlm.list_tags_for_resource(ResourceArn=shown["PolicyArn"])["Tags"] == {"Name": "daily"}
    listed = dlm.get_lifecycle_policies()["Policies"]
    assert [(there["PolicyId"], there["State"]) for there in listed] == [(policy_id, "DISABLED")]
    dlm.delete_lifecycle_policy(PolicyId=policy_id)
    with refused("ResourceNotFoundException"):
        dlm.get_lifecycle_policy(PolicyId=policy_id)


def test_a_retention_period_that_does_not_exist_is_refused(aws):
    logs = aws("logs")
    logs.create_log_group(logGroupName="/web")
    logs.put_retention_policy(logGroupName="/web", retentionInDays=30)
    with refused("InvalidParameterException", "Value '31' at 'retentionInDays'"):
        logs.put_retention_policy(logGroupName="/web", retentionInDays=31)
    assert logs.describe_log_groups()["logGroups"][0]["retentionInDays"] == 30


@pytest.fixture
def bucket(aws):
    aws("s3").create_bucket(Bucket="releases", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})

    def allow(*statements):
        aws("s3").put_bucket_policy(Bucket="releases", Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))

    return allow


def deny(**more):
    return {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::releases/*", **more}


def test_a_tls_only_bucket_policy_denies_nothing_over_tls(aws, bucket):
    bucket(deny(Condition={"Bool": {"aws:SecureTransport": "false"}}))
    aws("s3").put_object(Bucket="releases", Key="agent.pyz", Body=b"zip")
    assert aws("s3").get_object(Bucket="releases", Key="agent.pyz")["Body"].read() == b"zip"


def test_a_bucket_policy_that_denies_does(aws, bucket):
    for statement in (deny(), deny(Condition={"Bool": {"aws:SecureTransport": "true"}})):
        bucket(statement)
        with pytest.raises(ClientError, match="403"):
            aws("s3").put_object(Bucket="releases", Key="agent.pyz", Body=b"zip")


def test_a_bucket_has_the_tags_it_was_created_with(aws):
    tags = [{"Key": "Stack", "Value": "dev"}]
    configuration = {"LocationConstraint": "eu-central-1", "Tags": tags}
    aws("s3").create_bucket(Bucket="tagged", CreateBucketConfiguration=configuration)
    assert aws("s3").get_bucket_tagging(Bucket="tagged")["TagSet"] == tags


def test_of_many_conditional_writes_exactly_one_wins(aws):
    table = aws("dynamodb")
    table.create_table(
        TableName="cluster",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

    def take(owner):
        item = {"id": {"S": "lease"}, "owner": {"S": owner}}
        try:
            table.put_item(TableName="cluster", Item=item, ConditionExpression="attribute_not_exists(id)")
            return owner
        except table.exceptions.ConditionalCheckFailedException:
            return None

    with ThreadPoolExecutor(16) as pool:
        winners = [owner for owner in pool.map(take, map(str, range(32))) if owner]
    assert len(winners) == 1
    assert table.get_item(TableName="cluster", Key={"id": {"S": "lease"}})["Item"]["owner"]["S"] == winners[0]


def test_a_service_that_is_out_answers_with_an_error_of_its_own_until_it_is_back(aws, instance):
    outage.begin(instance, "dynamodb")
    with pytest.raises(ClientError) as error:
        aws("dynamodb").list_tables()
    assert error.value.response["Error"]["Code"] == "InternalServerError"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert aws("s3").list_buckets()["Buckets"] == []
    outage.end(instance, "dynamodb")
    assert aws("dynamodb").list_tables()["TableNames"] == []


def test_a_hosted_zone_has_an_id_as_on_aws(aws):
    made = aws("route53").create_hosted_zone(Name="example.org", CallerReference="1")["HostedZone"]["Id"]
    assert re.fullmatch("/hostedzone/Z[0-9A-Z]{20}", made)
    assert aws("route53").get_hosted_zone(Id=made)["HostedZone"]["Name"] == "example.org."


def test_a_call_the_local_api_does_not_know_says_so(aws):
    with refused("InvalidAction", "does not implement ssm:GetInventory"):
        aws("ssm").get_inventory()
