"""Finding a prediction and its lineage."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from confluent_kafka import Producer

from fraud.definitions.features import FEATURE_VERSION
from fraud.kafka.clients import flush, producer_config
from fraud.lake import open_lake
from fraud.lineage import find
from fraud.lineage.collect import collect_lineage
from fraud.lineage.find import NoPredictionError, find_prediction
from fraud.registry.bundle import ModelBundle
from fraud.schema import Prediction
from fraud.settings import Settings
from fraud.training.dataset import feature_matrix
from tests.definitions import V1
from tests.fraud.monitoring.scored import with_profile_dates
from tests.fraud.signing.signed import force_alias
from tests.fraud.training.models import a_bundle
from tests.fraud.training.synthetic import tables, write_history
from tests.serving.world import register

pytestmark = pytest.mark.broker


def prediction(identifier: str, timestamp: int = 1, **fields: object) -> Prediction:
    made = Prediction(
        identifier, "card", timestamp, 150, "EUR", 0.25, "approve", 0.5, "fraud-detector", "1",
        FEATURE_VERSION, 2,
    )  # fmt: skip
    return msgspec.structs.replace(made, **fields)


def put(settings: Settings, values: Sequence[Prediction | bytes]) -> None:
    producer = Producer(producer_config(settings))
    for number, value in enumerate(values):
        content = value if isinstance(value, bytes) else msgspec.json.encode(value)
        producer.produce(settings.topics.predictions, content, f"card-{number % 7}")
    flush(producer, 30)


def rows_in_the_lake(settings: Settings) -> pa.Table:
    rows, labels = tables(days=6, per_day=40)
    rows = with_profile_dates(rows)
    write_history(open_lake(settings), rows, labels)
    return rows


def champion(settings: Settings, bundle: ModelBundle) -> str:
    version = register(settings, bundle, alias=None)
    force_alias(settings, version)
    return version


def test_every_prediction_is_found_in_any_span(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    # given several spans a partition, and a message that is not a prediction
    monkeypatch.setattr(find, "SCAN_OFFSETS", 5)
    put(settings, [b'"t3" is not one', *(prediction(f"t{number}") for number in range(60))])
    for number in (0, 3, 31, 59):
        assert find_prediction(settings, f"t{number}").transaction_id == f"t{number}"


def test_a_part_of_an_identifier_is_not_the_identifier(settings: Settings) -> None:
    put(settings, [prediction("t10"), prediction("x", card_id="t1")])
    with pytest.raises(NoPredictionError, match="no prediction on transaction 't1'"):
        find_prediction(settings, "t1")


def test_of_two_predictions_the_newest_is_found(settings: Settings) -> None:
    # at least once: the same transaction was scored again after a crash
    put(settings, [prediction("t1", score=0.1)])
    put(settings, [prediction(f"filler-{number}") for number in range(6)])
    put(settings, [prediction("t1", score=0.2)])
    assert find_prediction(settings, "t1").score == 0.2


def test_features_that_were_not_stored_come_from_the_training_row(settings: Settings, mlflow_db: str) -> None:
    # given a prediction without features on a transaction of the lake, made with yesterday's profile
    rows = rows_in_the_lake(settings).slice(77, 1)
    identifier, card = rows["transaction_id"][0].as_py(), rows["card_id"][0].as_py()
    time_ms = rows["timestamp"][0].as_py()
    version = champion(settings, a_bundle())
    scored = prediction(identifier, time_ms, card_id=card, model_version=version, profile_date="2020-01-01")
    put(settings, [scored])
    # when
    found = collect_lineage(settings, identifier)
    # then
    assert found.features is not None
    assert found.features.source == "lake"
    assert np.array_equal(found.features.values, feature_matrix(rows, V1.feature_names)[0], equal_nan=True)
    assert found.recomputed_score is not None
    assert "serving used that of 2020-01-01" in found.notes[0]


def test_reports_on_the_transaction_are_listed(settings: Settings, mlflow_db: str) -> None:
    rows, labels = tables(days=6, per_day=40)
    write_history(open_lake(settings), with_profile_dates(rows), labels)
    identifier = labels["transaction_id"][0].as_py()
    put(settings, [prediction(identifier, rows["timestamp"][0].as_py())])
    (report,) = collect_lineage(settings, identifier).reports
    assert report.is_fraud
    assert report.reported_at == labels["reported_at"][0].as_py()


def test_a_version_that_was_deleted_is_a_note(settings: Settings, mlflow_db: str) -> None:
    put(settings, [prediction("t1", model_version="7")])
    found = collect_lineage(settings, "t1")
    assert found.origin is None
    assert "version 7 of 'fraud-detector' is not in the registry any more" in found.notes


def test_a_model_of_another_feature_version_is_named_but_does_not_score(
    settings: Settings, mlflow_db: str
) -> None:
    # given a prediction of before the features changed
    version = champion(settings, a_bundle(feature_version=99))
    rows = rows_in_the_lake(settings).slice(3, 1)
    identifier, card = rows["transaction_id"][0].as_py(), rows["card_id"][0].as_py()
    time_ms = rows["timestamp"][0].as_py()
    put(settings, [prediction(identifier, time_ms, card_id=card, model_version=version)])
    # when
    found = collect_lineage(settings, identifier)
    # then
    assert found.origin is not None
    assert found.origin.metadata.feature_version == 99
    assert found.contributions is None
    assert any("needs feature version 99" in note for note in found.notes)
