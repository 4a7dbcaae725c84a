"""A broker with the topics of one test, for commands."""

import pytest

from fraud.settings import Settings
from tests.deployments.conftest import FraudCommand


@pytest.fixture
def on_kafka(fraud: FraudCommand, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> FraudCommand:
    """`fraud` with this test's topics."""
    monkeypatch.setenv("FRAUD_KAFKA__BOOTSTRAP_SERVERS", settings.kafka.bootstrap_servers)
    for name, topic in settings.topics.model_dump().items():
        monkeypatch.setenv(f"FRAUD_TOPICS__{name.upper()}", topic)
    monkeypatch.setenv("COLUMNS", "80")
    return fraud
