"""A range of the lake as a history to walk through."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from fraud.errors import DataError
from fraud.lake import Lake
from fraud.modelling.backtest_hindsight import Hindsight, make_hindsight
from fraud.modelling.dataset import ROW_COLUMNS, make_dataset
from fraud.modelling.history import read_labels
from fraud.modelling.splits import Period
from fraud.preprocess.days import feature_files


def load_hindsight(lake: Lake, needed: Period) -> Hindsight:
    """The lake's training rows of a period, with all that was ever reported about them.

    Labels of other periods are left out; a label that was delivered twice counts once.

    Raises:
        DataError: the lake has no training rows of the period.
    """
    first, last = (
        datetime.fromtimestamp(moment / 1_000, UTC).date() for moment in (needed.start, needed.end)
    )
    paths = feature_files(lake, first, last)
    if not paths:
        raise DataError(
            f"the lake has no training rows of {needed}; run the ingest and preprocess flows, or give a file "
            "with --transactions"
        )
    rows = pa.concat_tables([lake.read_table(path, columns=list(ROW_COLUMNS)) for path in paths])
    labels = read_labels(lake)
    known = pc.is_in(labels["transaction_id"], pc.unique(rows["transaction_id"]))
    labels = labels.filter(known).group_by(["transaction_id", "reported_at"], use_threads=False)
    labels = labels.aggregate([("is_fraud", "last")]).rename_columns(
        ["transaction_id", "reported_at", "is_fraud"]
    )
    nothing = labels.slice(0, 0)
    return make_hindsight(make_dataset(rows, nothing, 0), labels)
