"""What monitoring reads from the lake: training rows of the predictions, and of the champion's training."""

from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import UNKNOWN
from fraud.ingest.commits import day_of
from fraud.labels.joining import DEFAULT_RULES
from fraud.labels.observation import payment_keys
from fraud.lake import Lake
from fraud.monitoring.consistency import OfflineRows
from fraud.monitoring.predictions import Predictions
from fraud.monitoring.recorded_profiles import recorded_profiles
from fraud.preprocess.days import REUSED_ARROW, features_dataset, read_days, rejected_path
from fraud.preprocess.published import read_published_versions
from fraud.settings import LabelSettings
from fraud.training.contracts.columns import POSITION_COLUMNS
from fraud.training.dataset import feature_matrix

_KEYS = ("transaction_id", "card_id", "timestamp")
_COMPARED = (*_KEYS, "merchant_id", "profile_date")


def offline_rows(
    definitions: Definitions, lake: Lake, predictions: Predictions, rules: LabelSettings = DEFAULT_RULES
) -> OfflineRows | None:
    """The training rows of the predictions' days, features only for the sampled ones; None without rows.

    The features of profiles of fields are those of the moment that the prediction records.
    """
    first, last = (day_of(int(end)) for end in (predictions.timestamps.min(), predictions.timestamps.max()))
    wanted = predictions.keys.take(pa.array(predictions.sampled))
    keys, sampled, reused = [], [], [REUSED_ARROW.empty_table()]
    positions = POSITION_COLUMNS if definitions.profile_features else ()
    columns = list(dict.fromkeys((*_COMPARED, *positions, "amount", *definitions.feature_names)))
    for day, manifest in read_days(lake, features_dataset(definitions)).items():
        if not first <= day <= last:
            continue
        if manifest.reused:
            reused.append(lake.read_table(rejected_path(definitions, day)))
        for path in manifest.files:
            table = lake.read_table(path, columns)
            keys.append(table.select(_KEYS))
            sampled.append(table.filter(pc.is_in(_payment_keys(table), value_set=wanted)))
    if not keys:
        return None
    all_rows, rows = pa.concat_tables(keys), pa.concat_tables(sampled)
    features, revised = _features(definitions, lake, predictions, rows, rules)
    return OfflineRows(
        ids=_payment_keys(all_rows),
        timestamps=all_rows["timestamp"].to_numpy(),
        sampled_ids=_payment_keys(rows),
        rows=features,
        profile_dates=_texts(rows["profile_date"]),
        merchants=_texts(rows["merchant_id"]),
        amounts=rows["amount"].fill_null(UNKNOWN).to_numpy(),
        published=read_published_versions(lake, predictions.profile_dates.drop_null().unique().to_pylist()),
        reused=_payment_keys(pa.concat_tables(reused)),
        revised=revised,
    )


def _features(
    definitions: Definitions, lake: Lake, predictions: Predictions, rows: pa.Table, rules: LabelSettings
) -> tuple[npt.NDArray[np.float32], int]:
    """The features of the rows, each with profiles of its prediction's moment; `RecordedProfiles.revised`."""
    features = feature_matrix(rows, definitions.feature_names)
    if not definitions.profile_features or not rows.num_rows:
        return features, 0
    ids = predictions.keys.take(pa.array(predictions.sampled))
    place = pc.index_in(_payment_keys(rows), value_set=ids).to_numpy()
    columns, moments = definitions.profile_columns, predictions.profile_moments[predictions.sampled]
    served = predictions.rows[place, columns]
    found = recorded_profiles(definitions, lake, rows, served, moments[place], rules)
    features[:, columns] = found.rows
    return features, found.revised


def reference_rows(
    definitions: Definitions, lake: Lake, start: datetime, end: datetime, days: int, max_rows: int
) -> npt.NDArray[np.float32] | None:
    """Features of the last `days` of a training window, about `max_rows` of them at equal steps, or None."""
    first, last = max(start, end - timedelta(days=days)).date(), end.date()
    made = read_days(lake, features_dataset(definitions))
    manifests = [one for day, one in made.items() if first <= day <= last and one.rows]
    if not manifests:
        return None
    step = -(-sum(one.rows for one in manifests) // max_rows)
    parts = []
    for path in (path for one in manifests for path in one.files):
        table = lake.read_table(path, list(definitions.feature_names))
        chosen = table.take(pa.array(np.arange(0, table.num_rows, step)))
        parts.append(feature_matrix(chosen, definitions.feature_names))
    return np.concatenate(parts)


def _payment_keys(table: pa.Table) -> pa.Array:
    return payment_keys(table["card_id"], table["transaction_id"]).combine_chunks()


def _texts(column: pa.ChunkedArray) -> pa.Array:
    return column.cast(pa.string()).combine_chunks()
