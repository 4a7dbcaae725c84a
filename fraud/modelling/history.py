"""The lake's training rows and labels as a dataset, as they were known at a moment."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa

from fraud.errors import DataError
from fraud.ingest.commits import committed_files
from fraud.lake import Lake
from fraud.modelling.dataset import ROW_COLUMNS, Dataset, make_dataset
from fraud.modelling.lake_contracts import LABEL_COLUMNS, require_labels
from fraud.modelling.splits import Period, milliseconds
from fraud.preprocess.days import FEATURES, feature_files, read_days


@dataclass(frozen=True)
class History:
    """Matured rows, their period, and the moment at which their labels are known."""

    data: Dataset
    period: Period
    moment: int


def load_history(lake: Lake, *, longest: timedelta, delay: timedelta) -> History:
    """The newest matured rows of the lake.

    The moment of learning is the newest event time in the lake, not the wall clock, so that a replayed
    history is learnt from as it would have been then.

    Args:
        lake: with training rows and labels.
        longest: how far to look back from the newest matured row.
        delay: younger rows than this are not matured and left out.

    Raises:
        DataError: there are no training rows, or no matured ones.
    """
    days = [day for day, manifest in read_days(lake, FEATURES).items() if manifest.rows]
    if not days:
        raise DataError(
            "the lake has no training rows yet; run flows/ingest.py and flows/preprocess.py first"
        )
    moment = _newest(lake, days[-1])
    end = moment - milliseconds(delay)
    start = max(end - milliseconds(longest), _midnight(days[0]))
    if start >= end:
        raise DataError(
            f"the lake's rows from {days[0]} to {days[-1]} are all younger than the label delay of "
            f"{delay.days} days; ingest more history or lower FRAUD_TRAINING__LABEL_DELAY"
        )
    rows = _read(lake, feature_files(lake, _day(start), _day(end)), ROW_COLUMNS)
    data = make_dataset(rows, read_labels(lake), moment)
    period = Period(start, end)
    return History(data.between(period), period, moment)


def read_labels(lake: Lake) -> pa.Table:
    """Every label of the lake: transaction_id, is_fraud and reported_at (ms).

    Raises:
        DataError: there are none, or they contradict each other.
    """
    files = committed_files(lake, "labels")
    if not files:
        raise DataError(
            "the lake has no labels yet, and without them nothing can be learnt; ingest labels first"
        )
    labels = _read(lake, [file.path for file in files], LABEL_COLUMNS)
    require_labels(labels)
    return labels


def _read(lake: Lake, paths: list[str], columns: tuple[str, ...]) -> pa.Table:
    try:
        return pa.concat_tables([lake.read_table(path, list(columns)) for path in paths])
    except (KeyError, pa.ArrowInvalid) as error:
        raise DataError(
            f"training rows in the lake have another layout ({error}); run flows/preprocess.py anew"
        ) from error


def _newest(lake: Lake, day: date) -> int:
    paths = feature_files(lake, day, day)
    return int(np.max([_read(lake, [path], ("timestamp",))["timestamp"].to_numpy().max() for path in paths]))


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1_000)


def _day(moment: int) -> date:
    return datetime.fromtimestamp(moment / 1_000, UTC).date()
