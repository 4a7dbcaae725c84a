"""What a decision costs: a realistic policy with long lists against the model's threshold alone, in turns."""

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from fraud.decisions.deciding import PolicyDecider
from fraud.decisions.document import default_policy, read_policy
from fraud.decisions.inputs import DecisionInputs
from fraud.decisions.list_index import ListIndex
from fraud.definitions.definitions import Definitions
from fraud.definitions.loading import load_definitions
from fraud.features.events import encode_table
from fraud.schema import FieldValue

POLICY = Path(__file__).parents[2] / "examples/policies/acquirer.yaml"
BATCHES = (8, 100, 1_000, 4_000)
ENTRIES = 100_000
LISTS = {"blocked_cards": "card", "blocked_merchants": "merchant", "watched_merchants": "merchant"}
BUDGET_NS = 10_000
"""A payment's at 100,000 a second."""

_ROUNDS = 9
_PAYMENTS_A_ROUND = 8_000


def measure_deciding() -> dict[str, float]:
    """Ns a payment by batch: `rules_8` with the policy, `model_8` with the threshold alone; medians."""
    definitions, index = load_definitions(), _index()
    deciders = {
        "rules": PolicyDecider(definitions, read_policy(definitions, POLICY), index),
        "model": PolicyDecider(definitions, default_policy(definitions), ListIndex()),
    }
    figures: dict[str, float] = {}
    for batch in BATCHES:
        inputs = [_inputs(definitions, batch, seed) for seed in range(4)]
        times: dict[str, list[float]] = {name: [] for name in deciders}
        for _ in range(_ROUNDS):
            for name, decider in deciders.items():
                times[name].append(_timed(decider, inputs))
        figures |= {f"{name}_{batch}": float(np.median(found)) for name, found in times.items()}
    return figures


def deciding_table(figures: dict[str, float]) -> list[str]:
    """Rows of Markdown."""
    rows = [
        f"| {batch:,} | {figures[f'rules_{batch}'] / 1_000:.2f} | {figures[f'model_{batch}'] / 1_000:.2f} "
        f"| {_share(figures, batch):.1f} % |"
        for batch in BATCHES
    ]
    head = "| batch | rules and lists, µs a payment | threshold alone, µs | difference, of 10 µs a payment |"
    return [head, "|---:|---:|---:|---:|", *rows]


def _share(figures: dict[str, float], batch: int) -> float:
    return 100 * (figures[f"rules_{batch}"] - figures[f"model_{batch}"]) / BUDGET_NS


def _timed(decider: PolicyDecider, inputs: list[DecisionInputs]) -> float:
    """Ns a payment."""
    calls = max(1, _PAYMENTS_A_ROUND // (len(inputs[0]) * len(inputs)))
    decider.decide(inputs[0])
    started = time.perf_counter_ns()
    for _ in range(calls):
        for one in inputs:
            decider.decide(one)
    return (time.perf_counter_ns() - started) / (calls * sum(map(len, inputs)))


def _index() -> ListIndex:
    index = ListIndex()
    for name, kind in LISTS.items():
        # Every thousandth value occurs among the payments.
        index.put_all(name, ((f"{kind}-{number * 1_000}", None) for number in range(ENTRIES)))
    return index


def _inputs(definitions: Definitions, count: int, seed: int) -> DecisionInputs:
    """Payments whose features are those of ordinary cards, so that few rules fire."""
    random = np.random.default_rng(seed)
    table = _table(random, count)
    rows = random.gamma(2.0, 1.5, size=(count, len(definitions.features))).astype(np.float32)
    rows[random.random(rows.shape) < 0.05] = np.nan
    texts: list[dict[str, FieldValue]] = table.to_pylist()

    def texts_of(number: int) -> Mapping[str, FieldValue]:
        return texts[number]

    probabilities = random.beta(0.4, 12, size=count)
    return DecisionInputs(
        encode_table(definitions, table), rows, probabilities, np.full(count, 0.6), texts_of
    )


def _table(random: np.random.Generator, count: int) -> pa.Table:
    def some(texts: list[str]) -> list[str]:
        return [texts[index] for index in random.integers(len(texts), size=count)]

    return pa.table(
        {
            "transaction_id": [f"t{random.integers(1 << 60)}" for _ in range(count)],
            "card_id": [f"card-{number}" for number in random.integers(1_000_000, size=count)],
            "merchant_id": [f"merchant-{number}" for number in random.integers(50_000, size=count)],
            "amount": np.round(random.gamma(1.2, 4_000, size=count)).astype(np.int64) + 1,
            "currency": some(["EUR", "USD", "GBP"]),
            "timestamp": 1_767_225_600_000 + np.sort(random.integers(86_400_000, size=count)),
            "merchant_category": some(["grocery", "digital", "airline", "fuel"]),
            "channel": some(["online", "pos"]),
            "country": some(["DE", "FR", "GB", "US"]),
            "latitude": random.uniform(-60, 60, size=count),
            "longitude": random.uniform(-170, 170, size=count),
        }
    )
