"""Fixtures of the dashboard's tests."""

from collections.abc import Iterator

import pytest

from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.serving.dashboard.world import Desk, served


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    """A dashboard on the session's broker."""
    with served(settings) as one:
        yield one


@pytest.fixture
def lonely_settings(make_settings: SettingsFactory) -> Settings:
    """For a dashboard whose Kafka is away, which it need not wait for long."""
    return make_settings(kafka={"request_timeout_s": 0.2})


@pytest.fixture
def lonely_desk(lonely_settings: Settings) -> Iterator[Desk]:
    """A dashboard whose Kafka is away."""
    with served(lonely_settings) as one:
        yield one
