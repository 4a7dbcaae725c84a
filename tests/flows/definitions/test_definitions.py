"""Three fields and six features more by one YAML file and nothing else: from the message to the case page."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer

from flows.retrain import retrain
from fraud.definitions.features import DAY_MS, HOUR_MS, MINUTE_MS
from fraud.kafka.clients import flush, producer_config
from fraud.registry.trust.loading import load_bundle
from fraud.schema import Label, Prediction
from fraud.settings import Settings
from tests.definitions import EXTENDED, EXTENDED_FILE, EXTENDED_ONLY
from tests.flows.small_training import flow_settings
from tests.serving.dashboard.support import run_dashboard
from tests.serving.offline import mismatches
from tests.serving.world import BASE_MS, predictions, running, send, wait_for

pytestmark = [pytest.mark.broker, pytest.mark.spark, pytest.mark.timeout(400)]

CARDS, DAYS, A_DAY, FRAUDS_A_DAY = 40, 32, 80, 4
PATIENCE_S = 90


@dataclass(frozen=True)
class _Stream:
    """Payments as they travel, and the frauds among them, which mostly come from another device."""

    payments: list[dict[str, Any]]
    frauds: list[dict[str, Any]]


def _payment(number: int, timestamp: int, *, is_fraud: bool) -> dict[str, Any]:
    choice = random.Random(f"{number} {is_fraud}")
    card = choice.randrange(CARDS)
    # An honest customer has a new device now and then, and a thief sometimes the customer's own.
    has_new_device, is_keyed = (
        choice.random() < share for share in ((0.85, 0.8) if is_fraud else (0.03, 0.1))
    )
    device = f"device-{number}" if has_new_device else f"device-of-card-{card}"
    return {
        "transaction_id": f"{'f' if is_fraud else 't'}{number}",
        "card_id": f"card-{card}",
        "merchant_id": f"merchant-{choice.randrange(12)}",
        "amount": f"{choice.randrange(100, 20_000) / 100:.2f}",
        "currency": "EUR",
        "timestamp": timestamp,
        "merchant_category": choice.choice(["grocery", "travel"]),
        "device": {"fingerprint": device, "os": "x"},
        "ip_country": choice.choice(["DE", "US"]),
        "entry_mode": "keyed" if is_keyed else "chip",
    }


def _stream(start_ms: int, days: int) -> _Stream:
    first = start_ms // DAY_MS * 1_000
    payments = [
        _payment(first + number, start_ms + number * DAY_MS // A_DAY, is_fraud=False)
        for number in range(days * A_DAY)
    ]
    frauds = [
        _payment(first + number, start_ms + number * DAY_MS // FRAUDS_A_DAY + MINUTE_MS, is_fraud=True)
        for number in range(days * FRAUDS_A_DAY)
    ]
    return _Stream(sorted(payments + frauds, key=lambda one: one["timestamp"]), frauds)


def _report(settings: Settings, frauds: list[dict[str, Any]]) -> None:
    producer = Producer(producer_config(settings))
    for one in frauds:
        label = Label(one["transaction_id"], one["card_id"], True, one["timestamp"] + HOUR_MS)
        producer.produce(settings.topics.labels, msgspec.json.encode(label), one["card_id"])
    flush(producer, 30)


@pytest.fixture
def home(
    settings: Settings, mlflow_db: str, prefect_server: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """Settings as the flows read them: all that is said of the payments is FRAUD_DEFINITIONS."""
    with flow_settings(settings, monkeypatch, FRAUD_DEFINITIONS=str(EXTENDED_FILE)) as made:
        yield made


def _flagged(settings: Settings, frauds: list[dict[str, Any]]) -> dict[str, Prediction]:
    """The predictions on frauds that are reviewed, by transaction_id."""
    ids = {one["transaction_id"] for one in frauds}
    found = [one for one in predictions(settings) if one.transaction_id in ids]
    assert len(found) == len(ids)
    return {one.transaction_id: one for one in found if one.decision == "review"}


def test_fields_and_features_are_added_by_one_file(home: Settings) -> None:
    # given a history whose frauds differ in their devices only, ingested and trained on
    history = _stream(BASE_MS, DAYS)
    send(home, history.payments)
    _report(home, history.frauds)
    assert retrain().decision.promote
    assert load_bundle(home, "1").metadata.feature_names == EXTENDED.feature_names

    # when new payments are scored
    new = _stream(BASE_MS + DAYS * DAY_MS, 1)
    send(home, new.payments)
    total = len(history.payments) + len(new.payments)
    with running(home):
        wait_for(lambda: len(predictions(home)) >= total, PATIENCE_S, every_s=0.5)

    # then the features are those of the offline recomputation, in the order of the definitions
    served = predictions(home)
    assert len(served) == total
    assert {one.definitions for one in served} == {EXTENDED.digest}
    assert mismatches(home, served) == []
    # and a fraud from a new device is found, for reasons that only the added features can give
    flagged = _flagged(home, new.frauds)
    sent = next(
        one
        for one in new.frauds
        if one["transaction_id"] in flagged and "card" not in one["device"]["fingerprint"]
    )
    reasons = flagged[sent["transaction_id"]].reasons
    assert reasons
    assert {reason.feature for reason in reasons} & set(EXTENDED_ONLY)
    # and the case page shows the device, the country of the IP address and how the card was read
    with run_dashboard(home) as dashboard:
        anna = dashboard.browser("anna")
        wait_for(lambda: anna.alerts(text=sent["device"]["fingerprint"]), PATIENCE_S, every_s=0.2)
        (alert,) = anna.alerts(text=sent["device"]["fingerprint"])
        case = anna.get("case", transaction_id=alert["transaction_id"]).json()
    assert alert["transaction_id"] == sent["transaction_id"]
    shown = {one["name"]: one["text"] for one in case["fields"]}
    assert shown["device_id"] == sent["device"]["fingerprint"]
    assert (shown["ip_country"], shown["entry_mode"]) == (sent["ip_country"], sent["entry_mode"])
    assert case["alert"]["reasons"] == msgspec.to_builtins(reasons)
