"""Payments in several currencies on a real broker: what is served equals what training reads."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fraud.definitions.loading import SHIPPED
from fraud.features.table import compute_features
from fraud.ingest.partition import ingest_partition, sources
from fraud.kafka.topics import create_topics
from fraud.lake import open_lake
from fraud.money.lake_rates import store_topic_rates
from fraud.money.rates import DailyRates, date_of, day_of, rates_as_csv
from fraud.money.tables import in_base
from fraud.money.topic import publish_rates
from fraud.schema import Prediction
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.serving.conftest import SERVING
from tests.serving.dashboard.support import run_dashboard
from tests.serving.world import (
    BASE_MS,
    register,
    running,
    send,
    tiny_bundle,
    transaction,
    wait_for,
    wait_for_predictions,
)

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]

PATIENCE_S = 60.0
HALF_HOUR_MS = 1_800_000
FIRST = day_of(datetime.fromtimestamp(BASE_MS / 1_000, UTC).date())
UNIT = 10**9
RATES = {
    **{(FIRST + day, "USD"): (2 * UNIT, 5 * UNIT // 4, 4 * UNIT)[day + 1] for day in (-1, 0, 1)},
    **{(FIRST + day, "JPY"): (100 + day) * UNIT for day in (-1, 0, 1)},
}
DAILY = DailyRates("EUR", RATES)
CURRENCIES = ("EUR", "USD", "JPY", "GBP")
EMPTY_LABELS = pa.table(
    {
        "transaction_id": pa.array([], pa.string()),
        "is_fraud": pa.array([], pa.bool_()),
        "reported_at": pa.array([], pa.int64()),
    }
)
_MAX_AGES = count(7)
MakeSettings = Callable[[str], Settings]


@pytest.fixture
def settings_with(
    make_settings: SettingsFactory, broker: str, mlflow_db: str, tmp_path: Path
) -> MakeSettings:
    """Settings of definitions with rates from `rates.csv`, which is there, or from the empty topic."""

    def make(rates: str) -> Settings:
        (tmp_path / "rates.csv").write_bytes(rates_as_csv(DAILY))
        text = SHIPPED.read_text(encoding="utf-8")
        # Equal definitions share what is cached of them in a process, and each test has rates of its own.
        money = f"money: {{base: EUR, rates: {rates}, max_age: {next(_MAX_AGES)}d}}"
        text = text.replace("version: 1\n", f"version: 1\n{money}\n", 1)
        amount = "{type: money, currency: currency}"
        text = text.replace(amount, amount[:-1] + ", refunds: {kind: [refund]}}")
        text = text.replace("fields:\n", "fields:\n  kind: {type: category, optional: true}\n", 1)
        (tmp_path / "definitions.yaml").write_text(text)
        made = make_settings(
            kafka={"bootstrap_servers": broker, "partitions": 3, "retention_days": -1},
            serving=SERVING | {"snapshot_interval_s": 0.1},
            registry={"poll_interval_s": 0.2},
            definitions=tmp_path / "definitions.yaml",
        )
        create_topics(made)
        register(made, tiny_bundle(made, threshold=1e-9))
        return made

    return make


def payments(start: int, end: int) -> list[dict[str, Any]]:
    """Half an hour apart, in turn in each currency; some are refunds by their kind, some below 0."""
    made = []
    for number in range(start, end):
        one = transaction(number, timestamp=BASE_MS + number * HALF_HOUR_MS)
        one["currency"] = CURRENCIES[number % len(CURRENCIES)]
        if one["currency"] == "JPY":
            one["amount"] = str(100 * number + 50)
        if number % 11 == 5:
            one["kind"] = "refund"
        if number % 13 == 6:
            one["amount"] = f"-{one['amount']}"
        made.append(one)
    return made


def ingested(settings: Settings) -> pa.Table:
    """All payments of the lake, as an ingest leaves them."""
    lake = open_lake(settings)
    store_topic_rates(settings, lake)
    source = sources(settings)[0]
    commits = [one for number in range(3) for one in ingest_partition(settings, lake, source, number)]
    return pa.concat_tables([lake.read_table(file.path) for commit in commits for file in commit.files])


def partitions_with_snapshots(settings: Settings) -> int:
    """How many partitions have a snapshot of payments: one at offset 0 has none."""
    return len({one.parent for one in settings.home.rglob("*.snapshot") if int(one.stem) > 0})


def require_equal(settings: Settings, table: pa.Table, served: list[Prediction]) -> None:
    """Amounts, dates of rates and features of predictions are those of the rows of these payments."""
    definitions, by_id = settings.loaded_definitions, {one.transaction_id: one for one in served}
    rates = definitions.rates
    assert rates is not None
    rows = compute_features(definitions, table, EMPTY_LABELS, lambda *_: None)
    converted = in_base(definitions, table).to_pylist()
    kernel, compared = len(definitions.kernel_features), 0
    for number, features in zip(rows.indices.tolist(), rows.rows, strict=True):
        row = converted[number]
        if row["transaction_id"] not in by_id:
            continue
        one, compared = by_id[row["transaction_id"]], compared + 1
        day = rates.rate_day(row["paid_currency"], row["timestamp"])
        assert (one.amount, one.currency) == (row["paid_amount"], row["paid_currency"])
        assert one.amount_base == row["amount"]
        assert one.rate_date == (None if day is None else str(date_of(day)))
        found = np.array(one.features, dtype=np.float32)
        np.testing.assert_array_equal(found[:kernel], features[:kernel])
    assert compared == len(served)


@pytest.mark.parametrize("rates", ["rates.csv", "topic"])
def test_predictions_equal_the_offline_rows(settings_with: MakeSettings, rates: str) -> None:
    # given payments of which a fourth has no rate, and rates of their days
    settings = settings_with(rates)
    if rates == "topic":
        publish_rates(settings, DAILY)
    sent = payments(0, 100)
    send(settings, sent)
    # when they are scored and ingested
    with running(settings) as engine:
        served = wait_for_predictions(settings, len(sent), PATIENCE_S)
    # then
    require_equal(settings, ingested(settings), served)
    bases = {one.currency: one.amount_base for one in served}
    assert bases["GBP"] is None
    assert sum(one.amount_base is None for one in served) == 25
    assert b"fraud_unknown_amounts_total 25.0" in engine.metrics.exposition()
    assert {one.rate_date for one in served} == {None, *(str(date_of(FIRST + day)) for day in (-1, 0, 1))}
    # and refunds are answered, and do not count
    counts = settings.loaded_definitions.feature_names.index("card_count_30d")
    assert max((one.features or [])[counts] or 0 for one in served) < 10
    # and the page shows what is at risk in the base
    expected = sum((one.amount_base or 0) / 100 * one.score for one in served)
    with run_dashboard(settings) as dashboard:
        figures = dashboard.context.updates.figures
        wait_for(lambda: figures()["review"]["open"] >= len(served))
        (shown,) = figures()["review"]["at_risk"]
        assert (shown["currency"], shown["amount"]) == ("EUR", pytest.approx(expected, abs=0.01))
        alert = dashboard.browser("anna").alerts(text=sent[61]["transaction_id"])[0]
        assert alert["currency"] == "USD"


def test_rates_of_a_new_day_are_used_as_they_come(settings_with: MakeSettings) -> None:
    # given a worker that has the rates of two days
    settings = settings_with("topic")
    first_days = {place: rate for place, rate in RATES.items() if place[0] <= FIRST}
    publish_rates(settings, DailyRates("EUR", first_days))
    send(settings, payments(0, 40))
    with running(settings):
        wait_for_predictions(settings, 40, PATIENCE_S)
        # when those of the next day come, and then its payments
        publish_rates(settings, DAILY)
        rates = settings.loaded_definitions.money
        assert rates is not None
        wait_for(lambda: rates.rates.daily == DAILY)
        send(settings, payments(40, 100))
        served = wait_for_predictions(settings, 100, PATIENCE_S)
    # then all have the rates that training has
    require_equal(settings, ingested(settings), served)


def test_after_a_correction_the_state_is_that_of_training(
    settings_with: MakeSettings, caplog: pytest.LogCaptureFixture
) -> None:
    # given a group whose snapshots have amounts of a wrong rate
    settings = settings_with("topic")
    wrong = (FIRST - 1, "USD")
    publish_rates(settings, DailyRates("EUR", RATES | {wrong: 100 * UNIT}))
    send(settings, payments(0, 50))
    with running(settings):
        wait_for_predictions(settings, 50, PATIENCE_S)
        wait_for(lambda: partitions_with_snapshots(settings) == 3)
    # when it is corrected, and a worker takes over
    publish_rates(settings, DAILY)
    send(settings, payments(50, 100))
    with running(settings):
        served = wait_for_predictions(settings, 100, PATIENCE_S)
    # then their snapshots of payments are not used, and what is scored from now on is what training has
    refused = [one for one in caplog.messages if "is not used: rates of the days" in one]
    assert len({one.partition("/0000")[0] for one in refused}) == 3
    later = [one for one in served if int(one.transaction_id[1:]) >= 50]
    require_equal(settings, ingested(settings), later)
    # and the predictions from before say which amount and rate they had
    first = {one.transaction_id: one for one in served}["t1"]
    assert (first.amount_base, first.rate_date) == (round(first.amount / 100), str(date_of(FIRST - 1)))
    assert timedelta(milliseconds=first.timestamp - BASE_MS) == timedelta(minutes=30)
