"""Read the labels in the lake."""

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import groupby

import pyarrow as pa

from fraud.ingest.commits import LakeFile, committed_files, day_of
from fraud.labels.progress import MIN_CONFIRMING_REPORTS, Maturity, credible_times, feed_progress
from fraud.lake import Lake
from fraud.schema import LABEL_ARROW

LABEL_COLUMNS = (
    "transaction_id", "card_id", "is_fraud", "reported_at", "source", "partition", "offset",
)  # fmt: skip
_LABELS = pa.schema([LABEL_ARROW.field(name).with_nullable(True) for name in LABEL_COLUMNS])
_TIMES = pa.schema(
    [
        LABEL_ARROW.field(name).with_nullable(True)
        for name in ("transaction_id", "card_id", "reported_at", "kafka_timestamp")
    ]
)


def read_labels(lake: Lake, first_day: date | None = None) -> pa.Table:
    """Read the labels (`LABEL_COLUMNS`) reported since the day, or all; the result may be empty.

    Raises:
        DataError: a file is broken or lacks a column.
    """
    return read_label_files(lake, committed_files(lake, "labels", first_day=first_day))


def read_label_files(lake: Lake, files: Iterable[LakeFile]) -> pa.Table:
    """Read the labels (`LABEL_COLUMNS`) of these files.

    Raises:
        DataError: a file is broken or lacks a column.
    """
    tables = [lake.read_table(file.path, list(LABEL_COLUMNS)).select(LABEL_COLUMNS) for file in files]
    return pa.concat_tables([_LABELS.empty_table(), *(table.cast(_LABELS) for table in tables)])


def read_maturity(lake: Lake, newest_payment: int, delay: timedelta) -> Maturity:
    """Maturity by the progress of the lake's label feed; reads only the newest labels.

    Args:
        lake: with or without labels.
        newest_payment: ms.
        delay: `FRAUD_TRAINING__LABEL_DELAY`.

    Raises:
        DataError: a file is broken or lacks a column.
    """
    labels = _TIMES.empty_table()
    for day, files in groupby(reversed(committed_files(lake, "labels")), key=lambda file: file.date):
        times = credible_times(labels, newest_payment)
        if len(times) >= MIN_CONFIRMING_REPORTS and day_of(int(times[-MIN_CONFIRMING_REPORTS])) > day:
            break
        read = [lake.read_table(file.path, _TIMES.names).select(_TIMES.names) for file in files]
        labels = pa.concat_tables([labels, *(table.cast(_TIMES) for table in read)])
    return Maturity(newest_payment, feed_progress(labels, newest_payment), delay)
