"""Fixtures for all tests: a real broker once a session, settings and a registry for each test."""

import json
import os
import shutil
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import hypothesis
import pytest

from deployments.local.kafka import EmbeddedKafka
from fraud.kafka.topics import create_topics
from fraud.settings import Settings, TopicSettings, load_settings
from fraud.signing.key_files import KeyFiles, key_files, make_key_files
from tests.running import groups
from tests.running.skips import StrictSkips

if TYPE_CHECKING:
    from tests.security.locked import LockedKafka

SettingsFactory = Callable[..., Settings]
_FOREIGN = ("FRAUD_", "MLFLOW_", "PREFECT_")
_OWN = "FRAUD_TEST_"
"""Variables that configure the tests themselves."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option of CI."""
    parser.addoption(
        "--strict-skips", action="store_true", help="fail if a test is skipped for what could be installed"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Remove settings from the environment; a terminated session still stops its servers."""
    for name in list(os.environ):
        if name.startswith(_FOREIGN) and not name.startswith(_OWN):
            del os.environ[name]
    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    # The JVMs of tests are short-lived; optimising costs more than it gains.
    os.environ["JDK_JAVA_OPTIONS"] = "-XX:TieredStopAtLevel=1"
    signal.signal(signal.SIGTERM, _interrupt)
    # What is slow is the first example, which makes tables or compiles, and a busy machine.
    slow = hypothesis.HealthCheck.too_slow
    hypothesis.settings.register_profile("here", deadline=None, suppress_health_check=[slow])
    hypothesis.settings.load_profile("here")
    if config.getoption("--strict-skips") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(StrictSkips())


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile once, before xdist starts its processes."""
    is_controller = not hasattr(session.config, "workerinput")
    if is_controller and session.config.getoption("numprocesses", None):
        from tests.fraud.native.compilation import compile_hot_path

        compile_hot_path()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its group, before xdist reads the marks, and sort the tests."""
    groups.mark_groups(items)
    groups.sort_by_group(items)


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in its own folder, without the repository's `.env` and `stack.env`."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap servers of a real Kafka that the session shares; topics have names of their own."""
    kafka = EmbeddedKafka(tmp_path_factory.mktemp("kafka"))
    try:
        kafka.start()
        yield kafka.bootstrap_servers
    finally:
        kafka.kill()


@pytest.fixture(scope="session")
def locked(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[LockedKafka]":
    """A real Kafka behind TLS, SCRAM and access control, likewise shared."""
    from tests.security.locked import LockedKafka

    made = LockedKafka(tmp_path_factory.mktemp("locked"))
    try:
        made.kafka.start()
        yield made
    finally:
        made.kafka.kill()


@pytest.fixture(scope="session")
def signing_keys(tmp_path_factory: pytest.TempPathFactory) -> KeyFiles:
    """The key that signs models and policies in this session's tests, and what trusts it."""
    folder = tmp_path_factory.mktemp("signing")
    make_key_files(folder)
    return key_files(folder)


@pytest.fixture
def make_settings(tmp_path: Path, signing_keys: KeyFiles, monkeypatch: pytest.MonkeyPatch) -> SettingsFactory:
    """Makes settings with names of their own, for a home in the test's folder.

    Commands and flows of the test have the same key as the settings, also in processes of their own. Groups
    of settings are given as dicts (`kafka={"partitions": 1}`); they override those of the test.
    """
    prefix = f"t{uuid.uuid4().hex[:12]}"
    monkeypatch.setenv("FRAUD_SIGNING__PRIVATE_KEY", str(signing_keys.private))
    monkeypatch.setenv("FRAUD_SIGNING__TRUSTED_KEYS", json.dumps([str(signing_keys.public)]))

    def make(**overrides: Any) -> Settings:
        defaults: dict[str, Any] = {
            "home": tmp_path / "home",
            # Tests write events of any age, and brokers delete by event time every few minutes.
            "kafka": {
                "bootstrap_servers": "127.0.0.1:1",
                "request_timeout_s": 10.0,
                "retention_days": -1,
                "label_retention_days": -1,
            },
            "topics": {name: f"{prefix}.{name}" for name in TopicSettings.model_fields},
            "serving": {"group_id": f"{prefix}.serving", "transactional_id": f"{prefix}.serving"},
        }
        return load_settings(
            **{name: _merged(defaults.get(name), value) for name, value in (defaults | overrides).items()}
        )

    return make


@pytest.fixture
def local_settings(make_settings: SettingsFactory) -> Settings:
    """Settings for what needs no broker."""
    return make_settings()


@pytest.fixture
def settings(make_settings: SettingsFactory, broker: str) -> Settings:
    """Settings of the session's broker, whose topics for this test exist."""
    made = make_settings(kafka={"bootstrap_servers": broker})
    create_topics(made)
    return made


@pytest.fixture
def forgetful_settings(make_settings: SettingsFactory, broker: str) -> Settings:
    """Likewise, with topics that keep events for 60 days."""
    made = make_settings(kafka={"bootstrap_servers": broker, "retention_days": 60})
    create_topics(made)
    return made


@pytest.fixture(scope="session")
def _migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database of the installed version; the migration takes seconds, a copy does not."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    folder = tmp_path_factory.mktemp("mlflow")
    database = folder / "mlflow.db"
    SqlAlchemyStore(f"sqlite:///{database}", str(folder / "artifacts"))
    return database


@pytest.fixture
def mlflow_db(_migrated_database: Path, tmp_path: Path) -> str:
    """The tracking URI that this test's settings name, with its database ready."""
    database = tmp_path / "home" / "mlflow.db"
    database.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(_migrated_database, database)
    return f"sqlite:///{database}"


def _merged(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return below | above
    return above
