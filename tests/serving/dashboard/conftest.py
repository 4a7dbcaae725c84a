"""Fixtures of the dashboard's tests."""

from collections.abc import Iterator

import pytest

from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.serving.dashboard.support import DashboardServer, run_dashboard


@pytest.fixture
def dashboard(settings: Settings) -> Iterator[DashboardServer]:
    """A dashboard on the session's broker."""
    with run_dashboard(settings) as one:
        yield one


@pytest.fixture
def offline_settings(make_settings: SettingsFactory) -> Settings:
    """For a dashboard whose Kafka is away, which it need not wait for long."""
    return make_settings(kafka={"request_timeout_s": 0.2})


@pytest.fixture
def offline_dashboard(offline_settings: Settings) -> Iterator[DashboardServer]:
    """A dashboard whose Kafka is away."""
    with run_dashboard(offline_settings) as one:
        yield one
