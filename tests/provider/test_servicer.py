"""What the plugin answers the engine: refusals, previews, errors, secrets, assets, import, configuration."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2 as proto

from local.instance import Instance
from local.provider import values
from local.provider.aws.instance_launch import arguments
from local.provider.session import WaitedTooLong
from local.provider.values import UNKNOWN, Asset, Secret, from_struct, to_struct
from tests.provider.provider_engine import Context, Engine, Refused, new_engine

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
VOLUME = "aws:ebs/volume:Volume"
INSTANCE = "aws:ec2/instance:Instance"


def test_an_unknown_type_is_refused_with_the_nearest_known_one(engine: Engine) -> None:
    with pytest.raises(Refused, match=r"does not know resource type aws:ec2/vpcs:Vpc \(did you mean aws:ec2/vpc:Vpc\?\)"):
        engine.resource("aws:ec2/vpcs:Vpc").check()


def test_an_unknown_property_is_a_check_failure(engine: Engine) -> None:
    (failure,) = engine.resource(VPC).check_response(cidrBlok="10.0.0.0/16").failures
    assert (failure.property, failure.reason) == ("cidrBlok", f"{VPC} has no property 'cidrBlok' (did you mean 'cidrBlock'?)")


def test_a_legal_but_unsupported_property_is_a_check_failure(engine: Engine) -> None:
    (failure,) = engine.resource(VPC).check_response(ipv6CidrBlock="::/56").failures
    assert "does not support property 'ipv6CidrBlock'" in failure.reason
    assert "internal/service/ec2/vpc_.go" in failure.reason


def test_a_preview_of_a_create_knows_the_inputs_and_not_what_only_aws_can_tell(engine: Engine) -> None:
    outputs = engine.resource(SUBNET).preview_create(vpcId=UNKNOWN, cidrBlock="10.20.1.0/24", tags={"Name": "it"})
    assert outputs == {
        "arn": UNKNOWN,
        "ownerId": UNKNOWN,
        "availabilityZone": UNKNOWN,
        "availabilityZoneId": UNKNOWN,
        "vpcId": UNKNOWN,
        "cidrBlock": "10.20.1.0/24",
        "mapPublicIpOnLaunch": False,
        "tags": {"Name": "it"},
        "tagsAll": {"Name": "it"},
    }


def test_a_preview_of_an_update_keeps_what_does_not_change(engine: Engine) -> None:
    it = engine.resource(VPC).create(cidrBlock="10.51.0.0/16", tags={"Name": "it"})
    outputs = it.preview_update(cidrBlock="10.51.0.0/16", enableDnsHostnames=True)
    assert outputs["arn"] == it.outputs["arn"]
    assert outputs["enableDnsHostnames"] is True
    assert ("tags" in outputs, outputs["tagsAll"]) == (False, {})


def test_default_tags_go_on_every_object_and_are_not_the_programs_own(aws_api: Instance, ec2: Any) -> None:
    engine = new_engine(defaultTags=json.dumps({"tags": {"stack": "dev"}}))
    it = engine.resource(VPC).create(cidrBlock="10.52.0.0/16", tags={"Name": "it"})
    assert (it.outputs["tags"], it.outputs["tagsAll"]) == ({"Name": "it"}, {"Name": "it", "stack": "dev"})
    inputs = {"cidrBlock": "10.52.0.0/16", "tags": {"Name": "it"}}
    assert it.refresh()
    assert it.changes(**inputs) == {}
    ec2.create_tags(Resources=[it.id], Tags=[{"Key": "stack", "Value": "mine"}])
    assert it.refresh()
    assert "tagsAll.stack" in it.changes(**inputs)
    it.update(**inputs)
    assert it.outputs["tagsAll"] == {"Name": "it", "stack": "dev"}


def test_a_change_behind_the_engines_back_shows_after_a_refresh(engine: Engine, ec2: Any) -> None:
    inputs = {"cidrBlock": "10.53.0.0/16", "enableDnsHostnames": True}
    it = engine.resource(VPC).create(**inputs)
    ec2.modify_vpc_attribute(VpcId=it.id, EnableDnsHostnames={"Value": False})
    assert it.refresh()
    assert it.changes(**inputs) == {"enableDnsHostnames": "UPDATE"}
    ec2.delete_vpc(VpcId=it.id)
    assert not it.refresh()


def test_an_error_of_aws_is_told_with_its_code_the_operation_and_the_resource(engine: Engine) -> None:
    with pytest.raises(Refused) as refused:
        engine.resource(SUBNET, "web").create(vpcId="vpc-0000", cidrBlock="10.20.1.0/24")
    assert str(refused.value) == (
        "creating aws:ec2/subnet:Subnet 'web': InvalidVpcID.NotFound: VpcID vpc-0000 does not exist. (CreateSubnet)"
    )
    assert refused.value.half_made is None


def test_an_object_that_never_becomes_ready_is_kept_with_the_reason(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_late(*_: Any, **__: Any) -> None:
        raise WaitedTooLong("waiting for volume to become available: not so after 300 s")

    monkeypatch.setattr("local.provider.session.Aws.wait", too_late)
    with pytest.raises(Refused) as refused:
        engine.resource(VOLUME).create(availabilityZone="eu-central-1a", size=1)
    half_made = refused.value.half_made
    assert half_made.id.startswith("vol-")
    assert from_struct(half_made.properties)["arn"].endswith(half_made.id)
    (reason,) = half_made.reasons
    assert reason == "creating aws:ebs/volume:Volume 'it': waiting for volume to become available: not so after 300 s"


def test_a_cancelled_run_stops_waiting(aws_api: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = new_engine()
    monkeypatch.setattr("local.provider.aws.volume._volume", lambda aws, id: None)
    engine.servicer.Cancel(Empty(), Context())
    with pytest.raises(Refused, match="cancelled") as refused:
        engine.resource(VOLUME).create(availabilityZone="eu-central-1a", size=1)
    assert refused.value.half_made is not None


@pytest.mark.parametrize(
    ("token", "inputs"),
    [
        (VPC, {"cidrBlock": "10.54.0.0/16", "enableDnsSupport": True, "instanceTenancy": "default", "tags": {"Name": "it"}}),
        (VOLUME, {"availabilityZone": "eu-central-1a", "size": 3, "type": "gp3", "encrypted": True, "tags": {"Name": "it"}}),
    ],
)
def test_an_imported_object_comes_with_the_inputs_that_describe_it(engine: Engine, token: str, inputs: dict[str, Any]) -> None:
    existing = engine.resource(token, "existing").create(**inputs)
    imported = engine.resource(token, "imported").import_(existing.id)
    assert imported.inputs.items() >= inputs.items()
    assert imported.changes(**inputs) == {}
    assert imported.changes(**imported.inputs) == {}


def test_importing_what_does_not_exist_finds_nothing(engine: Engine) -> None:
    it = engine.resource(VPC)
    assert engine.servicer.Read(proto.ReadRequest(id="vpc-0000", urn=it.urn, type=VPC), Context()).id == ""


def test_the_account_can_be_asked_for_and_other_functions_are_refused(engine: Engine) -> None:
    identity = proto.InvokeRequest(tok="aws:index/getCallerIdentity:getCallerIdentity")
    assert from_struct(getattr(engine.servicer.Invoke(identity, Context()), "return"))["accountId"] == "123456789012"
    with pytest.raises(Refused, match="does not offer this function; it offers: aws:index/getCallerIdentity"):
        engine.servicer.Invoke(proto.InvokeRequest(tok="aws:ec2/getAmi:getAmi"), Context())


def test_secrets_stay_with_the_engine(aws_api: Instance) -> None:
    engine = new_engine()
    configured = engine.servicer.Configure(proto.ConfigureRequest(), Context())
    assert (configured.acceptSecrets, configured.supportsPreview) == (False, True)


def test_a_provider_setting_without_effect_here_is_refused(engine: Engine) -> None:
    news = to_struct({"region": "eu-central-1", "ignoreTags": "{}", "version": "7.51.1"})
    (failure,) = engine.servicer.CheckConfig(proto.CheckRequest(news=news), Context()).failures
    assert failure.property == "ignoreTags"


def test_another_region_replaces_everything(engine: Engine) -> None:
    request = proto.DiffRequest(old_inputs=to_struct({"region": "eu-central-1"}), news=to_struct({"region": "eu-west-1"}))
    assert list(engine.servicer.DiffConfig(request, Context()).replaces) == ["region"]


def test_the_stand_in_refuses_to_talk_to_aws(aws_api: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://ec2.eu-central-1.amazonaws.com")
    with pytest.raises(Refused, match="only talks to the local cloud: AWS_ENDPOINT_URL is 'https://ec2"):
        new_engine()


def test_an_instance_with_a_say_about_its_public_address_is_launched_with_an_interface(engine: Engine) -> None:
    inputs = {"subnetId": "subnet-1", "privateIp": "10.0.0.9", "vpcSecurityGroupIds": ["sg-1"], "associatePublicIpAddress": False}
    assert arguments(None, inputs) == {
        "NetworkInterfaces": [
            {
                "DeviceIndex": 0,
                "SubnetId": "subnet-1",
                "PrivateIpAddress": "10.0.0.9",
                "Groups": ["sg-1"],
                "AssociatePublicIpAddress": False,
            }
        ]
    }


def test_values_come_back_as_they_went() -> None:
    asset = Asset(hash=hashlib.sha256(b"hello").hexdigest(), text="hello")
    bag = {"a": 1, "b": 1.5, "c": True, "d": "x", "e": [1, {"f": UNKNOWN}], "g": {}, "asset": asset}
    assert from_struct(to_struct(bag)) == bag
    assert from_struct(to_struct({"secret": Secret({"a": 1}), "nothing": None})) == {"secret": {"a": 1}}
    assert from_struct(to_struct(bag))["asset"].content() == b"hello"


def test_an_asset_whose_file_has_changed_since_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "agent.pyz"
    file.write_text("new")
    with pytest.raises(values.UnsupportedValue, match="no longer what the program declared"):
        Asset(hash=hashlib.sha256(b"old").hexdigest(), path=str(file)).content()


def test_an_archive_is_refused_with_the_remedy() -> None:
    archive = {values.SIGNATURE: values.ARCHIVE, "hash": "1", "path": "app"}
    with pytest.raises(values.UnsupportedValue, match="use a FileAsset"):
        from_struct(to_struct({"source": archive}))
