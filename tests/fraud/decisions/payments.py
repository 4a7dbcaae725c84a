"""Payments to decide on."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from fraud.decisions.inputs import DecisionInputs
from fraud.definitions.definitions import Definitions
from fraud.features.events import encode_table
from fraud.schema import FieldValue

START = 1_767_225_600_000
"""2026-01-01 (UTC)."""

MINUTE = 60_000


def payment_table(count: int, seed: int = 0) -> pa.Table:
    """Random payments over the fields of v1, one a minute, of few cards, merchants and countries."""
    random = np.random.default_rng(seed)

    def some(texts: list[str | None]) -> list[str | None]:
        return [texts[index] for index in random.integers(len(texts), size=count)]

    return pa.table(
        {
            "transaction_id": [f"t{seed}-{number}" for number in range(count)],
            "card_id": some([f"c{number}" for number in range(20)]),
            "merchant_id": some([f"m{number}" for number in range(8)]),
            "amount": random.integers(0, 200_000, size=count),
            "currency": some(["EUR", "USD", "JPY", "KWD"]),
            "timestamp": START + MINUTE * np.arange(count),
            "merchant_category": some(["airline", "digital", "grocery", None]),
            "channel": some(["online", "pos"]),
            "country": some(["DE", "FR", None]),
            "latitude": random.uniform(-80, 80, size=count),
            "longitude": random.uniform(-170, 170, size=count),
        }
    )


def decision_inputs(definitions: Definitions, table: pa.Table, seed: int = 0) -> DecisionInputs:
    """The payments of a table with random features and probabilities."""
    random = np.random.default_rng(seed + 1)
    count = table.num_rows
    rows = random.integers(0, 12, size=(count, len(definitions.features))).astype(np.float32)
    rows[random.random(rows.shape) < 0.1] = np.nan
    texts = table.to_pylist()

    def texts_of(number: int) -> Mapping[str, FieldValue]:
        return {name: value for name, value in texts[number].items() if value is not None}

    return DecisionInputs(
        encode_table(definitions, table),
        rows,
        np.round(random.random(count), 2),
        np.round(random.uniform(0.2, 0.8, size=count), 2),
        texts_of,
    )


def random_inputs(definitions: Definitions, count: int, seed: int = 0) -> DecisionInputs:
    """Random payments with random features."""
    return decision_inputs(definitions, payment_table(count, seed), seed)
