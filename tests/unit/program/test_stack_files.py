"""The files beside the program that a user reads first: they load, and hold nothing of the computer they were made on."""

import re
from pathlib import Path

import pulumi
import pytest
import yaml

import settings
from tests.unit.program.conftest import IMAGE, configuration, run

ROOT = Path(__file__).parents[3]
STACKS = ("dev", "prod", "local")


@pytest.mark.parametrize("stack", STACKS)
def test_a_committed_stack_file_is_accepted(stack):
    prefix = "distributed-web:"
    values = {key.removeprefix(prefix): text for key, text in configuration(stack, {}).items() if key.startswith(prefix)}
    chosen = settings.parse(values, stack, "eu-central-1")
    assert chosen.app.path == ROOT / "app"


def test_the_files_of_the_aws_profiles_are_free_of_anybodys_passphrase():
    """The engine writes `encryptionsalt` where it makes a stack: with it, nobody with another passphrase could use the file."""
    for stack in ("dev", "prod"):
        assert set(yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())) == {"config"}


def test_dev_is_cheap_and_prod_is_careful():
    dev, prod = (yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"] for stack in ("dev", "prod"))
    assert dev["distributed-web:network"]["egress"] == "nat-gateway"
    assert prod["distributed-web:network"] == {"cidr": "10.30.0.0/16", "zones": ["a", "b", "c"], "egress": "nat-per-zone"}
    assert prod["distributed-web:database"]["replication"] == "semi-sync"
    assert prod["distributed-web:protect"] is True and "distributed-web:protect" not in dev


def test_only_the_stack_file_says_what_is_different_locally():
    """No file of the program, the templates or the agent knows the local stack. A field may have that name."""
    sources = [ROOT / "__main__.py", ROOT / "settings.py"]
    for folder in ("components", "cloud_init", "agent"):
        sources += [path for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".j2")]
    told = [path.name for path in sources if re.search(r"[\"']local[\"'](?![]:])|import local|from local", path.read_text())]
    assert told == []


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_a_fresh_stack_file_is_enough_for_a_preview_but_not_to_go_on(stack, caplog):
    config = configuration(stack, {})
    with caplog.at_level("WARNING"):
        load(stack, config, preview=True)
    with pytest.raises(pulumi.RunError) as refused:
        load(stack, config, preview=False)
    for said in (caplog.text, str(refused.value)):
        assert f"distributed-web:image.ami of stack {stack} is still to be chosen" in said
        assert "/aws/service/canonical/ubuntu/server/26.04/stable/current/amd64/hvm/ebs-gp3/ami-id" in said


def test_nothing_is_made_when_a_setting_is_wrong():
    config = configuration("dev", {"image": {"ami": IMAGE}, "balancer": {"mode": "x"}})
    with pytest.raises(pulumi.RunError, match=r"distributed-web:balancer.mode is \"x\""):
        run("dev", config)


def load(stack, config, *, preview):
    """Reads the settings as the program does, and makes nothing."""
    return run(stack, config, preview=preview, program=settings.load)


def test_requirements_are_exact_and_name_no_index():
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert not [line for line in lines if not re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9a-z.]+", line)]
    pinned = {"pulumi==3.259.0", "pulumi_aws==7.51.1", "pulumi_random==4.21.4", "pulumi_tls==5.6.2", "pydantic==2.14.3"}
    assert pinned | {"Jinja2==3.1.6"} <= set(lines)


def test_the_program_imports_no_boto3_and_only_the_services_it_uses():
    text = "\n".join(path.read_text() for path in [ROOT / "__main__.py", *(ROOT / "components").glob("*.py")])
    assert "boto3" not in text and "import pulumi_aws as" not in text
