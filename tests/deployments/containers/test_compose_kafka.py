"""The broker of the compose file, from its own properties: who logs in, and what each may do."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from deployments.cli.stack.secrets import KAFKA_USERS, NAMES
from deployments.containers.__main__ import app
from deployments.local.kafka import EmbeddedKafka
from fraud.errors import RefusedError
from fraud.kafka.permission_checks import require_topic
from fraud.kafka.permissions import Operation
from fraud.kafka.topics import existing_topics
from fraud.settings import Settings
from tests.conftest import SettingsFactory

COMPOSE: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[3] / "deployments" / "compose.yaml").read_text(encoding="utf-8")
)
SECRETS = {name: f"secret-{number}" for number, name in enumerate(NAMES)}

pytestmark = pytest.mark.broker


def filled_in(text: str) -> str:
    """A value with the secrets that compose puts in."""
    return re.sub(r"\$\{(\w+)[^}]*\}", lambda match: SECRETS.get(match[1], ""), text)


def properties() -> dict[str, str]:
    """What the image makes of the variables, on ports of this test."""
    environment = COMPOSE["services"]["kafka"]["environment"]
    found = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): filled_in(value)
        for name, value in environment.items()
        if name.startswith("KAFKA_")
    }
    kept = {
        name: value for name, value in found.items() if not name.startswith(("log.dirs", "controller.quorum"))
    }
    return kept | {
        "listeners": "INSIDE://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": "INSIDE://127.0.0.1:{port}",
    }


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    client = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "fraud-admin",
        "sasl.password": SECRETS["KAFKA_ADMIN_PASSWORD"],
    }
    made = EmbeddedKafka(
        tmp_path_factory.mktemp("compose"), heap_mb=256, properties=properties(), client=client
    )
    try:
        made.start()
        yield made
    finally:
        made.kill()


def kafka_of(service: str, kafka: EmbeddedKafka) -> dict[str, str]:
    """The Kafka settings of a service of the compose file."""
    given: dict[str, str] = {
        name.removeprefix("FRAUD_KAFKA__").lower(): filled_in(value)
        for name, value in COMPOSE["services"][service]["environment"].items()
        if name.startswith("FRAUD_KAFKA__")
    }
    return given | {"bootstrap_servers": kafka.bootstrap_servers, "partitions": "1"}


def run_service(service: str, kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run what a service that ends runs; returns what it prints."""
    for name, value in kafka_of(service, kafka).items():
        monkeypatch.setenv(f"FRAUD_KAFKA__{name.upper()}", value)
    done = CliRunner().invoke(app, [*COMPOSE["services"][service]["command"][3:], "--patience=30"])
    assert done.exit_code == 0, f"{done.output}{done.exception}"
    return done.output


def test_each_service_does_its_part_and_no_more(
    kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch, make_settings: SettingsFactory
) -> None:
    # given the permissions and the topics, which two services make one after the other
    assert "granted: " in run_service("acl", kafka, monkeypatch)
    assert "made: transactions" in run_service("topics", kafka, monkeypatch)

    def settings_of(service: str) -> Settings:
        made = make_settings(kafka=kafka_of(service, kafka))
        return made.model_copy(update={"topics": Settings().topics})

    # then each service may do what the table says
    topics = Settings().topics
    uses: list[tuple[str, str, Operation]] = [
        ("serving", topics.predictions, "write"),
        ("gateway", topics.transactions, "write"),
        ("worker", topics.profiles, "write"),
        ("dashboard", topics.reviews, "write"),
        ("webhooks", topics.predictions, "read"),
    ]
    for service, topic, operation in uses:
        # The job that makes topics has waited until the broker shows them.
        assert require_topic(settings_of(service), topic, operation) >= 1
    # and not what another one does
    for service, topic in (("gateway", topics.predictions), ("serving", topics.transactions)):
        with pytest.raises(RefusedError, match=f"does not let user 'fraud-{service}' do this: writing to"):
            require_topic(settings_of(service), topic, "write")
    assert topics.labels not in existing_topics(settings_of("webhooks"))


def test_nobody_logs_in_without_a_password_or_with_another_s(
    kafka: EmbeddedKafka, make_settings: SettingsFactory
) -> None:
    stolen = kafka_of("webhooks", kafka) | {"sasl_username": "fraud-serving"}
    with pytest.raises(RefusedError, match="refuses the credentials of user 'fraud-serving'"):
        existing_topics(make_settings(kafka=stolen))


def test_every_service_that_uses_kafka_has_an_identity_of_its_own() -> None:
    users = {
        name: service["environment"].get("FRAUD_KAFKA__SASL_USERNAME")
        for name, service in COMPOSE["services"].items()
        if "FRAUD_KAFKA__SASL_USERNAME" in service.get("environment", {})
    }
    assert len(set(users.values())) == len(users)
    assert {user.removeprefix("fraud-") for user in users.values()} <= set(KAFKA_USERS)
    assert users.keys() == {"acl", "topics", "worker", "serving", "dashboard", "gateway", "webhooks"}
