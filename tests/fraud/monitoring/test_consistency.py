from dataclasses import replace

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from fraud.features.spec import DAY_MS, FEATURE_NAMES
from fraud.lake import Lake, open_lake
from fraud.monitoring.consistency import Consistency, OfflineRows, compare
from fraud.monitoring.inputs import offline_rows
from fraud.monitoring.predictions import Scored, as_columns
from fraud.settings import Settings
from tests.fraud.modelling.synthetic import tables, write_history
from tests.fraud.monitoring.scored import predictions_on, with_profile_dates

DAYS, PER_DAY, LATENESS_MS = 6, 20, DAY_MS
CLEAN = Consistency(
    compared=DAYS * PER_DAY, pending=0, stale_profiles=0, mismatched=0, missing=0, extra=0, features=()
)


@pytest.fixture
def lake(local_settings: Settings) -> Lake:
    return open_lake(local_settings)


@pytest.fixture
def scored(lake: Lake) -> list[Scored]:
    """A prediction on each row of the lake, in order of time."""
    rows, labels = tables(days=DAYS, per_day=PER_DAY)
    rows = with_profile_dates(rows)
    write_history(lake, rows, labels)
    return predictions_on(rows, np.zeros(rows.num_rows))


def compared(lake: Lake, scored: list[Scored]) -> Consistency:
    predictions = as_columns(scored)
    offline = offline_rows(lake, predictions)
    assert offline is not None
    return compare(predictions, offline, LATENESS_MS)


def changed(one: Scored, feature: str, value: float | None = 77.0) -> Scored:
    assert one.features is not None
    features = list(one.features)
    features[FEATURE_NAMES.index(feature)] = value
    return msgspec.structs.replace(one, features=features)


def test_equal_features_are_consistent(lake: Lake, scored: list[Scored]) -> None:
    assert compared(lake, scored) == CLEAN


def test_a_card_feature_that_differs_is_named(lake: Lake, scored: list[Scored]) -> None:
    scored[3] = changed(scored[3], "card_sum_7d", 1e9)
    scored[9] = changed(changed(scored[9], "card_sum_7d", 1e9), "speed_kmh", 1e9)
    assert compared(lake, scored) == replace(CLEAN, mismatched=2, features=("card_sum_7d", "speed_kmh"))


def test_profile_features_count_where_the_profile_is_of_the_same_day(
    lake: Lake, scored: list[Scored]
) -> None:
    # given three with another merchant feature, two of them scored with an older profile
    scored[3] = changed(scored[3], "merchant_count_7d", 1e9)
    for place in (4, 5):
        stale = changed(scored[place], "merchant_count_7d", 1e9)
        scored[place] = msgspec.structs.replace(stale, profile_date="2024-02-01")
    # then only the one of the same day is a mismatch
    expected = replace(CLEAN, mismatched=1, stale_profiles=2, features=("merchant_count_7d",))
    assert compared(lake, scored) == expected


def test_a_row_without_a_prediction_is_missing(lake: Lake, scored: list[Scored]) -> None:
    # given a transaction in the midst that was not scored, and the first and the last, which may be underway
    del scored[60], scored[0], scored[-1]
    assert compared(lake, scored) == replace(CLEAN, compared=CLEAN.compared - 3, missing=1)


def test_a_prediction_without_a_row_is_extra_once_the_lake_must_have_it(
    lake: Lake, scored: list[Scored]
) -> None:
    # given two predictions that no row belongs to, one of them younger than the lake's newest by far
    scored[60] = msgspec.structs.replace(scored[60], transaction_id="nobody's")
    scored.append(msgspec.structs.replace(scored[-1], transaction_id="coming"))
    # then the young one may still come; the row that lost its prediction is missing
    expected = replace(CLEAN, compared=CLEAN.compared - 1, pending=1, extra=1, missing=1)
    assert compared(lake, scored) == expected


def test_predictions_without_features_are_left_out(lake: Lake, scored: list[Scored]) -> None:
    plain = [msgspec.structs.replace(one, features=None) for one in scored]
    assert compared(lake, plain) == replace(CLEAN, compared=0)


def test_an_empty_lake_has_nothing_to_compare() -> None:
    empty = OfflineRows(
        pa.array([], pa.string()), np.empty(0, dtype=np.int64), pa.array([], pa.string()),
        np.empty((0, len(FEATURE_NAMES)), dtype=np.float32), pa.array([], pa.string()),
        pa.array([], pa.string()), np.empty(0, dtype=np.int64),
    )  # fmt: skip
    found = compare(as_columns([]), empty, LATENESS_MS)
    assert found == replace(CLEAN, compared=0)
