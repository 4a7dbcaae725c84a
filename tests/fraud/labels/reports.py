"""Payments and labels for tests, and a naive reference of what is known of them."""

from typing import Any

import pyarrow as pa

from fraud.labels.joining import DEFAULT_RULES
from fraud.settings import LabelSettings

Row = dict[str, Any]
DAY = 86_400_000
T0 = 1_700_006_400_000
"""2023-11-15T00:00:00Z."""


def payment(name: str, day: float = 0.0, card: str = "card-1") -> Row:
    return {"transaction_id": name, "card_id": card, "timestamp": T0 + int(day * DAY)}


def label(
    name: str,
    day: float,
    *,
    is_fraud: bool = True,
    source: str = "chargeback",
    card: str = "card-1",
    offset: int = 0,
) -> Row:
    return {
        "transaction_id": name,
        "card_id": card,
        "is_fraud": is_fraud,
        "reported_at": T0 + int(day * DAY),
        "source": source,
        "partition": 0,
        "offset": offset,
    }


def at(day: float) -> int:
    """The moment (ms) so many days after the start."""
    return T0 + int(day * DAY)


def payments_table(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(rows)


def labels_table(rows: list[Row]) -> pa.Table:
    schema = pa.schema(
        [
            ("transaction_id", pa.string()), ("card_id", pa.string()), ("is_fraud", pa.bool_()),
            ("reported_at", pa.int64()), ("source", pa.string()), ("partition", pa.int32()),
            ("offset", pa.int64()),
        ]
    )  # fmt: skip
    return pa.Table.from_pylist(rows, schema)


def naive_label(one: Row, labels: list[Row], moment: int, rules: LabelSettings = DEFAULT_RULES) -> bool:
    """The label of a payment at a moment, straight from the rules."""
    skew = rules.clock_skew.total_seconds() * 1_000
    known = [
        (
            rules.precedence[label["source"]],
            max(label["reported_at"], one["timestamp"]),
            label["offset"],
            label,
        )
        for label in labels
        if (label["transaction_id"], label["card_id"]) == (one["transaction_id"], one["card_id"])
        and label["reported_at"] >= one["timestamp"] - skew
        and max(label["reported_at"], one["timestamp"]) <= moment
    ]
    return bool(max(known, key=lambda each: each[:3])[3]["is_fraud"]) if known else False


def naive_first(one: Row, labels: list[Row], moment: int, rules: LabelSettings = DEFAULT_RULES) -> int:
    """When the label first became fraud, of a payment that is fraud at a moment; 0 for another."""
    if not naive_label(one, labels, moment, rules):
        return 0
    times = sorted({max(label["reported_at"], one["timestamp"]) for label in labels})
    return next(int(time) for time in times if naive_label(one, labels, time, rules))
