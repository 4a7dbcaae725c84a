"""A backtest's history from a range of the lake."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.definitions import Definitions
from fraud.errors import DataError
from fraud.evaluation.backtest.history import BacktestHistory, make_backtest_history
from fraud.labels.decisions import read_decisions
from fraud.labels.joining import DEFAULT_RULES
from fraud.labels.lake import read_labels
from fraud.lake import Lake
from fraud.preprocess.days import feature_files, features_dataset, read_days
from fraud.settings import LabelSettings
from fraud.training.dataset import make_dataset, row_columns
from fraud.training.splits import TimeRange


def lake_days(definitions: Definitions, lake: Lake) -> tuple[date, date]:
    """The first and the last day (UTC) that has training rows.

    Raises:
        DataError: none has.
    """
    days = [day for day, manifest in read_days(lake, features_dataset(definitions)).items() if manifest.rows]
    if not days:
        raise DataError(
            "the lake has no training rows; run the ingest and preprocess flows, or give a file with "
            "--transactions"
        )
    return min(days), max(days)


def history_from_lake(
    definitions: Definitions, lake: Lake, needed: TimeRange, rules: LabelSettings = DEFAULT_RULES
) -> BacktestHistory:
    """The lake's training rows of a period, with all that was ever reported about them.

    Labels of other periods are left out.

    Raises:
        DataError: the lake has no training rows of the period, or no labels.
    """
    first, last = (
        datetime.fromtimestamp(moment / 1_000, UTC).date() for moment in (needed.start, needed.end)
    )
    paths = feature_files(definitions, lake, first, last)
    if not paths:
        raise DataError(
            f"the lake has no training rows of {needed}; run the ingest and preprocess flows, or give a file "
            "with --transactions"
        )
    columns = list(row_columns(definitions))
    rows = pa.concat_tables([lake.read_table(path, columns) for path in paths])
    labels = read_labels(lake, first - timedelta(days=1))
    if not labels.num_rows:
        raise DataError(
            "the lake has no labels of these days, and without them nothing can be evaluated; ingest labels"
        )
    known = labels.filter(pc.is_in(labels["transaction_id"], pc.unique(rows["transaction_id"])))
    data = make_dataset(definitions, rows, labels.slice(0, 0), 0)
    decisions = read_decisions(lake, first, last)
    return make_backtest_history(data, known, rules, feed=labels, decisions=decisions)
