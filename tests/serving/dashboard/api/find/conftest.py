"""Fixtures of the tests of the search, cards and merchants."""

import pytest

from serving.dashboard.feed.recorder import Recorder
from tests.serving.dashboard.feed.writing import recorder_for
from tests.serving.dashboard.support import Browser, DashboardServer


@pytest.fixture
def recorder(offline_dashboard: DashboardServer) -> Recorder:
    """Writes into the store as the follower does."""
    return recorder_for(offline_dashboard)


@pytest.fixture
def vera(offline_dashboard: DashboardServer) -> Browser:
    """A viewer."""
    return offline_dashboard.browser("vera")
