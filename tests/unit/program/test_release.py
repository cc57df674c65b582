import hashlib
import json
import os
import subprocess
import sys
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest

import settings
from components import archive, manifest, plan
from components.manifest import Archives, SecretFile
from components.plan import KINDS

OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
ASSOCIATION = "aws:ssm/association:Association"
ROOT = Path(__file__).parents[3]


def objects(recording):
    return {each.inputs["key"]: each for each in recording.of(OBJECT)}


def manifest_of(recording, server):
    return json.loads(objects(recording)[f"servers/{server}/manifest.json"].inputs["content"])


@pytest.mark.parametrize(("name", "disposable"), [("prod-release", True), ("prod-salvage", False)])
def test_a_bucket_is_private_versioned_encrypted_and_over_tls_only(deploy, name, disposable):
    recording = deploy()
    bucket = recording.one("aws:s3/bucket:Bucket", name)

    def setting(kind):
        made = dict(recording.one(f"aws:s3/{kind[0].lower()}{kind[1:]}:{kind}", name).inputs)
        assert made.pop("bucket") == bucket.id
        return made

    assert bucket.inputs == {"forceDestroy": disposable, "tags": {"Name": name}}
    assert setting("BucketVersioning") == {"versioningConfiguration": {"status": "Enabled"}}
    assert setting("BucketOwnershipControls") == {"rule": {"objectOwnership": "BucketOwnerEnforced"}}
    assert setting("BucketServerSideEncryptionConfiguration") == {
        "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]
    }
    assert setting("BucketPublicAccessBlock") == dict.fromkeys(
        ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"], True
    )
    (statement,) = json.loads(setting("BucketPolicy")["policy"])["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert statement["Resource"] == [bucket.arn, f"{bucket.arn}/*"]


def test_what_was_salvaged_goes_with_a_stack_that_protects_nothing(changed):
    assert changed.one("aws:s3/bucket:Bucket", "prod-salvage").inputs["forceDestroy"] is True


@pytest.mark.parametrize("server", KINDS)
def test_a_manifest_names_every_object_with_its_hash(deploy, server):
    recording = deploy()
    stored = objects(recording)
    listed = manifest_of(recording, server)
    assert listed["server"] == server and listed["order"] == ["web-a", "web-b", "lb"]
    assert listed["peers"] == {"lb": "10.30.160.10", "web-a": "10.30.128.11", "web-b": "10.30.144.12"}
    for file in listed["files"]:
        assert file["key"] == f"servers/{server}{file['path']}"
        assert hashlib.sha256(stored[file["key"]].inputs["content"].encode()).hexdigest() == file["sha256"], file["path"]
    for name, part in listed["archives"].items():
        if part:
            path = Path(stored[part["key"]].inputs["source"].path)
            assert hashlib.sha256(path.read_bytes()).hexdigest() == part["sha256"], name
    mine = {key for key in stored if key.startswith(f"servers/{server}/")}
    assert mine == {file["key"] for file in listed["files"]} | {f"servers/{server}/manifest.json"}


def test_secrets_are_listed_with_the_files_they_become(deploy):
    def become(server):
        prefix = "/distributed-web/prod/"
        secrets = manifest_of(deploy(), server)["secrets"]
        assert all(secret["version"] == 1 for secret in secrets)
        return {s["path"]: (s["parameter"].removeprefix(prefix), s["mode"], s["owner"]) for s in secrets}

    tls = {
        "/etc/distributed-web/tls/ca.pem": ("ca/certificate", "0644", "root:root"),
        "/etc/distributed-web/tls/server.crt": ("servers/lb/certificate", "0644", "root:root"),
        "/etc/distributed-web/tls/server.key": ("servers/lb/key", "0600", "root:root"),
    }
    assert become("lb") == tls
    assert become("web-a") == {path: (name.replace("/lb/", "/web-a/"), *how) for path, (name, *how) in tls.items()} | {
        "/etc/mysql/tls/ca.pem": ("ca/certificate", "0644", "root:root"),
        "/etc/mysql/tls/server.crt": ("servers/web-a/certificate", "0644", "root:root"),
        "/etc/mysql/tls/server.key": ("servers/web-a/key", "0600", "mysql:mysql"),
        "/etc/distributed-web/database/app.password": ("database/app", "0640", "root:app"),
        "/etc/distributed-web/database/replication.password": ("database/replication", "0600", "root:root"),
    }


def test_the_manifest_says_what_to_run(changed):
    listed = manifest_of(changed, "web-b")
    assert listed["order"] == ["web-b", "web-a", "lb"]  # web-b is the primary there
    assert listed["app"] == {"packages": ["python3-django"], "health": "/healthz", "setup": "./migrate"}
    assert listed["database"] == {"primary": "web-b", "name": "app", "replication": "async", "adopted": True}
    balancer = manifest_of(changed, "lb")
    assert (balancer["app"], balancer["database"], balancer["archives"]["app"]) == (None, None, None)


def test_a_manifest_is_stored_after_everything_it_names(deploy):
    recording = deploy()
    stored = objects(recording)
    parts = {each.urn for key, each in stored.items() if not key.endswith("manifest.json")}
    for server in KINDS:
        assert parts <= set(stored[f"servers/{server}/manifest.json"].options.dependencies)


def test_one_release_is_named_everywhere(deploy, changed):
    recording = deploy()
    names = {manifest_of(recording, server)["release"] for server in KINDS}
    commands = {each.inputs["parameters"]["commands"] for each in recording.of(ASSOCIATION)}
    assert len(names) == 1 and commands == {f"/usr/local/sbin/agent apply {recording.exports['release']}"}
    assert names == {recording.exports["release"]} != {changed.exports["release"]}


def release(agent="a", app="b", version=1):
    secret = SecretFile(parameter="p", version=version, path="/etc/x", mode="0600", owner="root:root")
    site = plan.make(settings.parse({"image": '{"ami": "ami-01234567"}'}, "test", "eu-central-1")).site
    return manifest.manifests(site, Archives(agent=agent, app=app), {server: [secret] for server in KINDS})["lb"]["release"]


def test_whatever_changes_makes_another_release():
    assert release() == release()
    assert len({release(), release(agent="A"), release(app="B"), release(version=2)}) == 4


def test_a_release_goes_from_server_to_server(deploy):
    recording = deploy()
    chain = [recording.one(ASSOCIATION, f"prod-{server}") for server in ("web-a", "web-b", "lb")]
    for before, after in pairwise(chain):
        assert before.urn in after.options.dependencies
    for server, each in zip(("web-a", "web-b", "lb"), chain, strict=True):
        instance = recording.one("aws:ec2/instance:Instance", f"prod-{server}")
        attached = [a.urn for a in recording.of("aws:ec2/volumeAttachment:VolumeAttachment") if a.name == f"prod-{server}"]
        assert each.inputs["name"] == "AWS-RunShellScript"
        assert each.inputs["targets"] == [{"key": "InstanceIds", "values": [instance.id]}]
        assert each.inputs["waitForSuccessTimeoutSeconds"] == 1200
        assert {instance.urn, *attached} <= set(each.options.dependencies)


def test_a_failed_release_is_tried_again_by_an_unchanged_up(deploy):
    for each in deploy().of(ASSOCIATION):
        assert list(each.options.replaceOnChanges) == ["parameters", "targets", "#initerror"]
        assert each.options.deleteBeforeReplace


def tree(folder: Path, mtime: int) -> Path:
    (folder / "pkg" / "__pycache__").mkdir(parents=True)
    for name, text in (("b.txt", "b"), ("a.txt", "a"), ("pkg/run", "#!/bin/sh"), ("pkg/__pycache__/x.pyc", str(mtime))):
        (folder / name).write_text(text)
        os.utime(folder / name, (mtime, mtime))
    (folder / "pkg" / "run").chmod(0o755)
    return folder


def test_an_archive_depends_on_nothing_but_the_files(tmp_path):
    one = archive.application(tree(tmp_path / "one", 1_000_000_000), tmp_path / "build1")
    two = archive.application(tree(tmp_path / "two", 1_700_000_000), tmp_path / "build2")
    assert one.path.read_bytes() == two.path.read_bytes() and one.sha256 == two.sha256
    with zipfile.ZipFile(one.path) as opened:
        modes = {info.filename: oct(info.external_attr >> 16) for info in opened.infolist()}
    assert modes == {"a.txt": "0o100644", "b.txt": "0o100644", "pkg/run": "0o100755"}
    assert [path.name for path in one.path.parent.iterdir()] == ["app.zip"]


def test_a_run_beside_this_one_cannot_change_an_archive_that_is_being_uploaded(tmp_path):
    folder = tree(tmp_path / "app", 1_000_000_000)
    before = archive.application(folder, tmp_path / "build")
    (folder / "a.txt").write_text("changed")
    after = archive.application(folder, tmp_path / "build")
    assert hashlib.sha256(before.path.read_bytes()).hexdigest() == before.sha256 != after.sha256


@pytest.mark.subprocess
def test_the_agents_archive_is_a_program(tmp_path):
    package = tmp_path / "agent"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text("from .verb import run\n\n\ndef main():\n    return run()\n")
    (package / "verb.py").write_text("import sys\n\n\ndef run():\n    print(sys.argv[1:])\n    return 3\n")
    made = archive.agent(package, tmp_path / "build")
    ran = subprocess.run([sys.executable, made.path, "apply", "0123"], capture_output=True, text=True, timeout=30, cwd="/")
    assert (ran.stdout, ran.stderr, ran.returncode) == ("['apply', '0123']\n", "", 3)


def test_the_real_agent_is_in_the_release(deploy):
    path = Path(objects(deploy())["agent.pyz"].inputs["source"].path)
    assert path.parent.parent == ROOT / ".build" and path.name == "agent.pyz"
    with zipfile.ZipFile(path) as opened:
        assert {"__main__.py", "agent/__main__.py"} <= set(opened.namelist())
