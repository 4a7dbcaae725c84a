"""Settings of the fault matrix, the servers that it breaks, and its outcomes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deployments.local.kafka import EmbeddedKafka
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.faults.harness.load import PARTITIONS
from tests.faults.harness.scene import NO_REGISTRY, Scene, compare, drain
from tests.faults.harness.table import OUTCOME, Table

SERVING = {
    "feature_sample": 1.0,
    "commit_interval_s": 0.5,
    "snapshot_interval_s": 1.0,
    "session_timeout_s": 6.0,
    "transaction_timeout_s": 6.0,
}
"""Every vector logged; half a second between commits, so that a fault falls into a transaction."""

CheckScene = Callable[[Scene, str, float], None]
FaultSettings = Callable[..., Settings]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--faults-report FILE`: where the table goes, beside the terminal."""
    parser.addoption("--faults-report", type=Path, help="write the fault matrix's table (Markdown) to a file")


def pytest_configure(config: pytest.Config) -> None:
    """One table for the run."""
    path = config.getoption("--faults-report", default=None)
    config.pluginmanager.register(Table(path and config.invocation_params.dir / path))


@pytest.fixture
def check_scene(record_property: Callable[[str, object], None]) -> CheckScene:
    """Drains a scene and checks that nothing is lost or doubled and every feature is as recomputed."""

    def check(made: Scene, case: str, seconds: float) -> None:
        drain(made)
        outcome = compare(made, case, seconds)
        record_property(OUTCOME, str(outcome))
        assert outcome.is_clean, f"{len(outcome.errors)} errors, such as {outcome.errors[:5]}"

    return check


@pytest.fixture
def make_fault_settings(make_settings: SettingsFactory) -> FaultSettings:
    """Makes settings for workers of a broker; groups given override the defaults."""

    def make(broker: str, **groups: dict[str, Any]) -> Settings:
        kafka = {"bootstrap_servers": broker, "partitions": PARTITIONS, "retention_days": -1}
        defaults: dict[str, dict[str, Any]] = {"kafka": kafka, "serving": SERVING, "registry": NO_REGISTRY}
        return make_settings(
            **{name: defaults.get(name, {}) | groups.get(name, {}) for name in defaults | groups}
        )

    return make


@pytest.fixture
def fault_settings(make_fault_settings: FaultSettings, broker: str) -> Settings:
    """Settings of the session's broker."""
    return make_fault_settings(broker)


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
def own_settings(make_fault_settings: FaultSettings, own_kafka: EmbeddedKafka) -> Settings:
    """Settings of the test's own broker."""
    return make_fault_settings(own_kafka.bootstrap_servers)
