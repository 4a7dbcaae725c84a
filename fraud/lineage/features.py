"""The features of one prediction: those that were scored, or those of its training row."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.definitions import V1_TAG, Definitions
from fraud.definitions.features import FEATURE_VERSION
from fraud.definitions.loading import load_definitions
from fraud.ingest.commits import day_of
from fraud.lake import Lake
from fraud.preprocess.days import features_dataset, read_days
from fraud.schema import Prediction
from fraud.training.dataset import feature_matrix

Source = Literal["prediction", "lake"]


@dataclass(frozen=True)
class FeatureVector:
    """Features in the order of the definitions that computed them, NaN = unknown, float32 (F,).

    Attributes:
        definitions: those that computed them.
        values: the features.
        source: `prediction` for those that were scored, `lake` for those of the training row.
        profile_date: date of the merchant profile used, None where the merchant had none.
        profile_moment: of the profiles of ids and categories, ms, None where there were none.
    """

    definitions: Definitions
    values: npt.NDArray[np.float32]
    source: Source
    profile_date: str | None
    profile_moment: int | None = None


def definitions_of(prediction: Prediction, current: Definitions) -> Definitions | None:
    """The definitions that computed a prediction's features: the current or the shipped ones, or None."""
    if prediction.feature_version != FEATURE_VERSION:
        return None
    shipped = load_definitions()
    known = {None if one.tag == V1_TAG else one.digest: one for one in (shipped, current)}
    return known.get(prediction.definitions)


def find_features(current: Definitions, prediction: Prediction, lake: Lake) -> FeatureVector | None:
    """Find the features of a prediction; None if other definitions computed them or they were not stored.

    Raises:
        DataError: a file of the lake is broken.
    """
    definitions = definitions_of(prediction, current)
    if definitions is None:
        return None
    if prediction.features is not None and len(prediction.features) == len(definitions.features):
        values = np.array(prediction.features, dtype=np.float32)  # None becomes NaN
        moments = prediction.profile_date, prediction.profile_moment
        return FeatureVector(definitions, values, "prediction", *moments)
    return _from_lake(definitions, prediction, lake)


def _from_lake(definitions: Definitions, prediction: Prediction, lake: Lake) -> FeatureVector | None:
    manifest = read_days(lake, features_dataset(definitions)).get(day_of(prediction.timestamp))
    for path in manifest.files if manifest else ():
        table = lake.read_table(path, ["transaction_id", "card_id"])
        matches = pc.and_(
            pc.equal(table["transaction_id"].cast(pa.string()), prediction.transaction_id),
            pc.equal(table["card_id"].cast(pa.string()), prediction.card_id),
        )
        index = pc.index(matches, value=True).as_py()
        if index >= 0:
            names = definitions.feature_names
            columns = ["profile_date", *(["profile_moment"] if definitions.profile_features else [])]
            row = lake.read_table(path, list(dict.fromkeys((*columns, *names)))).slice(index, 1)
            date, *moment = (row[name][0].as_py() for name in columns)
            values = feature_matrix(row, names)[0]
            return FeatureVector(definitions, values, "lake", None if date is None else str(date), *moment)
    return None
