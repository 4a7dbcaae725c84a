"""What is sent: rows in order, all their times moved together."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from producer.replay.publishing.publish import ReplayEvents
from producer.replay.rows.labels import no_labels
from producer.replay.staging.staging_file import StagingWriter
from producer.transaction_schema import transaction_schema
from tests.producer.definitions import EVERY_TYPE


def test_a_shift_moves_every_time_of_a_payment(tmp_path: Path) -> None:
    # given a payment with an account of the day before, and one without an account
    row = {"transaction_id": "t", "card_id": "c", "merchant_id": "m", "amount": 1, "currency": "EUR",
           "timestamp": 90_000_000, "entry_mode": "chip"}  # fmt: skip
    schema = transaction_schema(EVERY_TYPE)
    writer = StagingWriter(tmp_path / "rows.arrow", schema)
    table = pa.Table.from_pylist([row | {"opened_at": 3_600_000}, row], schema=schema)
    writer.append(table.to_batches()[0])
    times = np.array([90_000_000] * 2)
    events = ReplayEvents(EVERY_TYPE, writer.close(), None, times, no_labels(), shift=1_000)
    # when they are taken
    shifted = events.transactions_in(range(2))
    # then the account is as old as it was
    assert shifted["timestamp"].to_pylist() == [90_001_000] * 2
    assert shifted["opened_at"].to_pylist() == [3_601_000, None]
    assert shifted.drop_columns(["timestamp", "opened_at"]) == table.drop_columns(["timestamp", "opened_at"])
