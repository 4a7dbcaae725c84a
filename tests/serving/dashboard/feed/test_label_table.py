"""The label that the dashboard shows is the one of training, as known now."""

import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest

from fraud.labels.joining import join_labels
from fraud.schema import Label, LabelSource
from fraud.settings import LabelSettings
from serving.dashboard.feed.label_table import LabelTable
from serving.dashboard.feed.payment_key import PaymentKey
from serving.dashboard.feed.store import Store
from tests.serving.dashboard.feed.writing import execute, rows_of, value_of

PAID = 1_700_000_000_000
DAY = 86_400_000
KEY = PaymentKey("t1", "card-a")
SOURCES: tuple[LabelSource, ...] = ("chargeback", "analyst", "customer")


class Committing(LabelTable):
    """Each call in a transaction of its own, as the recorder's batches are."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.connect(), LabelSettings())

    def close(self) -> None:
        self._connection.close()

    def write(self, *arguments: Any) -> list[PaymentKey]:
        with self._connection.begin():
            return super().write(*arguments)


@pytest.fixture
def table(store: Store) -> Iterator[LabelTable]:
    one = Committing(store)
    yield one
    one.close()


def pay(store: Store, key: PaymentKey = KEY, timestamp: int = PAID) -> PaymentKey:
    """Store a payment."""
    execute(
        store,
        "INSERT INTO payments (transaction_id, card_id, amount, currency, timestamp) "
        "VALUES (:transaction_id, :card_id, 1, 'EUR', :timestamp)",
        **key._asdict(), timestamp=timestamp,
    )  # fmt: skip
    return key


def report(
    at: int, *, is_fraud: bool = True, source: LabelSource = "chargeback", key: PaymentKey = KEY
) -> Label:
    return Label(*key, is_fraud=is_fraud, reported_at=at, source=source)


def shown(store: Store) -> dict[PaymentKey, tuple[int, str]]:
    """What is shown, by payment."""
    rows = rows_of(store, "SELECT * FROM labels WHERE decides = 1")
    return {
        PaymentKey(row["transaction_id"], row["card_id"]): (row["is_fraud"], row["source"]) for row in rows
    }


@pytest.mark.parametrize("payment_first", [True, False])
@pytest.mark.parametrize(("early_ms", "counts"), [(0, True), (5 * 60_000, True), (5 * 60_000 + 1, False)])
def test_a_report_before_its_payment_counts_within_the_skew_only(
    store: Store, table: LabelTable, payment_first: bool, early_ms: int, counts: bool
) -> None:
    # given a payment and a report of before it, in either order
    early = report(PAID - early_ms)
    if payment_first:
        table.write([early], {}, [pay(store)], PAID + DAY)
    else:
        table.write([early], {}, [], PAID + DAY)
        assert shown(store) == {}
        table.write([], {}, [pay(store)], PAID + DAY)
    # then it is a label as far as it is one in training
    assert (KEY in shown(store)) is counts
    assert value_of(store, "SELECT count(*) FROM labels") == counts


def test_a_report_before_its_payment_covers_no_later_one(store: Store, table: LabelTable) -> None:
    pay(store)
    table.write([report(PAID + DAY, source="customer"), report(PAID - DAY)], {}, [], PAID + 2 * DAY)
    assert shown(store) == {KEY: (1, "customer")}


def test_a_report_of_the_future_is_unknown_until_its_time(store: Store, table: LabelTable) -> None:
    # given an analyst's label, and a chargeback that bears a time of next year
    pay(store)
    later = PAID + 400 * DAY
    table.write([report(PAID + DAY, source="analyst", is_fraud=False)], {}, [], PAID + 2 * DAY)
    table.write([report(later)], {}, [], PAID + 2 * DAY)
    # then the analyst's stands
    assert shown(store) == {KEY: (0, "analyst")}
    # until that time has come, also when the dashboard was not there
    assert table.write([], {}, [], later - 1) == []
    assert Committing(store).write([], {}, [], later) == [KEY]
    assert shown(store) == {KEY: (1, "chargeback")}


def test_what_a_failed_transaction_decided_is_decided_again(store: Store, table: LabelTable) -> None:
    pay(store)
    table.write([report(PAID + DAY)], {}, [], PAID)
    connection = store.connect()
    failing = LabelTable(connection, LabelSettings())
    assert failing.write([], {}, [], PAID + DAY) == [KEY]
    connection.rollback()
    failing.discard()
    assert failing.write([], {}, [], PAID + DAY) == [KEY]
    connection.commit()
    assert shown(store) == {KEY: (1, "chargeback")}


def test_a_kind_of_fraud_stays_while_it_is_fraud(store: Store, table: LabelTable) -> None:
    pay(store)
    table.write([report(PAID, source="customer")], {KEY: "card_testing"}, [], PAID + DAY)
    table.write([report(PAID + 1, source="analyst")], {}, [], PAID + DAY)
    query = "SELECT fraud_type FROM labels WHERE decides = 1"
    assert value_of(store, query) == "card_testing"
    table.write([report(PAID + 2, source="analyst", is_fraud=False)], {}, [], PAID + DAY)
    assert value_of(store, query) is None


@pytest.mark.parametrize("seed", range(8))
def test_any_reports_in_any_order_make_the_label_of_training(store: Store, seed: int) -> None:
    # given payments of cards that share ids, and reports on them of all times and sources
    chance = random.Random(seed)
    keys = [PaymentKey(f"t{number % 4}", f"card-{number % 3}") for number in range(12)]
    payments = {key: PAID + chance.randrange(5) * DAY for key in keys}
    labels = [
        report(
            PAID + chance.randrange(-2, 20) * DAY,
            is_fraud=chance.random() < 0.6, source=chance.choice(SOURCES), key=chance.choice(keys),
        )
        for _ in range(80)
    ]  # fmt: skip
    # when they and the payments arrive in batches, while time passes
    table = Committing(store)
    cuts, unseen, now = sorted({0, 80, *(chance.randrange(80) for _ in range(9))}), list(keys), PAID
    for first, stop in pairwise(cuts):
        now += DAY
        arrived = [pay(store, key, payments[key]) for key in unseen[:2]]
        del unseen[:2]
        table.write(labels[first:stop], {}, arrived, now)
    table.write([], {}, [pay(store, key, payments[key]) for key in unseen], now)
    # then the frauds are those of `fraud.labels` at that time
    columns = ("transaction_id", "card_id", "is_fraud", "reported_at", "source")
    joined = join_labels(
        pa.table(
            {
                "transaction_id": [key.transaction_id for key in keys],
                "card_id": [key.card_id for key in keys],
                "timestamp": [payments[key] for key in keys],
            }
        ),
        pa.table({name: [getattr(one, name) for one in labels] for name in columns}),
        as_of=now,
    )
    found = shown(store)
    assert [found.get(key, (0, ""))[0] for key in keys] == joined.history.as_known_at(now).tolist()
