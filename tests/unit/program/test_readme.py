"""README's settings are the settings: every key, with its default."""

import json
import re
from pathlib import Path

import yaml

import settings

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
