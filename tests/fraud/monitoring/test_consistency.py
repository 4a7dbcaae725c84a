from dataclasses import replace
from datetime import date

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from fraud.definitions.features import DAY_MS
from fraud.features.daily import PROFILE_ARROW
from fraud.features.profiles import PROFILE_COLUMNS, ProfileFeatures, values_of
from fraud.lake import Lake, open_lake
from fraud.monitoring.consistency import Consistency, OfflineRows, compare_features
from fraud.monitoring.inputs import offline_rows
from fraud.monitoring.predictions import MonitoredPrediction, to_columns
from fraud.preprocess.published import store_published
from fraud.settings import Settings
from tests.definitions import V1
from tests.fraud.monitoring.scored import predictions_on, with_profile_dates
from tests.fraud.training.synthetic import tables, write_history

DAYS, PER_DAY, LATENESS_MS = 6, 20, DAY_MS
CLEAN = Consistency(
    compared=DAYS * PER_DAY, pending=0, stale_profiles=0, mismatched=0, missing=0, extra=0, features=()
)


@pytest.fixture
def lake(local_settings: Settings) -> Lake:
    return open_lake(local_settings)


@pytest.fixture
def scored(lake: Lake) -> list[MonitoredPrediction]:
    """A prediction on each row of the lake, in order of time."""
    rows, labels = tables(days=DAYS, per_day=PER_DAY)
    rows = with_profile_dates(rows)
    write_history(lake, rows, labels)
    return predictions_on(rows, np.zeros(rows.num_rows))


def compared(lake: Lake, scored: list[MonitoredPrediction]) -> Consistency:
    predictions = to_columns(V1, scored)
    offline = offline_rows(V1, lake, predictions)
    assert offline is not None
    return compare_features(V1, predictions, offline, LATENESS_MS)


def changed(one: MonitoredPrediction, feature: str, value: float | None = 77.0) -> MonitoredPrediction:
    assert one.features is not None
    features = list(one.features)
    features[V1.feature_names.index(feature)] = value
    return msgspec.structs.replace(one, features=features)


def test_equal_features_are_consistent(lake: Lake, scored: list[MonitoredPrediction]) -> None:
    assert compared(lake, scored) == CLEAN


def test_a_card_feature_that_differs_is_named(lake: Lake, scored: list[MonitoredPrediction]) -> None:
    scored[3] = changed(scored[3], "card_sum_7d", 1e9)
    scored[9] = changed(changed(scored[9], "card_sum_7d", 1e9), "speed_kmh", 1e9)
    assert compared(lake, scored) == replace(CLEAN, mismatched=2, features=("card_sum_7d", "speed_kmh"))


def test_profile_features_count_where_the_profile_is_of_the_same_day(
    lake: Lake, scored: list[MonitoredPrediction]
) -> None:
    # given three with another merchant feature, two of them scored with an older profile
    scored[3] = changed(scored[3], "merchant_count_7d", 1e9)
    for index in (4, 5):
        stale = changed(scored[index], "merchant_count_7d", 1e9)
        scored[index] = msgspec.structs.replace(stale, profile_date="2024-02-01")
    # then only the one of the same day is a mismatch
    expected = replace(CLEAN, mismatched=1, stale_profiles=2, features=("merchant_count_7d",))
    assert compared(lake, scored) == expected


def profiles_of_the_day(one: MonitoredPrediction, merchant: str, mean: float) -> pa.Table:
    """Profiles that know one merchant, with this count in every window and this mean."""
    values = {name: [mean if "mean" in name else 5.0] for name in PROFILE_COLUMNS}
    return pa.table({"merchant_id": [merchant], **values}, schema=PROFILE_ARROW)


def served_with(
    one: MonitoredPrediction, profiles: pa.Table, merchant: str, amount: int
) -> MonitoredPrediction:
    """The prediction with the merchant's features that these profiles give."""
    found = (
        ProfileFeatures(V1).compute(np.array([amount]), values_of(pa.array([merchant]), profiles))[0].tolist()
    )
    features = list(one.features or ())[: len(V1.kernel_features)]
    return msgspec.structs.replace(
        one, features=features + [None if np.isnan(value) else value for value in found]
    )


def test_profiles_that_were_made_again_cause_no_inconsistency(
    lake: Lake, scored: list[MonitoredPrediction]
) -> None:
    # given a payment that was scored with its day's profiles as they were published
    row = tables(days=DAYS, per_day=PER_DAY)[0].slice(60, 1).to_pylist()[0]
    merchant, amount, day = row["merchant_id"], row["amount"], str(scored[60].profile_date)
    first, second = (profiles_of_the_day(scored[60], merchant, mean) for mean in (100.0, 120.0))
    store_published(lake, date.fromisoformat(day), first)
    scored[60] = served_with(scored[60], first, merchant, amount)
    others = [one for one in scored if one.profile_date == day and one is not scored[60]]
    rest = [one for one in scored if one not in others]
    # when the lake's rows were made with others since, then it agrees with what was published
    clean = replace(CLEAN, compared=len(rest), missing=len(others))
    assert compared(lake, rest) == clean
    # and also when that day was published once more, whichever of both it had
    store_published(lake, date.fromisoformat(day), second)
    assert compared(lake, rest) == clean
    index = rest.index(scored[60])
    rest[index] = served_with(scored[60], second, merchant, amount)
    assert compared(lake, rest) == clean
    # but what no published version gives is a mismatch
    rest[index] = changed(rest[index], "merchant_count_7d", 6.0)
    assert compared(lake, rest) == replace(clean, mismatched=1, features=("merchant_count_7d",))
    # and neither is a merchant unknown that the published profiles know
    rest[index] = changed(scored[60], "merchant_count_7d", None)
    assert compared(lake, rest).features == ("merchant_count_7d",)


def test_a_profile_of_another_day_is_compared_where_it_was_published(
    lake: Lake, scored: list[MonitoredPrediction]
) -> None:
    # given a prediction with the profile of a day before, which the lake holds as it was published
    row = tables(days=DAYS, per_day=PER_DAY)[0].slice(60, 1).to_pylist()[0]
    profiles = profiles_of_the_day(scored[60], row["merchant_id"], 100.0)
    store_published(lake, date(2024, 2, 1), profiles)
    served = served_with(scored[60], profiles, row["merchant_id"], row["amount"])
    scored[60] = msgspec.structs.replace(served, profile_date="2024-02-01")
    # then it counts as compared in full
    assert compared(lake, scored) == CLEAN
    scored[60] = changed(scored[60], "merchant_count_1d", 6.0)
    assert compared(lake, scored) == replace(CLEAN, mismatched=1, features=("merchant_count_1d",))


def test_a_row_without_a_prediction_is_missing(lake: Lake, scored: list[MonitoredPrediction]) -> None:
    # given a transaction in the midst that was not scored, and the first and the last, which may be underway
    del scored[60], scored[0], scored[-1]
    assert compared(lake, scored) == replace(CLEAN, compared=CLEAN.compared - 3, missing=1)


def test_a_prediction_without_a_row_is_extra_once_the_lake_must_have_it(
    lake: Lake, scored: list[MonitoredPrediction]
) -> None:
    # given two predictions that no row belongs to, one of them younger than the lake's newest by far
    scored[60] = msgspec.structs.replace(scored[60], transaction_id="nobody's")
    scored.append(msgspec.structs.replace(scored[-1], transaction_id="coming"))
    # then the young one may still come; the row that lost its prediction is missing
    expected = replace(CLEAN, compared=CLEAN.compared - 1, pending=1, extra=1, missing=1)
    assert compared(lake, scored) == expected


def test_predictions_without_features_are_left_out(lake: Lake, scored: list[MonitoredPrediction]) -> None:
    plain = [msgspec.structs.replace(one, features=None) for one in scored]
    assert compared(lake, plain) == replace(CLEAN, compared=0)


def test_an_empty_lake_has_nothing_to_compare() -> None:
    empty = OfflineRows(
        pa.array([], pa.string()), np.empty(0, dtype=np.int64), pa.array([], pa.string()),
        np.empty((0, len(V1.feature_names)), dtype=np.float32), pa.array([], pa.string()),
        pa.array([], pa.string()), np.empty(0, dtype=np.int64),
    )  # fmt: skip
    found = compare_features(V1, to_columns(V1, []), empty, LATENESS_MS)
    assert found == replace(CLEAN, compared=0)
