"""README's settings are the settings: every key, with its default. And its commands are what the stack has."""

import json
import re
import shlex
from pathlib import Path

import yaml

import settings
from tests.unit.program.test_operations import DOCUMENT

ROOT = Path(__file__).parents[3]
PREFIX = "distributed-web:"


def block() -> dict[str, object]:
    text = re.search(r"<!-- settings:.*?```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    config = yaml.safe_load(text)["config"]
    return {key.removeprefix(PREFIX): value for key, value in config.items() if key.startswith(PREFIX)}


def parse(values: dict[str, object]) -> settings.Settings:
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items() if value is not None}
    return settings.parse(texts, "dev", "eu-central-1")


def test_the_settings_block_names_every_key_there_is():
    shown = block()
    for name, field in settings.Settings.model_fields.items():
        if field.alias:
            continue  # the engine's own: stack and region
        assert name in shown
        if isinstance(shown[name], dict):
            assert set(shown[name]) == set(field.annotation.model_fields), name


def test_the_settings_block_is_accepted_and_shows_the_defaults():
    shown = parse(block())
    least = parse({"image": {"ami": "ami-0123456789abcdef0"}})
    assert shown == least


def options(line: str) -> dict[str, str]:
    words = shlex.split(line)
    return {word: words[at + 1] for at, word in enumerate(words[:-1]) if word.startswith("--")}


def test_the_commands_for_aws_name_documents_parameters_and_servers_that_there_are(deploy):
    recording = deploy("dev")
    documents = {each.inputs["name"]: json.loads(each.inputs["content"]) for each in recording.of(DOCUMENT)}
    servers = {each.inputs["tags"]["Name"] for each in recording.of("aws:ec2/instance:Instance")}
    sent = [options(line) for line in re.findall("^aws ssm send-command .*", (ROOT / "README.md").read_text(), re.MULTILINE)]
    assert {each["--document-name"] for each in sent} == set(documents)
    for each in sent:
        key, names = each["--targets"].removeprefix("Key=").split(",Values=")
        assert key == "tag:Name" and set(names.split(",")) <= servers
        declared = documents[each["--document-name"]]["parameters"]
        for parameter, value in (pair.split("=") for pair in each.get("--parameters", "").split() if pair):
            assert re.search(declared[parameter]["allowedPattern"], value)
