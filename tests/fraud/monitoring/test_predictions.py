"""Predictions as columns."""

import numpy as np
import pyarrow as pa
from msgspec.structs import replace

from fraud.monitoring.predictions import to_columns
from tests.definitions import V1
from tests.fraud.monitoring.scored import predictions_on


def test_features_kept_because_a_payment_was_flagged_do_not_count_as_sampled() -> None:
    # given two payments of the sample, and a flagged one that carries features without being in it
    count = 3
    names = {name: pa.array(np.ones(count, dtype=np.float32)) for name in V1.feature_names}
    rows = pa.table(
        {
            "transaction_id": [f"t{number}" for number in range(count)],
            "card_id": ["c"] * count,
            "timestamp": [1_000] * count,
            "profile_date": ["2024-05-01"] * count,
            **names,
        }
    )
    first, second, flagged = predictions_on(rows, np.array([0.1, 0.9, 0.9]))

    # when
    found = to_columns(V1, [first, second, replace(flagged, in_feature_sample=False)])

    # then its features would shift the distribution of all payments, and are left out
    assert found.sampled.tolist() == [0, 1]
    assert found.rows.shape == (2, len(V1.feature_names))
    assert found.other_definitions == 0
