"""Fixtures of the gateway's tests."""

from collections.abc import Iterator
from typing import Any

import pytest

from fraud.kafka.topics import create_topics
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.serving.gateway.support import GatewayServer, run_gateway
from tests.serving.world import register, running, tiny_bundle, wait_for

GATEWAY: dict[str, Any] = {"max_deadline_ms": 60_000, "request_timeout_s": 1.0}


@pytest.fixture
def gateway_settings(make_settings: SettingsFactory, broker: str, mlflow_db: str) -> Settings:
    """Settings of the session's broker, whose topics exist."""
    made = make_settings(
        kafka={"bootstrap_servers": broker, "partitions": 2, "retention_days": -1},
        serving={"commit_interval_s": 0.05, "snapshot_interval_s": 0},
        registry={"poll_interval_s": 0.2},
        gateway=GATEWAY,
    )
    create_topics(made)
    return made


@pytest.fixture
def gateway(gateway_settings: Settings) -> Iterator[GatewayServer]:
    """A gateway without an engine."""
    with run_gateway(gateway_settings) as one:
        yield one


@pytest.fixture
def scoring(gateway_settings: Settings) -> Iterator[Settings]:
    """An engine that scores."""
    register(gateway_settings, tiny_bundle(gateway_settings))
    with running(gateway_settings) as one:
        wait_for(lambda: one.engine.status().is_ready, 90)
        yield gateway_settings


@pytest.fixture
def offline_gateway(make_settings: SettingsFactory) -> Iterator[GatewayServer]:
    """A gateway whose Kafka is away."""
    settings = make_settings(kafka={"request_timeout_s": 0.2}, gateway=GATEWAY)
    with run_gateway(settings, wait=False) as one:
        yield one
