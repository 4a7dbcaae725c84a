"""A real MLflow that asks for users and passwords, and what each of its users may do."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from deployments.containers.mlflow_users import ADMIN, USERS, make_users
from deployments.containers.servers import _write_login_file, mlflow_login
from deployments.containers.settings import ContainerSettings
from deployments.local.servers import HttpServer, mlflow_server
from fraud.errors import ConfigurationError, FraudError, RefusedError
from fraud.registry.aliases import load_alias, promote
from fraud.registry.connection import mlflow_client
from fraud.registry.trust.records import record_tag
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.fraud.registry.models import registered
from tests.fraud.training.models import a_bundle

# A request of a busy machine's MLflow may take most of `request_timeout_s`.
pytestmark = pytest.mark.timeout(300)

NAME = "fraud-detector"
PASSWORD = "a-password-of-tests"

Login = Callable[..., None]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    """MLflow as its container runs it, but for its database."""
    home = tmp_path_factory.mktemp("mlflow")
    made = mlflow_server(home)
    login = {
        "MLFLOW_AUTH_CONFIG_PATH": str(_write_login_file(f"sqlite:///{home / 'users.db'}")),
        "MLFLOW_AUTH_ADMIN_USERNAME": ADMIN,
        "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "of the pages",
    }
    command = (*made.command, "--app-name", "basic-auth")
    made = replace(made, command=command, environment={**made.environment, **login})
    made.spawn()
    try:
        made.wait()
        yield made
    finally:
        made.stop()


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> Login:
    def log_in(name: str, password: str = PASSWORD) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", name)
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)

    return log_in


@pytest.fixture
def settings(make_settings: SettingsFactory, server: HttpServer) -> Settings:
    return make_settings(registry={"tracking_uri": server.url, "request_timeout_s": 60})


@pytest.fixture
def users(settings: Settings, login: Login) -> None:
    """The users are there; making them again changes nothing."""
    login(ADMIN)
    passwords = {name: SecretStr(PASSWORD) for name in USERS}
    for _ in range(2):
        make_users(settings, ContainerSettings(mlflow_users=passwords), 60, lambda text: None)


@pytest.mark.usefixtures("users")
def test_each_user_may_do_its_work_and_no_more(settings: Settings, login: Login) -> None:
    # given a version that a training made, and that the dashboard promotes
    login("flows")
    version = registered(settings, a_bundle())
    login("dashboard")
    promote(settings, version, "looks good", by="ann")
    # when serving loads it, then it may
    login("serving")
    bundle = load_alias(settings)
    assert bundle is not None
    assert bundle.version == version
    # and nothing else
    with pytest.raises(RefusedError, match="MLFLOW_TRACKING_USERNAME"), mlflow_client(settings) as client:
        client.set_registered_model_alias(NAME, "champion", version)
    # and nobody takes away what a worker without memory goes by
    for name in ("serving", "dashboard", "flows"):
        login(name)
        with pytest.raises(RefusedError), mlflow_client(settings) as client:
            client.delete_model_version_tag(NAME, version, record_tag("champion"))
    login("dashboard")
    with pytest.raises(FraudError), mlflow_client(settings) as client:
        client.delete_model_version(NAME, version)


@pytest.mark.usefixtures("users")
def test_who_is_not_known_is_refused_in_a_sentence_without_a_password(
    settings: Settings, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    login("serving", "another-password")
    with pytest.raises(RefusedError, match="refuses us: set MLFLOW_TRACKING_USERNAME") as refused:
        load_alias(settings)
    assert "another-password" not in str(refused.value)
    assert refused.value.exit_code == 6
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME")
    monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD")
    with pytest.raises(RefusedError):
        load_alias(settings)


def test_a_user_without_a_password_is_one_sentence(local_settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="a password for each of flows, dashboard, serving"):
        make_users(local_settings, ContainerSettings(), 0, lambda text: None)


def test_the_database_of_users_is_in_no_command_line_and_its_file_is_private() -> None:
    container = ContainerSettings(
        mlflow_admin_password=SecretStr(PASSWORD), mlflow_secret_key=SecretStr("secret")
    )
    environment = mlflow_login(container, "postgresql://mlflow:p%40ss@db:5432/mlflow")
    file = Path(environment["MLFLOW_AUTH_CONFIG_PATH"])
    assert file.stat().st_mode & 0o777 == 0o600
    assert "database_uri = postgresql+psycopg://mlflow:p%%40ss@db:5432/mlflow" in file.read_text()
    file.unlink()
    with pytest.raises(ConfigurationError, match="needed together"):
        mlflow_login(ContainerSettings(mlflow_admin_password=SecretStr(PASSWORD)), "postgresql://db/mlflow")
