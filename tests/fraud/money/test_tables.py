"""Training rows and reports of payments in several currencies."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS
from fraud.definitions.loading import load_definitions
from fraud.evaluation.backtest.history import history_from_tables
from fraud.features.daily import PROFILE_ARROW
from fraud.features.offline import ProfileBook, compute_rows, rows_arrow
from fraud.features.table import compute_features
from fraud.money.rates import date_of
from fraud.money.tables import in_base
from fraud.preprocess.rows import _rate_inputs
from fraud.schema import transaction_arrow
from fraud.training.contracts.rows import check_rows
from fraud.training.dataset import make_dataset
from tests.definitions import V1
from tests.definitions.base import write_v1_in_euros

DAY = 20_200
PAID = [("EUR", 1_000), ("USD", 1_000), ("JPY", 1_000), ("GBP", 1_000), ("USD", -400)]


@pytest.fixture
def euros(tmp_path: Path) -> Definitions:
    """Dollars cost 2, yen 100, and pounds have no rate."""
    day = date_of(DAY - 1)
    return load_definitions(write_v1_in_euros(tmp_path, f"{day},USD,2\n{day},JPY,100\n", refunds=True))


@pytest.fixture
def transactions(euros: Definitions) -> pa.Table:
    rows = [
        {
            "transaction_id": f"t{number}", "card_id": "c1", "merchant_id": "m1", "amount": amount,
            "currency": currency, "timestamp": DAY * DAY_MS + number * 1_000, "partition": 0,
            "offset": number, "kafka_timestamp": DAY * DAY_MS,
        }
        for number, (currency, amount) in enumerate(PAID)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, transaction_arrow(euros))


LABELS = pa.table({"transaction_id": ["t1"], "is_fraud": [True], "reported_at": [DAY * DAY_MS + 10_000]})


def test_the_amount_as_paid_stays(euros: Definitions, transactions: pa.Table) -> None:
    found = in_base(euros, transactions)
    assert found["amount"].to_pylist() == [1_000, 500, 1_000, None, -200]
    assert set(found["currency"].to_pylist()) == {"EUR"}
    assert (
        list(zip(found["paid_currency"].to_pylist(), found["paid_amount"].to_pylist(), strict=True)) == PAID
    )
    assert transactions["amount"].to_pylist() == [amount for _, amount in PAID]


def test_without_a_base_a_table_stays_as_it_is(transactions: pa.Table) -> None:
    assert in_base(V1, transactions) is transactions
    assert "paid_amount" not in rows_arrow(V1).names


def test_training_rows_are_in_the_base(euros: Definitions, transactions: pa.Table) -> None:
    # when
    batches = transactions.combine_chunks().to_batches()
    (computed,) = compute_rows(euros, batches, profiles_of(DAY), np.array([DAY]))
    data = make_dataset(euros, computed.rows, LABELS, as_of=(DAY + 30) * DAY_MS)
    # then
    assert data.amounts.tolist() == [1_000, 500, 1_000, 0, -200]
    names = euros.feature_names
    assert np.isnan(data.rows[3, names.index("amount")])
    assert data.rows[:, names.index("card_sum_24h")].tolist() == [1_000, 1_500, 2_500, 2_500, 2_500]
    assert check_rows(euros, data) == []
    # and the figures of a user's tables are the same
    features = compute_features(euros, transactions, LABELS, lambda *_: None)
    history = history_from_tables(euros, transactions, LABELS, features)
    assert history.data.amounts.tolist() == data.amounts.tolist()
    assert set(history.data.identity["currency"].to_pylist()) == {"EUR"}


def profiles_of(day: int) -> ProfileBook:
    """A day on which no merchant is known."""
    return ProfileBook.of({date_of(day): PROFILE_ARROW.empty_table()})


def test_rates_of_later_days_leave_a_day_as_it_is(tmp_path: Path) -> None:
    # given
    day, before = date_of(DAY), date_of(DAY - 1)
    lines = f"{before},USD,2\n"
    inputs = []
    for number, more in enumerate(("", f"{day},USD,3\n", f"{date_of(DAY - 2)},USD,3\n")):
        folder = tmp_path / str(number)
        folder.mkdir()
        # when
        inputs.append(_rate_inputs(load_definitions(write_v1_in_euros(folder, lines + more)), day))
    # then
    assert inputs[0] == inputs[1] != inputs[2]
    assert _rate_inputs(V1, day) == []
