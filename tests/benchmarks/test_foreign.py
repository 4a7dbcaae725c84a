"""A user's data through the loop: nothing from after the cut is trained on, and the figures are right."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.foreign.evaluation import quality
from benchmarks.foreign.splitting import cut
from fraud.decisions.outcomes import Outcome
from fraud.schema import Prediction

UNTIL = datetime(2021, 10, 1, tzinfo=UTC)
UNTIL_MS = 1_633_046_400_000


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_the_cut_is_by_event_time_and_by_the_time_of_reporting(tmp_path: Path, unit: str) -> None:
    # given transactions on both sides of the cut, and one just before it whose label came after
    moments = pa.timestamp(unit, tz="UTC")
    early, week_later = datetime(2021, 9, 1, tzinfo=UTC), UNTIL + timedelta(days=7)
    just_before = UNTIL - timedelta(milliseconds=1)
    transactions = pa.table(
        {
            "transaction_id": ["a", "b", "c", "d"],
            "timestamp": pa.array([early, just_before, UNTIL, week_later], moments),
        }
    )
    labels = pa.table(
        {
            "transaction_id": ["a", "b", "c", "d"],
            "reported_at": pa.array([just_before, UNTIL, week_later, week_later], moments),
        }
    )
    pq.write_table(transactions, tmp_path / "transactions.parquet")
    pq.write_table(labels, tmp_path / "labels.parquet")
    # when they are cut
    files = tmp_path / "transactions.parquet", tmp_path / "labels.parquet"
    parts = cut(*files, UNTIL_MS, 7, tmp_path / "parts")
    # then each row is on one side, and only what was known by the cut is trained on
    assert [ids(part.transactions) for part in parts] == [["a", "b"], ["c"], ["d"]]
    assert [ids(part.labels) for part in parts] == [["a"], ["c"], ["d"]]


def ids(file: Path) -> list[str]:
    """The transactions that a file speaks of."""
    found: list[str] = pq.read_table(file)["transaction_id"].to_pylist()
    return found


def test_quality_is_that_of_the_decisions_served() -> None:
    # given two alerts, one of them right, and a fraud that was missed
    evaluated = [
        prediction(0, 0.9, "review"),
        prediction(1, 0.8, "review"),
        prediction(2, 0.1, "approve"),
        prediction(3, 0.0, "approve"),
    ]
    # when they are compared with the labels
    figures = quality(evaluated, np.array([1, 0, 1, 0], dtype=np.int8))
    # then precision and recall follow the decisions, the rest the order of the scores
    assert figures["precision at the served threshold"].value == 0.5
    assert figures["recall at the served threshold"].value == 0.5
    assert figures["average precision"].value == pytest.approx((1 + 2 / 3) / 2)
    assert figures["AUC"].value == 0.75
    assert figures["share of frauds"].value == 0.5


def prediction(number: int, score: float, decision: Outcome) -> Prediction:
    """An answer to a transaction of a card of its own."""
    return Prediction(
        transaction_id=f"t{number}", card_id=f"c{number}", timestamp=UNTIL_MS, amount=100, currency="EUR",
        score=score, decision=decision, threshold=0.5, model_name="m", model_version="1", feature_version=1,
        scored_at=UNTIL_MS,
    )  # fmt: skip
