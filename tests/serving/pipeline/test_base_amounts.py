"""Payments of several currencies through the pipeline, without Kafka."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from fraud.messages.admission import AdmissionFilter
from fraud.schema import Prediction
from fraud.settings import Settings
from serving.decisions.active_policies import ActivePolicies
from serving.models.serving_model import prepare_model
from serving.ops.metrics import Metrics
from serving.ops.stage_timer import StageTimer
from serving.pipeline.batch import Scorer
from serving.pipeline.profile_sources import ProfileSources
from serving.state.partition_state import PartitionState
from tests.conftest import SettingsFactory
from tests.definitions.base import write_v1_in_euros
from tests.serving.pipeline.test_batch import FakeMessage, counted, messages
from tests.serving.world import BASE_MS, tiny_bundle, transaction

DAY_BEFORE = datetime.fromtimestamp(BASE_MS / 1_000, UTC).date() - timedelta(days=1)


@pytest.fixture
def settings(make_settings: SettingsFactory, tmp_path: Path) -> Settings:
    """Of definitions in euros, by which a euro costs 2 dollars; features are logged."""
    path = write_v1_in_euros(tmp_path, f"{DAY_BEFORE},USD,2\n")
    return make_settings(definitions=path, serving={"feature_sample": 1.0})


def scored(settings: Settings, metrics: Metrics, batch: list[FakeMessage]) -> list[Prediction]:
    definitions = settings.loaded_definitions
    state = PartitionState(0, 0, AdmissionFilter(definitions, settings.admission))
    champion = prepare_model(definitions, tiny_bundle(settings, threshold=0.0))
    scorer = Scorer(
        settings,
        ProfileSources(settings, metrics),
        ActivePolicies(settings, metrics),
        metrics,
        StageTimer(metrics),
    )
    (outbox,) = scorer.process([(state, batch)], champion)
    return [msgspec.json.decode(one["value"], type=Prediction) for one in outbox.predictions]


def in_currencies(*currencies: str) -> list[FakeMessage]:
    return messages(
        0,
        [
            transaction(number, amount="10.00", currency=currency, card_id="c1")
            for number, currency in enumerate(currencies)
        ],
    )


def test_a_prediction_records_the_amount_in_the_base_and_the_date_of_its_rate(settings: Settings) -> None:
    found = scored(settings, Metrics(), in_currencies("EUR", "USD", "GBP"))
    assert [(one.amount, one.currency) for one in found] == [(1_000, "EUR"), (1_000, "USD"), (1_000, "GBP")]
    assert [one.amount_base for one in found] == [1_000, 500, None]
    assert [one.rate_date for one in found] == [None, str(DAY_BEFORE), None]


def test_features_are_of_the_amount_in_the_base(settings: Settings) -> None:
    # when
    found = scored(settings, Metrics(), in_currencies("EUR", "USD", "GBP"))
    # then
    names = settings.loaded_definitions.feature_names
    last = [dict(zip(names, one.features or (), strict=True)) for one in found]
    assert [one["amount"] for one in last] == [1_000, 500, None]
    assert [one["card_sum_24h"] for one in last] == [1_000, 1_500, 1_500]
    assert [one["card_count_24h"] for one in last] == [1, 2, 3]


def test_reasons_name_the_base(settings: Settings) -> None:
    found = scored(settings, Metrics(), in_currencies(*["USD"] * 20))
    texts = [reason.text for one in found for reason in one.reasons or ()]
    assert any("\u20ac" in text for text in texts)
    assert not any("$" in text for text in texts)


def test_unknown_amounts_are_counted_and_said(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    # given
    metrics = Metrics()
    # when
    with caplog.at_level(logging.WARNING):
        scored(settings, metrics, in_currencies("GBP", "CHF", "EUR"))
    # then
    assert counted(metrics, "unknown_amounts") == 2
    assert "2 payments so far had no usable rate, last in CHF, GBP" in caplog.text


def test_without_a_base_or_profiles_predictions_have_no_such_fields(local_settings: Settings) -> None:
    (found,) = scored(local_settings, Metrics(), in_currencies("USD"))
    assert b"amount_base" not in msgspec.json.encode(found)
    encoded = msgspec.json.encode(found)
    assert not [name for name in (b"rate_date", b"profile_moment", b"profiles") if name in encoded]
