"""Settings of the fault matrix, and a broker of one's own where the broker is the fault."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.local.kafka import EmbeddedKafka
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.faults.world import NO_REGISTRY, PARTITIONS

SERVING = {"feature_sample": 1.0, "commit_interval_s": 0.5, "snapshot_interval_s": 1.0}


def _settings(make_settings: SettingsFactory, broker: str) -> Settings:
    return make_settings(
        kafka={"bootstrap_servers": broker, "partitions": PARTITIONS, "retention_days": -1},
        serving=SERVING,
        registry=NO_REGISTRY,
    )


@pytest.fixture
def fault_settings(make_settings: SettingsFactory, broker: str) -> Settings:
    """Every vector logged; half a second between commits, so that a fault falls into a transaction."""
    return _settings(make_settings, broker)


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    """A broker that the test may kill."""
    kafka = EmbeddedKafka(tmp_path / "kafka")
    try:
        kafka.start()
        yield kafka
    finally:
        kafka.kill()


@pytest.fixture
def own_settings(make_settings: SettingsFactory, own_kafka: EmbeddedKafka) -> Settings:
    """Settings of the test's own broker."""
    return _settings(make_settings, own_kafka.bootstrap_servers)
