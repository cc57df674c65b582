"""The machines follow the API, whoever changes it; and they are given what the program said, byte for byte."""

import base64
import json
import subprocess

import pytest

from .conftest import eventually

pytestmark = [pytest.mark.live, pytest.mark.subprocess]
METADATA = "http://169.254.169.254/latest"
READ_USER_DATA = f"""
token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' {METADATA}/api/token)
curl -sf -H "X-aws-ec2-metadata-token: $token" {METADATA}/user-data | base64 -w0
"""


def rendered(site) -> dict[str, str]:
    """Server name -> the user data that the program rendered, from the engine's state."""
    shown = subprocess.run(
        ["bash", "-c", 'eval "$(make -s env)" && pulumi stack export --stack local'],
        cwd=site.checkout, text=True, capture_output=True, check=True,
    )  # fmt: skip
    resources = json.loads(shown.stdout)["deployment"]["resources"]
    servers = [resource["inputs"] for resource in resources if resource["type"] == "aws:ec2/instance:Instance"]
    return {inputs["tags"]["Name"].removeprefix("local-"): inputs["userData"] for inputs in servers}


def test_the_metadata_service_hands_out_what_the_program_rendered_byte_for_byte(site):
    programs = rendered(site)
    assert set(programs) == {"lb", "web-a", "web-b"}
    for server, text in programs.items():
        assert base64.b64decode(site.on(server, READ_USER_DATA)).decode() == text


def state(site, server: str) -> str:
    return site.servers()[server]["State"]["Name"]


def test_an_instance_stopped_with_boto3_goes_down_shows_as_drift_and_is_started_by_up(site):
    ec2, web_b = site.instance.client("ec2"), site.servers()["web-b"]["InstanceId"]
    ec2.stop_instances(InstanceIds=[web_b])
    eventually(lambda: state(site, "web-b") == "stopped", 120)
    assert "stopped" in site.make("preview")
    site.make("up")
    assert state(site, "web-b") == "running"
    eventually(lambda: site.notes()["database"] == {"host": "web-b", "role": "replica"}, 60)


def test_a_target_deregistered_with_boto3_gets_no_more_requests_until_up_registers_it_again(site):
    elb = site.instance.client("elbv2")
    groups = {group["Port"]: group["TargetGroupArn"] for group in elb.describe_target_groups()["TargetGroups"]}
    lb = [{"Id": site.servers()["lb"]["PrivateIpAddress"], "Port": 8443}]

    def balanced_by() -> set[str]:
        return {site.request("/api/notes")[1]["X-Balanced-By"] for _ in range(20)}

    def health() -> str:
        described = elb.describe_target_health(TargetGroupArn=groups[8443], Targets=lb)["TargetHealthDescriptions"]
        return described[0]["TargetHealth"]["State"]

    assert "lb" in eventually(lambda: balanced_by() if health() == "healthy" else None, 60)
    elb.deregister_targets(TargetGroupArn=groups[8443], Targets=lb)
    eventually(lambda: "lb" not in balanced_by(), 20)
    site.make("up")
    eventually(lambda: health() == "healthy" and "lb" in balanced_by(), 60)


def test_a_shell_on_a_server_is_roots_and_its_journal_can_be_followed(site):
    def run(command: str) -> str:
        return subprocess.run(["bash", "-c", command], cwd=site.checkout, text=True, capture_output=True, timeout=60).stdout

    assert run("echo 'id -un; hostname' | make -s shell SERVER=web-a").split() == ["root", "web-a"]
    assert "systemd[1]" in run("timeout 5 make -s logs SERVER=lb")
    assert "there is no server 'nosuch'" in site.make("shell", "SERVER=nosuch", check=False)
