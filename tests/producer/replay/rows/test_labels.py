"""Labels joined to their transactions."""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa

from producer.replay.rows.labels import LABELS_WITH_POSITION, plan_labels
from tests.producer.replay.staging.test_staging_file import staged_file


def test_labels_are_joined_and_all_sent_in_order(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "l").mkdir()
    schema = pa.schema([("transaction_id", pa.string()), ("card_id", pa.string()), ("timestamp", pa.int64())])
    transactions = staged_file(
        tmp_path / "t",
        schema,
        [{"transaction_id": ["a", "b"], "card_id": ["c1", "c2"], "timestamp": [10, 5]}],
    )
    labels = staged_file(tmp_path / "l", LABELS_WITH_POSITION, [{
        "transaction_id": ["a", "a", "b", "x", "b"],
        "card_id": [None, "c1", None, None, "c1"],
        "is_fraud": [True, False, True, True, True],
        "reported_at": [900, 1_000, None, None, 7],
        "source": [None, "analyst", None, None, None],
        "position": [2, 3, 4, 5, 6],
    }])  # fmt: skip

    plan = plan_labels(labels, transactions, timedelta(seconds=1))

    # the earlier report on a goes first: it was known before it was revised
    assert plan.part(range(3)).to_pylist() == [
        {
            "transaction_id": "a",
            "card_id": "c1",
            "is_fraud": True,
            "reported_at": 900,
            "source": "chargeback",
        },
        {
            "transaction_id": "a",
            "card_id": "c1",
            "is_fraud": False,
            "reported_at": 1_000,
            "source": "analyst",
        },
        {
            "transaction_id": "b",
            "card_id": "c2",
            "is_fraud": True,
            "reported_at": 1_005,
            "source": "chargeback",
        },
    ]
    assert [(reason.split()[0], position) for reason, position, _ in plan.unused_rows()] == [
        ("no", 5),
        ("card_id", 6),
    ]
