"""Kafka's permissions for the roles of AWS, from the one table of the application.

Terraform fills in the names of the topics, which stand as `${transactions}` and so on.
"""

import json
import tempfile
from pathlib import Path

from fraud.definitions.loading import DEFAULT_FILE
from fraud.kafka.permissions import IDENTITIES, Permission, permissions_of
from fraud.settings import Settings, TopicSettings

FILE = Path(__file__).parents[2] / "infra" / "terraform" / "modules" / "identity" / "kafka.json"
_NOT_ON_AWS = {"flows"}
"""Of the compose file."""


def terraform_text() -> str:
    """The file: identity, operation and kind of resource, names; a prefix ends with a star."""
    with tempfile.TemporaryDirectory() as folder:
        settings = _settings(Path(folder))
        table = {name: _by_operation(permissions_of(settings, name)) for name in IDENTITIES}
    kept = {name: rights for name, rights in sorted(table.items()) if name not in _NOT_ON_AWS}
    return json.dumps(kept, indent=1) + "\n"


def _settings(folder: Path) -> Settings:
    """With placeholders as topics, and definitions that need all of them: roles outlive definitions."""
    definitions = folder / "definitions.yaml"
    definitions.write_text(_with_rates_topic(DEFAULT_FILE.read_text(encoding="utf-8")), encoding="utf-8")
    topics = TopicSettings(**{name: f"${{{name}}}" for name in TopicSettings.model_fields})
    return Settings(definitions=definitions, topics=topics)


def _with_rates_topic(text: str) -> str:
    return text.replace("version: 1\n", "version: 1\nmoney: {base: EUR, rates: topic}\n", 1)


def _by_operation(permissions: tuple[Permission, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for permission in permissions:
        star = "*" if permission.is_prefix else ""
        found.setdefault(f"{permission.operation}_{permission.kind}", []).append(permission.name + star)
    return found
