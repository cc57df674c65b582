"""S3: what is in a bucket, what deleting takes with it, and drift."""

from __future__ import annotations

import base64
import hashlib

import pytest

from local.provider.values import Asset
from tests.provider.provider_engine import Refused
from tests.provider.services.service_world import bucket, key, unique

OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
BUCKET = "aws:s3/bucket:Bucket"


@pytest.fixture
def versioned(aws) -> str:
    return bucket(aws, versioned=True)


@pytest.fixture
def release(engine):
    return engine.resource(OBJECT, unique("file"))


def body(aws, name: str, path: str) -> bytes:
    return aws("s3").get_object(Bucket=name, Key=path)["Body"].read()


def versions(aws, name: str) -> list[str]:
    answer = aws("s3").list_object_versions(Bucket=name)
    return [version["VersionId"] for version in answer.get("Versions", []) + answer.get("DeleteMarkers", [])]


def test_a_file_is_uploaded_as_it_is(release, versioned, aws, tmp_path):
    content = bytes(range(256))
    (tmp_path / "agent.pyz").write_bytes(content)
    asset = Asset(path=str(tmp_path / "agent.pyz"), hash=hashlib.sha256(content).hexdigest())
    release.create(bucket=versioned, key="agent.pyz", source=asset)
    assert body(aws, versioned, "agent.pyz") == content
    assert release.outputs["etag"] == hashlib.md5(content).hexdigest()
    assert release.refresh()
    assert release.changes(bucket=versioned, key="agent.pyz", source=asset) == {}


def test_base64_content_is_decoded(release, versioned, aws):
    release.create(bucket=versioned, key="logo.png", contentBase64=base64.b64encode(b"\x89PNG").decode())
    assert body(aws, versioned, "logo.png") == b"\x89PNG"


def test_new_content_is_a_new_version_and_its_preview_says_so(release, versioned, aws):
    release.create(bucket=versioned, key="haproxy.cfg", content="1\n")
    first = release.outputs["versionId"]
    previewed = release.preview_update(bucket=versioned, key="haproxy.cfg", content="2\n")
    assert [str(previewed[name]) for name in ("etag", "versionId")] == ["UNKNOWN", "UNKNOWN"]
    release.update(bucket=versioned, key="haproxy.cfg", content="2\n")
    assert body(aws, versioned, "haproxy.cfg") == b"2\n"
    assert release.outputs["versionId"] != first
    assert len(versions(aws, versioned)) == 2


def test_other_tags_are_not_a_new_version(release, versioned, aws):
    release.create(bucket=versioned, key="haproxy.cfg", content="1\n")
    release.update(bucket=versioned, key="haproxy.cfg", content="1\n", tags={"owner": "ops"})
    assert release.outputs["tags"] == {"owner": "ops"}
    assert len(versions(aws, versioned)) == 1


def test_an_object_encrypted_with_a_key_says_so(release, versioned, aws):
    arn = f"arn:aws:kms:eu-central-1:123456789012:key/{key(aws)}"
    release.create(bucket=versioned, key="secret", content="x", kmsKeyId=arn)
    assert (release.outputs["serverSideEncryption"], release.outputs["kmsKeyId"]) == ("aws:kms", arn)


def test_doubled_and_leading_slashes_are_not_part_of_a_key(release, versioned):
    release.create(bucket=versioned, key="servers/lb//etc/haproxy/haproxy.cfg", content="x")
    assert release.id == f"{versioned}/servers/lb/etc/haproxy/haproxy.cfg"
    assert release.refresh()
    assert release.changes(bucket=versioned, key="servers/lb//etc/haproxy/haproxy.cfg", content="x") == {}


def test_deleting_an_object_takes_all_its_versions_and_nothing_else(release, versioned, aws):
    aws("s3").put_object(Bucket=versioned, Key="app.zip.sig", Body=b"kept")
    release.create(bucket=versioned, key="app.zip", content="1")
    release.update(bucket=versioned, key="app.zip", content="2")
    aws("s3").delete_object(Bucket=versioned, Key="app.zip")
    release.delete()
    assert len(versions(aws, versioned)) == 1
    assert body(aws, versioned, "app.zip.sig") == b"kept"


def test_an_object_deleted_by_hand_is_missed(release, versioned, aws):
    release.create(bucket=versioned, key="app.zip", content="1")
    aws("s3").delete_object(Bucket=versioned, Key="app.zip")
    assert not release.refresh()


def test_a_bucket_with_objects_in_it_is_not_deleted(engine, aws):
    made = engine.resource(BUCKET, unique("release")).create()
    aws("s3").put_object(Bucket=made.id, Key="report", Body=b"x")
    with pytest.raises(Refused, match="BucketNotEmpty"):
        made.delete()


def test_force_destroy_empties_a_bucket_of_every_version_first(engine, aws):
    made = engine.resource(BUCKET, unique("release")).create(forceDestroy=True)
    aws("s3").put_bucket_versioning(Bucket=made.id, VersioningConfiguration={"Status": "Enabled"})
    for number in range(3):
        aws("s3").put_object(Bucket=made.id, Key="report", Body=str(number))
    aws("s3").delete_object(Bucket=made.id, Key="report")
    made.delete()
    assert not made.refresh()


def test_a_bucket_is_imported_with_its_tags(engine, aws):
    name = bucket(aws)
    aws("s3").put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "owner", "Value": "ops"}]})
    imported = engine.resource(BUCKET, unique("release")).import_(name)
    assert imported.inputs == {"bucket": name, "tags": {"owner": "ops"}}
    assert imported.outputs["arn"] == f"arn:aws:s3:::{name}"


def test_a_rule_somebody_changed_is_seen_and_mended(engine, aws):
    name = bucket(aws)
    rules = [{"id": "old", "status": "Enabled", "filter": {}, "noncurrentVersionExpiration": {"noncurrentDays": 30}}]
    kept = engine.resource("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", unique("old"))
    kept.create(bucket=name, rules=rules)
    aws("s3").put_bucket_lifecycle_configuration(
        Bucket=name,
        LifecycleConfiguration={
            "Rules": [{"ID": "old", "Status": "Disabled", "Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}}]
        },
    )
    kept.refresh()
    assert kept.changes(bucket=name, rules=rules) == {
        "rules[0].noncurrentVersionExpiration.noncurrentDays": "UPDATE",
        "rules[0].status": "UPDATE",
    }
    kept.update(bucket=name, rules=rules)
    kept.refresh()
    assert kept.changes(bucket=name, rules=rules) == {}
