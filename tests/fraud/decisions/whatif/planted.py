"""Payments with a planted fraud: in the lake with labels, scored by a model that knows nothing of it."""

from typing import Any

from fraud.definitions.features import DAY_MS
from fraud.lake import open_lake
from fraud.settings import Settings
from tests.fraud.lakes import GrowingLake
from tests.fraud.lineage.test_collect import prediction, put
from tests.fraud.streams import START_MS, transaction

COUNT = 900
PLANTED = "merchant_category = 'category-1' AND amount > 400"

POLICY = f"""
version: 1
name: tried
lists:
  trusted_merchants: {{field: merchant_id, outcome: approve}}
rules:
  - {{name: planted, when: "{PLANTED}", outcome: decline, owner: jane, reason: planted}}
  - {{name: many, when: card_count_24h > 13, outcome: review, owner: jane, reason: many payments}}
  - {{name: high, when: amount > 450, outcome: challenge, mode: shadow}}
  - {{name: broken, when: amount / (amount - amount) > 1, outcome: decline, owner: jane, reason: none}}
bands: {{on: probability, review: model, decline: 0.9}}
review: {{capacity: 10}}
"""


def payments() -> list[dict[str, Any]]:
    """Nine days of payments."""
    step = 9 * DAY_MS // COUNT
    return [transaction(number, START_MS + number * step) for number in range(COUNT)]


def is_scored(number: int) -> bool:
    """All but 20 of them."""
    return number % 45 != 7


def scored_payments() -> list[dict[str, Any]]:
    """Those with a prediction."""
    return [one for number, one in enumerate(payments()) if is_scored(number)]


def is_fraud(wire: dict[str, Any]) -> bool:
    return bool(wire["merchant_category"] == "category-1" and float(wire["amount"]) > 400)


def score_of(number: int) -> float:
    """Without any relation to fraud: a tenth is above the threshold."""
    return number % 10 / 10 + 0.05


def fill(settings: Settings) -> None:
    """A lake with payments, and reports five days after them; predictions on all but 20."""
    growing = GrowingLake(settings, open_lake(settings))
    wires = payments()
    growing.add(growing.transactions, wires)
    reports = [
        {
            "transaction_id": wire["transaction_id"], "card_id": wire["card_id"], "is_fraud": True,
            "reported_at": wire["timestamp"] + 5 * DAY_MS, "source": "chargeback",
        }
        for wire in wires
        if is_fraud(wire)
    ]  # fmt: skip
    growing.add(growing.labels, reports)
    scored = [
        prediction(
            wire["transaction_id"], wire["timestamp"], card_id=wire["card_id"], score=score_of(number),
            threshold=0.9, decision="review" if score_of(number) >= 0.9 else "approve",
        )
        for number, wire in enumerate(wires)
        if is_scored(number)
    ]  # fmt: skip
    put(settings, scored)
