"""Fixtures of the dashboard's tests."""

from collections.abc import Iterator

import pytest

from fraud.settings import Settings
from tests.serving.dashboard.world import Desk, served


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    """A dashboard on the session's broker."""
    with served(settings) as one:
        yield one


@pytest.fixture
def lonely_desk(local_settings: Settings) -> Iterator[Desk]:
    """A dashboard whose Kafka is away."""
    with served(local_settings) as one:
        yield one
