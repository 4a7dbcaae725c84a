"""Fixtures of the dashboard's tests."""

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from fraud.settings import Settings
from serving.dashboard.database.urls import database_of
from serving.dashboard.feed.store import Store
from tests.conftest import SettingsFactory
from tests.serving.dashboard.database.server import create_database, find_programs, run_server
from tests.serving.dashboard.support import DashboardServer, run_dashboard


@pytest.fixture
def dashboard(settings: Settings) -> Iterator[DashboardServer]:
    """A dashboard on the session's broker."""
    with run_dashboard(settings) as one:
        yield one


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL server that the session shares."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    with run_server(programs) as server:
        yield server


@pytest.fixture
def shared_database(postgresql: str) -> str:
    """The URL of an empty PostgreSQL database."""
    return create_database(postgresql, uuid.uuid4().hex)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """The setting of the database: a file's, and that of an empty PostgreSQL database."""
    url: str | None = None if request.param == "sqlite" else request.getfixturevalue("shared_database")
    return url


@pytest.fixture
def store(make_settings: SettingsFactory, database_url: str | None) -> Iterator[Store]:
    """An empty store on each kind of database."""
    one = Store(database_of(make_settings(dashboard={"database_url": database_url})))
    yield one
    one.close()


@pytest.fixture
def connection(store: Store) -> Iterator[Connection]:
    """As the follower has one."""
    with store.connect() as one:
        yield one


@pytest.fixture
def offline_settings(make_settings: SettingsFactory, database_url: str | None) -> Settings:
    """For a dashboard whose Kafka is away, which it need not wait for long."""
    return make_settings(kafka={"request_timeout_s": 0.2}, dashboard={"database_url": database_url})


@pytest.fixture
def offline_dashboard(offline_settings: Settings) -> Iterator[DashboardServer]:
    """A dashboard whose Kafka is away."""
    with run_dashboard(offline_settings) as one:
        yield one
