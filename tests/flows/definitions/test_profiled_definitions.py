"""Profiles of devices and merchants, from the message to the monitor: made, trained on, served, compared."""

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from confluent_kafka import Producer

from flows.ingest import ingest
from flows.monitor import monitor
from flows.preprocess import preprocess
from flows.profiles import profiles
from flows.train import train
from fraud.definitions.features import DAY_MS, HOUR_MS, MINUTE_MS
from fraud.kafka.clients import flush, producer_config
from fraud.kafka.topics import create_topics
from fraud.monitoring.report import inconsistencies
from fraud.registry.trust.loading import load_bundle
from fraud.schema import Label, Prediction
from fraud.settings import Settings
from tests.definitions import PROFILED, PROFILED_FILE
from tests.flows.small_training import flow_settings
from tests.serving.world import BASE_MS, predictions, running, send, wait_for

pytestmark = [pytest.mark.broker, pytest.mark.spark, pytest.mark.timeout(900)]

CARDS, DAYS, A_DAY = 30, 32, 64
PATIENCE_S = 120
START_MS = BASE_MS - BASE_MS % DAY_MS
END_MS = START_MS + DAYS * DAY_MS


def payment(number: int) -> dict[str, Any]:
    """One of A_DAY a day; frauds come from few devices, and every fifth payment has none."""
    choice = random.Random(number)
    is_fraud = choice.random() < 0.08
    device = f"farm-{choice.randrange(4)}" if is_fraud else f"device-{choice.randrange(CARDS)}"
    return {
        "transaction_id": f"{'f' if is_fraud else 't'}{number}",
        "card_id": f"card-{choice.randrange(CARDS)}",
        "merchant_id": f"merchant-{choice.randrange(10)}",
        "amount": f"{choice.randrange(100, 20_000) / 100:.2f}",
        "currency": "EUR",
        "timestamp": START_MS + number * DAY_MS // A_DAY + choice.randrange(MINUTE_MS),
    } | ({"device": {"fingerprint": device}} if choice.random() < 0.8 else {})


def payments(first_day: float, last_day: float) -> list[dict[str, Any]]:
    return [payment(number) for number in range(int(first_day * A_DAY), int(last_day * A_DAY))]


def report(settings: Settings, paid: list[dict[str, Any]]) -> None:
    """The frauds among payments are reported half a day later."""
    producer = Producer(producer_config(settings))
    for one in paid:
        if one["transaction_id"].startswith("f"):
            label = Label(one["transaction_id"], one["card_id"], True, one["timestamp"] + 12 * HOUR_MS)
            producer.produce(settings.topics.labels, msgspec.json.encode(label), one["card_id"])
    flush(producer, 30)


@pytest.fixture
def home(
    settings: Settings, mlflow_db: str, prefect_server: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """Settings as the flows read them."""
    with flow_settings(settings, monkeypatch, FRAUD_DEFINITIONS=str(Path(PROFILED_FILE))) as made:
        create_topics(made)
        yield made


def feature(one: Prediction, name: str) -> float:
    assert one.features is not None
    value = one.features[PROFILED.feature_names.index(name)]
    return np.nan if value is None else value


def counted(history: list[dict[str, Any]], one: dict[str, Any], moment: int) -> list[float]:
    """What the profiles of a moment say of a payment's device and merchant, by counting."""
    device, merchant = one.get("device"), one["merchant_id"]
    of_device = [
        other for other in history
        if other.get("device") == device and moment - DAY_MS <= other["timestamp"] < moment
    ]  # fmt: skip
    frauds = [
        other for other in history
        if other["merchant_id"] == merchant and other["transaction_id"].startswith("f")
        and moment - 30 * DAY_MS <= other["timestamp"] + 12 * HOUR_MS < moment
    ]  # fmt: skip
    return [np.nan if device is None else len(of_device), len(frauds)]


def test_profiles_are_made_learnt_from_served_and_compared(home: Settings) -> None:
    # given a history with reports, its published profiles, and a model that learnt from them
    history = payments(0, DAYS)
    send(home, history)
    report(home, history)
    first = profiles()
    assert first is not None
    assert first.rows > 0
    assert preprocess()
    train(promote="always")
    assert load_bundle(home, "1").metadata.feature_names == PROFILED.feature_names

    # when payments of the next day are scored, and profiles are published in the middle of it
    morning, evening = payments(DAYS, DAYS + 0.5), payments(DAYS + 0.5, DAYS + 1)
    with running(home):
        send(home, morning)
        wait_for(lambda: len(predictions(home)) >= len(history) + len(morning), PATIENCE_S, every_s=0.5)
        report(home, morning)
        second = profiles()
        for some, others in pairwise(range(0, len(evening) + 8, 8)):
            send(home, evening[some:others])
        total = len(history) + len(morning) + len(evening)
        wait_for(lambda: len(predictions(home)) >= total, PATIENCE_S, every_s=0.5)
        send(home, [payment(number) for number in range((DAYS + 1) * A_DAY, (DAYS + 1) * A_DAY + 20)])
        wait_for(lambda: len(predictions(home)) >= total + 20, PATIENCE_S, every_s=0.5)
    served = predictions(home)
    assert len(served) == len({one.transaction_id for one in served}) == total + 20
    assert {one.definitions for one in served} == {PROFILED.digest}

    # then each prediction records one of the two moments, and both were used
    assert second is not None
    assert {one.profile_moment for one in served} == {first.moment_ms, second.moment_ms}
    # and by the first, devices and merchants have what counting gives
    sent = {one["transaction_id"]: one for one in [*history, *morning, *evening]}
    for one in served[:: len(served) // 150]:
        if one.profile_moment == first.moment_ms:
            values = [feature(one, name) for name in ("device_payments_1d", "merchant_frauds_30d")]
            np.testing.assert_array_equal(values, counted(history, sent[one.transaction_id], first.moment_ms))
    # and the features are those of the lake to the bit, and the monitor says how fresh the profiles were
    ingest()
    preprocess()
    found = monitor()
    assert found.consistency is not None
    assert inconsistencies(found) == ()
    assert found.consistency.compared == found.sampled == found.predictions > 10 * A_DAY
    assert found.freshness is not None
    assert found.freshness.without == 0
    assert found.freshness.age_seconds["p50"] > 0
