"""What the dashboard's follower can write in a second: payments, their predictions and labels."""

import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.results import Section
from fraud.messages.transaction import transaction_type
from fraud.schema import Label, Prediction, Reason
from fraud.settings import load_settings
from serving.dashboard.feed.recorder import Batch, Recorder
from serving.dashboard.feed.store import Store

_CARDS, _MERCHANTS = 5_000, 1_000
_FLAGGED, _LABELLED_EVERY = 0.01, 200
_WARM_UP = 3
"""Batches."""
_PACE_MS = 20


@dataclass(frozen=True)
class RecorderRate:
    """Payments a second of processor time and of the clock, with their predictions."""

    processor: float
    clock: float


def run(batches: int, size: int, turns: int) -> Section:
    """Write `batches` of `size` payments into an empty SQLite file, `turns` times."""
    rates = [measure(batches, size, seed) for seed in range(turns)]
    processor, clock = (median(getattr(one, name) for one in rates) for name in ("processor", "clock"))
    figures: dict[str, Any] = {"processor": processor, "clock": clock, "turns": turns}
    table = [
        f"{batches} batches of {size:,} payments, half of the predictions with the next batch, 1 % flagged; "
        f"median of {turns} turns.",
        "",
        "| payments/s of processor time | payments/s |",
        "|---:|---:|",
        f"| {processor:,.0f} | {clock:,.0f} |",
    ]
    return Section("recorder", "The dashboard's recorder, on a SQLite file", figures, table)


def measure(batches: int, size: int, seed: int) -> RecorderRate:
    """The rate of one run."""
    settings = load_settings()
    payment = transaction_type(settings.loaded_definitions)
    made = list(_batches(payment, batches, size, random.Random(seed)))
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "history.db")
        with store.connect() as connection:
            recorder = Recorder(connection, "benchmark", settings, store.card_ref)
            for batch in made[:_WARM_UP]:
                recorder.write(batch)
            processor, clock = time.process_time(), time.perf_counter()
            for batch in made[_WARM_UP:]:
                recorder.write(batch)
            processor, clock = time.process_time() - processor, time.perf_counter() - clock
        store.close()
    payments = size * (batches - _WARM_UP)
    return RecorderRate(payments / processor, payments / clock)


def _batches(payment: Any, count: int, size: int, draw: random.Random) -> Iterator[Batch]:
    now = time.time_ns() // 1_000_000
    start, before = now - count * size * _PACE_MS, list[Any]()
    for number in range(count):
        paid = [_payment(payment, start, number * size + place, draw) for place in range(size)]
        scored = [*before[size // 2 :], *paid[: size // 2]]
        yield Batch(
            transactions=paid,
            predictions=[_prediction(one, draw) for one in scored],
            labels=[Label(one.transaction_id, one.card_id, True, now) for one in before[::_LABELLED_EVERY]],
            next_offsets={("transactions", 0): number, ("predictions", 0): number, ("labels", 0): number},
        )
        before = paid


def _payment(payment: Any, start: int, number: int, draw: random.Random) -> Any:
    return payment(
        transaction_id=f"{draw.getrandbits(32):08x}-{number}",
        card_id=f"card-{draw.randrange(_CARDS):08d}",
        merchant_id=f"merchant-{draw.randrange(_MERCHANTS):06d}",
        amount=Decimal(draw.randrange(100, 100_000)) / 100,
        currency="EUR",
        timestamp=start + number * _PACE_MS,
        merchant_category="grocery",
        country="DE",
        channel="online",
        latitude=50.1,
        longitude=8.7,
    )


def _prediction(payment: Any, draw: random.Random) -> Prediction:
    is_flagged = draw.random() < _FLAGGED
    reasons = [Reason("card_count_10m", 5.0, 1.5, "5 payments in 10 minutes")] * 4
    return Prediction(
        transaction_id=payment.transaction_id,
        card_id=payment.card_id,
        timestamp=payment.timestamp,
        amount=int(payment.amount * 100),
        currency="EUR",
        score=0.9 if is_flagged else draw.random() / 10,
        decision="review" if is_flagged else "approve",
        threshold=0.5,
        model_name="fraud-detector",
        model_version="3",
        feature_version=1,
        scored_at=payment.timestamp + 40,
        reasons=reasons if is_flagged else None,
        features=[1.0] * 49 if is_flagged else None,
    )
