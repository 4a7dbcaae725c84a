"""One dashboard and one gateway that listen, whose Kafka is away; attacks need no more."""

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from fraud.settings import load_settings
from tests.serving.dashboard.support import Browser, DashboardServer, run_dashboard
from tests.serving.gateway.support import GatewayServer, run_gateway

AWAY = {"bootstrap_servers": "127.0.0.1:1", "request_timeout_s": 0.2}


@pytest.fixture(scope="package")
def dashboard_server(
    tmp_path_factory: pytest.TempPathFactory, _migrated_database: Path
) -> Iterator[DashboardServer]:
    """A dashboard with a user of each role, and a registry without a model."""
    home = tmp_path_factory.mktemp("dashboard")
    shutil.copy(_migrated_database, home / "mlflow.db")
    with run_dashboard(load_settings(home=home, kafka=AWAY)) as one:
        yield one


@pytest.fixture(scope="package")
def logged_in(dashboard_server: DashboardServer) -> Callable[[str], Browser]:
    """A browser of a user, the same each time: logins are limited."""
    return cache(dashboard_server.browser)


@pytest.fixture(scope="package")
def gateway_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayServer]:
    """A gateway with a key of all scopes; it answers with the fallback, soon."""
    gateway = {"deadline_ms": 5, "max_deadline_ms": 20}
    settings = load_settings(home=tmp_path_factory.mktemp("gateway"), kafka=AWAY, gateway=gateway)
    with run_gateway(settings, wait=False) as one:
        yield one


@pytest.fixture(params=["dashboard", "gateway"])
def port(request: pytest.FixtureRequest) -> int:
    """Where each of them listens."""
    server: DashboardServer | GatewayServer = request.getfixturevalue(f"{request.param}_server")
    # The first request of a server takes longer than an attack waits.
    httpx.get(f"{server.url}/live", trust_env=False, timeout=60)
    found = urlsplit(server.url).port
    assert found is not None
    return found
