"""The features of one prediction: those that were scored, or those of its training row."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.features.spec import FEATURE_NAMES, FEATURE_VERSION
from fraud.ingest.commits import day_of
from fraud.lake import Lake
from fraud.preprocess.days import FEATURES, read_days
from fraud.schema import Prediction
from fraud.training.dataset import feature_matrix

Source = Literal["prediction", "lake"]


@dataclass(frozen=True)
class FeatureVector:
    """Features in the order of `FEATURE_NAMES`, NaN = unknown, float32 (F,).

    Attributes:
        values: the features.
        source: `prediction` for those that were scored, `lake` for those of the training row.
        profile_date: date of the merchant profile used, None where the merchant had none.
    """

    values: npt.NDArray[np.float32]
    source: Source
    profile_date: str | None


def find_features(prediction: Prediction, lake: Lake) -> FeatureVector | None:
    """Find the features of a prediction; None if they are of another feature version or were not stored.

    Raises:
        DataError: a file of the lake is broken.
    """
    if prediction.feature_version != FEATURE_VERSION:
        return None
    if prediction.features is not None and len(prediction.features) == len(FEATURE_NAMES):
        values = np.array(prediction.features, dtype=np.float32)  # None becomes NaN
        return FeatureVector(values, "prediction", prediction.profile_date)
    return _from_lake(prediction, lake)


def _from_lake(prediction: Prediction, lake: Lake) -> FeatureVector | None:
    manifest = read_days(lake, FEATURES).get(day_of(prediction.timestamp))
    for path in manifest.files if manifest else ():
        table = lake.read_table(path, ["transaction_id", "card_id"])
        matches = pc.and_(
            pc.equal(table["transaction_id"].cast(pa.string()), prediction.transaction_id),
            pc.equal(table["card_id"].cast(pa.string()), prediction.card_id),
        )
        index = pc.index(matches, value=True).as_py()
        if index >= 0:
            columns = list(dict.fromkeys(("profile_date", *FEATURE_NAMES)))
            row = lake.read_table(path, columns).slice(index, 1)
            date = row["profile_date"][0].as_py()
            return FeatureVector(feature_matrix(row)[0], "lake", None if date is None else str(date))
    return None
