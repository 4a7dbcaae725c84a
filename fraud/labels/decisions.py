"""Read the decisions in the lake."""

from datetime import date

import pyarrow as pa

from fraud.ingest.commits import committed_files
from fraud.ingest.decision_rows import DECISION_ARROW
from fraud.lake import Lake

DECISION_COLUMNS = ("transaction_id", "card_id", "decision", "would_be", "control_share", "is_sample")
_DECISIONS = pa.schema([DECISION_ARROW.field(name) for name in DECISION_COLUMNS])


def read_decisions(lake: Lake, first_day: date | None = None, last_day: date | None = None) -> pa.Table:
    """The decisions (`DECISION_COLUMNS`) on payments of these days (both included), or of all days.

    Of several decisions on a payment the first is the one that was acted upon; it comes first. Payments that
    were approved as any other have none. The result may be empty.

    Raises:
        DataError: a file is broken or lacks a column.
    """
    files = committed_files(lake, "decisions", first_day, last_day)
    tables = [lake.read_table(file.path, list(DECISION_COLUMNS)).select(DECISION_COLUMNS) for file in files]
    return pa.concat_tables([_DECISIONS.empty_table(), *(table.cast(_DECISIONS) for table in tables)])
