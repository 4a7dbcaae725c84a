import numpy as np
import pyarrow as pa
import pytest

from fraud.definitions.features import DAY_MS
from fraud.errors import DataError
from fraud.evaluation.backtest.history import make_backtest_history
from fraud.training.dataset import make_dataset
from tests.definitions import V1
from tests.fraud.evaluation.backtest.histories import NOTHING, a_history, at, plan
from tests.fraud.training.synthetic import labels_of, tables


def test_only_labels_reported_before_the_test_count_in_training() -> None:
    # given a fraud reported in time, one at the very moment of training, and one that is revised after it
    data = make_dataset(V1, tables(days=60, per_day=10)[0], NOTHING, 0)
    fold = plan().steps()[0]
    inside = np.flatnonzero((data.timestamps >= fold.train.start) & (data.timestamps < at(10)))[:3]
    ids = data.identity["transaction_id"].take(pa.array(inside)).to_pylist()
    moment = fold.test.start
    labels = pa.concat_tables(
        [
            labels_of(ids, [moment - 1, moment, moment - 5]),
            labels_of([ids[2]], [moment + 1], is_fraud=False),
        ]
    )
    # when the training rows are taken
    history = make_backtest_history(data, labels)
    train = history.training_rows(fold)
    # then what was known is known, and the final label is the last one
    known = dict(zip(train.identity["transaction_id"].to_pylist(), train.labels.tolist(), strict=True))
    assert [known[one] for one in ids] == [1, 0, 1]
    assert history.data.labels[inside].tolist() == [1, 1, 0]


def test_rows_whose_reports_were_mostly_on_their_way_are_left_out() -> None:
    # given labels that take ten days, though training ends five days before the test
    history = a_history(days=60, delay_days=10)
    fold = plan().steps()[0]
    # when the training rows are taken, then the youngest five days are not among them
    train = history.training_rows(fold)
    assert train.timestamps[-1] <= fold.test.start - 10 * DAY_MS
    assert train.timestamps[-1] > fold.test.start - 11 * DAY_MS


def test_labels_of_unknown_transactions_are_an_error() -> None:
    with pytest.raises(DataError, match=r"1 labels name transactions .*\(first: nobody\)"):
        a_history(labels_of(["t1", "nobody"], [1, 2]))


def test_repeated_labels_count_once() -> None:
    # given labels, and the same with some of them twice
    once = a_history()
    labels = once.feed
    twice = a_history(pa.concat_tables([labels, labels.slice(0, 5)]))
    # then the history is the same
    assert twice.data.labels.tolist() == once.data.labels.tolist()
    assert twice.as_known_before(at(20)).labels.tolist() == once.as_known_before(at(20)).labels.tolist()
