"""Training takes one row of each id and never stops for another."""

import numpy as np
import pyarrow as pa
import pytest

from fraud.definitions.features import DAY_MS
from fraud.training.contracts.repeated_ids import repeated_ids
from fraud.training.contracts.rows import check_rows
from fraud.training.dataset import make_dataset
from tests.definitions import V1
from tests.fraud.training.synthetic import FOR_EVER, tables


def test_an_id_is_another_payments_after_thirty_days_without_it() -> None:
    # given an id on days 0, 20, 49 and 79, another one beside it, and rows without any
    ids = pa.chunked_array([["a", "b", None, "a", None], ["a", "a"]])
    days = np.array([0, 0, 0, 20, 20, 49, 79])
    # then what comes less than thirty days after another use repeats it, as in serving
    assert repeated_ids(ids, days * DAY_MS).tolist() == [False, False, False, True, False, True, False]


@pytest.mark.parametrize("place", ["the same partition", "another partition"])
def test_training_takes_the_first_and_goes_on(place: str) -> None:
    # given rows of which one has come a second time, with another amount, in front of the others
    rows, labels = tables(days=20, per_day=50)
    again = rows.slice(300, 1)
    changed = again.set_column(again.column_names.index("offset"), "offset", pa.array([10**9]))
    if place == "another partition":
        changed = changed.set_column(
            changed.column_names.index("partition"), "partition", pa.array([7], rows["partition"].type)
        )
    both = pa.concat_tables([changed.cast(rows.schema), rows])
    # when they are joined with labels
    data = make_dataset(V1, both, labels, FOR_EVER)
    # then the first by time, partition and offset counts, and no contract is broken
    expected = make_dataset(V1, rows, labels, FOR_EVER)
    assert data.fingerprint() == expected.fingerprint()
    assert check_rows(V1, data) == []
