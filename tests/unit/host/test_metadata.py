"""What the metadata service asks the API for, and how long it keeps it."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from local.host.metadata import ApiFacts, Metadata
from tests.unit.host.example import CLOUD, VPC

SERVER, OTHER = CLOUD.servers[:2]


class Api:
    """The two clients in one: answers of DescribeInstanceAttribute and AssumeRole, the keys numbered."""

    def __init__(self, lifetime_s=3600, user_data=b"#cloud-config\n\xff"):
        self.lifetime_s, self.user_data, self.calls = lifetime_s, user_data, []

    def assume_role(self, **arguments):
        self.calls.append(arguments)
        expires = datetime.now(UTC) + timedelta(seconds=self.lifetime_s)
        key = f"ASIA{len(self.calls)}"
        keys = {"AccessKeyId": key, "SecretAccessKey": "secret", "SessionToken": "token", "Expiration": expires}
        return {"Credentials": keys}

    def describe_instance_attribute(self, **arguments):
        assert arguments == {"InstanceId": "i-a", "Attribute": "userData"}
        return {"UserData": {"Value": base64.b64encode(self.user_data).decode()} if self.user_data else {}}


def facts(api):
    return ApiFacts(api, api, "#cloud-boothook\n")


def test_credentials_are_those_of_the_role_for_this_instance():
    api = Api()
    document = json.loads(facts(api).credentials(SERVER))
    assert api.calls == [{"RoleArn": "arn:aws:iam::123456789012:role/web", "RoleSessionName": "i-a", "DurationSeconds": 3600}]
    assert {key: document[key] for key in ("Code", "Type", "AccessKeyId", "SecretAccessKey", "Token")} == {
        "Code": "Success",
        "Type": "AWS-HMAC",
        "AccessKeyId": "ASIA1",
        "SecretAccessKey": "secret",
        "Token": "token",
    }
    assert datetime.fromisoformat(document["Expiration"]) > datetime.now(UTC) + timedelta(minutes=59)


@pytest.mark.parametrize(("lifetime_s", "keys"), [(3600, {"ASIA1"}), (600, {"ASIA1", "ASIA2"})])
def test_credentials_are_kept_until_shortly_before_they_expire(lifetime_s, keys):
    service = facts(Api(lifetime_s))
    assert {json.loads(service.credentials(SERVER))["AccessKeyId"] for _ in range(2)} == keys


@pytest.mark.parametrize("user_data", [b"#cloud-config\n\xff", b""])
def test_user_data_is_what_the_api_holds_byte_for_byte(user_data):
    assert facts(Api(user_data=user_data)).user_data(SERVER) == user_data


def test_a_token_is_good_for_its_instance_and_its_lifetime():
    service = Metadata(lambda: CLOUD, facts(Api()))
    token, expired = service.new_token(SERVER, 60), service.new_token(SERVER, 0)
    assert service.token_valid(SERVER, token)
    assert not service.token_valid(OTHER, token)
    assert not service.token_valid(SERVER, expired)
    assert not service.token_valid(SERVER, None)


def test_who_asks_is_known_by_network_and_address():
    service = Metadata(lambda: CLOUD, facts(Api()))
    assert service.server_at(VPC, "10.20.1.10") == SERVER
    assert service.server_at(VPC, "10.20.1.99") is None
    assert service.server_at("vpc-2", "10.20.1.10") is None


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/", b"2009-04-04\n2016-09-02\n2018-09-24\n2021-03-23\nlatest"),
        ("/latest/meta-data/instance-id", b"i-a"),
        ("/2009-04-04/meta-data/instance-id", b"i-a"),
        ("/1999-01-01/meta-data/instance-id", None),
        ("/latest/user-data", b"#cloud-config\n\xff"),
        ("/latest/vendor-data", b"#cloud-boothook\n"),
    ],
)
def test_a_path_begins_with_a_version(path, answer):
    assert Metadata(lambda: CLOUD, facts(Api())).look_up(SERVER, path) == answer
