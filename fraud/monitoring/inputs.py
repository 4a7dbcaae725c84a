"""What watching reads from the lake: the offline rows of the predictions, and the champion's reference."""

from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.features.spec import FEATURE_NAMES
from fraud.ingest.commits import committed_files, day_of
from fraud.lake import Lake
from fraud.modelling.dataset import feature_matrix
from fraud.modelling.lake_contracts import LABEL_COLUMNS
from fraud.monitoring.consistency import OfflineRows
from fraud.monitoring.predictions import Predictions
from fraud.preprocess.days import FEATURES, read_days

_STUB = ("transaction_id", "timestamp")
_COMPARED = tuple(dict.fromkeys((*_STUB, "profile_date", *FEATURE_NAMES)))

_NO_LABELS = pa.schema(
    [("transaction_id", pa.string()), ("is_fraud", pa.bool_()), ("reported_at", pa.int64())]
)


def labels_since(lake: Lake, moment: int) -> pa.Table:
    """Labels (`LABEL_COLUMNS`) reported since the day of a moment in ms; none is no error."""
    files = committed_files(lake, "labels", first_day=day_of(moment))
    read = [lake.read_table(file.path, list(LABEL_COLUMNS)).select(LABEL_COLUMNS) for file in files]
    return pa.concat_tables([_NO_LABELS.empty_table(), *(table.cast(_NO_LABELS) for table in read)])


def offline_rows(lake: Lake, predictions: Predictions) -> OfflineRows | None:
    """The training rows of the predictions' days, features for the sampled ones only; None without rows."""
    first, last = (day_of(int(end)) for end in (predictions.timestamps.min(), predictions.timestamps.max()))
    wanted = predictions.ids.take(pa.array(predictions.sampled))
    stubs, sampled = [], []
    for day, manifest in read_days(lake, FEATURES).items():
        for path in manifest.files if first <= day <= last else ():
            table = lake.read_table(path, list(_COMPARED))
            stubs.append(table.select(_STUB))
            sampled.append(table.filter(pc.is_in(table["transaction_id"], value_set=wanted)))
    if not stubs:
        return None
    every, rows = pa.concat_tables(stubs), pa.concat_tables(sampled)
    return OfflineRows(
        ids=_texts(every["transaction_id"]),
        timestamps=every["timestamp"].to_numpy(),
        sampled_ids=_texts(rows["transaction_id"]),
        rows=feature_matrix(rows),
        profile_dates=_texts(rows["profile_date"]),
    )


def reference_rows(
    lake: Lake, start: datetime, end: datetime, days: int, most: int
) -> npt.NDArray[np.float32] | None:
    """Features of the last `days` of a training window, about `most` rows evenly drawn, or None."""
    first, last = max(start, end - timedelta(days=days)).date(), end.date()
    manifests = [one for day, one in read_days(lake, FEATURES).items() if first <= day <= last and one.rows]
    if not manifests:
        return None
    step = -(-sum(one.rows for one in manifests) // most)
    parts = []
    for path in (path for one in manifests for path in one.files):
        table = lake.read_table(path, list(FEATURE_NAMES))
        parts.append(feature_matrix(table.take(pa.array(np.arange(0, table.num_rows, step)))))
    return np.concatenate(parts)


def _texts(column: pa.ChunkedArray) -> pa.Array:
    return column.cast(pa.string()).combine_chunks()
