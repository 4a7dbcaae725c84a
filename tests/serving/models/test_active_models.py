"""The hand-over of models from the registry to the serving loop, with a registry of the test's own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

import fraud.native.shapley_table
from fraud.errors import IncompatibleModelError, UnreachableError
from fraud.registry.aliases import AliasTarget
from fraud.registry.bundle import ModelBundle, probe_rows
from fraud.settings import Settings, SigningSettings
from serving.models import alias_poller
from serving.models.active_models import ActiveModels
from serving.models.alias_poller import AliasPoller
from serving.models.serving_model import prepare_model
from serving.models.slot import ModelSlot
from serving.ops.metrics import Metrics
from tests.conftest import SettingsFactory
from tests.definitions import V1
from tests.serving.world import tiny_bundle, wait_for


@dataclass
class FakeRegistry:
    """A registry with one alias."""

    bundles: dict[str, ModelBundle] = field(default_factory=dict)
    target: AliasTarget | None = None
    is_up: bool = True
    loads: list[str] = field(default_factory=list)
    while_loading: Callable[[], None] = lambda: None

    def set_alias(self, bundle: ModelBundle, version: str) -> None:
        """Register a bundle and point the alias to it."""
        self.bundles[version] = replace(bundle, version=version)
        self.target = AliasTarget(version, f"run-{version}", created_ms=int(version), source="")

    def alias_target(self, settings: Settings, alias: str) -> AliasTarget | None:
        if not self.is_up:
            raise UnreachableError("the registry is down")
        return self.target

    def load_promoted(
        self, settings: Settings, alias: str, version: str, record: str, newest_known: int
    ) -> ModelBundle:
        self.loads.append(version)
        self.while_loading()
        if self.bundles[version].metadata.feature_version == 99:
            raise IncompatibleModelError("of another feature version")
        return self.bundles[version]


@pytest.fixture
def local_settings(make_settings: SettingsFactory) -> Settings:
    """Without keys: signatures are checked where versions are loaded, which this registry does not do."""
    return make_settings().model_copy(update={"signing": SigningSettings()})


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    fake = FakeRegistry()
    monkeypatch.setattr(alias_poller, "alias_target", fake.alias_target)
    monkeypatch.setattr(alias_poller, "load_promoted", fake.load_promoted)
    return fake


@pytest.fixture
def slot() -> ModelSlot:
    return ModelSlot("champion")


@pytest.fixture
def poller(local_settings: Settings, slot: ModelSlot) -> AliasPoller:
    return AliasPoller(local_settings, Metrics(), slot)


@pytest.fixture
def models(local_settings: Settings, registry: FakeRegistry) -> Iterator[ActiveModels]:
    quick = local_settings.registry.model_copy(update={"poll_interval_s": 0.01})
    made = ActiveModels(local_settings.model_copy(update={"registry": quick}), Metrics())
    yield made
    made.stop()


def versions(slot: ModelSlot) -> list[str]:
    """The versions that are pending, oldest first."""
    return [slot.pending.get_nowait().version for _ in range(slot.pending.qsize())]


def version_of(models: ActiveModels) -> str | None:
    """The version that scores."""
    return models.champion.version if models.champion else None


def test_the_newest_of_the_pending_models_is_taken(local_settings: Settings, slot: ModelSlot) -> None:
    # given
    model = prepare_model(V1, tiny_bundle(local_settings))
    newer = replace(model)
    slot.pending.put(model)
    slot.pending.put(newer)
    # then
    assert slot.take_pending() is newer
    assert slot.take_pending() is None


def test_a_version_is_loaded_once(
    registry: FakeRegistry, poller: AliasPoller, slot: ModelSlot, local_settings: Settings
) -> None:
    # given
    assert not poller.has_model
    registry.set_alias(tiny_bundle(local_settings), "1")
    # when
    poller.poll_alias()
    poller.poll_alias()
    # then
    assert registry.loads == ["1"]
    assert slot.pending.get_nowait().bundle.run_id == "run-1"
    assert poller.has_model


def test_a_version_that_cannot_serve_is_rejected_once(
    registry: FakeRegistry, poller: AliasPoller, slot: ModelSlot, local_settings: Settings
) -> None:
    # given
    registry.set_alias(tiny_bundle(local_settings, feature_version=99), "1")
    # when
    poller.poll_alias()
    poller.poll_alias()
    # then
    assert registry.loads == ["1"]
    assert slot.pending.empty()
    assert [*poller._metrics.samples("fraud_models_refused_total")] == [({}, 1.0)]


def test_what_the_alias_no_longer_names_is_neither_served_nor_rejected(
    registry: FakeRegistry, poller: AliasPoller, slot: ModelSlot, local_settings: Settings
) -> None:
    # given an alias that moves while its version is downloaded
    bundle = tiny_bundle(local_settings)
    registry.set_alias(bundle, "1")
    registry.while_loading = lambda: registry.set_alias(bundle, "2")
    # when
    poller.poll_alias()
    assert versions(slot) == []
    poller.poll_alias()
    # then
    assert versions(slot) == ["2"]


def test_a_failure_of_the_registry_is_counted_and_the_next_poll_succeeds(
    registry: FakeRegistry, poller: AliasPoller, slot: ModelSlot, local_settings: Settings
) -> None:
    # given
    registry.set_alias(tiny_bundle(local_settings), "1")
    registry.is_up = False
    poller.poll_alias()
    # when
    registry.is_up = True
    poller.poll_alias()
    # then
    assert versions(slot) == ["1"]
    assert [*poller._metrics.samples("fraud_registry_failures_total")] == [({}, 1.0)]


def test_a_model_scores_from_apply_pending_on(
    registry: FakeRegistry, models: ActiveModels, local_settings: Settings
) -> None:
    # given a champion that is loaded but not applied
    registry.set_alias(tiny_bundle(local_settings), "1")
    models.start()
    wait_for(lambda: not models._champion.pending.empty())
    assert version_of(models) is None
    # when
    assert models.apply_pending()
    # then
    assert version_of(models) == "1"
    # and the next one replaces it in the metrics
    registry.set_alias(tiny_bundle(local_settings, seed=1), "2")
    wait_for(lambda: not models._champion.pending.empty())
    assert version_of(models) == "1"
    assert models.apply_pending()
    served = [labels["version"] for labels, _ in models._metrics.samples("fraud_model_info")]
    assert served == [version_of(models)] == ["2"]
    assert models.challenger is None


def test_the_last_good_champion_serves_while_the_registry_is_down(
    registry: FakeRegistry, models: ActiveModels, local_settings: Settings
) -> None:
    # given a champion that was kept on disk
    registry.set_alias(tiny_bundle(local_settings), "1")
    models._champion_poller.poll_alias()
    registry.is_up = False
    # when a worker starts again
    restarted = ActiveModels(models._settings, Metrics())
    restarted.start()
    # then
    assert restarted.apply_pending()
    restarted.stop()
    assert restarted.champion is not None
    assert (restarted.champion.version, restarted.champion.bundle.run_id) == ("1", "run-1")


def test_without_a_model_there_is_nothing_to_apply(models: ActiveModels) -> None:
    assert not models.apply_pending()


def test_a_model_without_a_table_is_explained_by_xgboost(
    local_settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # given
    bundle = tiny_bundle(local_settings)
    rows = probe_rows(len(bundle.metadata.feature_names))
    compiled = prepare_model(V1, bundle)
    monkeypatch.setattr(fraud.native.shapley_table, "_MAX_ENTRIES", 0)
    # when
    model = prepare_model(V1, bundle)
    # then
    assert model.shapley is None
    assert "XGBoost explains" in caplog.text
    assert np.array_equal(model.contributions(rows), bundle.contributions(rows))
    assert np.allclose(model.contributions(rows), compiled.contributions(rows), rtol=0, atol=1e-4)
    assert np.array_equal(model.score(rows), compiled.score(rows))
