"""Predictions on training rows, as serving would have made them."""

import math

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS, FEATURE_VERSION
from fraud.features.daily import date_of
from fraud.monitoring.predictions import MonitoredPrediction
from fraud.training.dataset import feature_matrix
from tests.definitions import V1


def with_profile_dates(rows: pa.Table) -> pa.Table:
    """The rows as preprocess leaves them: with the day of the profile that was joined."""
    days = [str(date_of(int(day))) for day in rows["timestamp"].to_numpy() // DAY_MS]
    return rows.append_column("profile_date", pa.array(days))


def predictions_on(
    rows: pa.Table,
    scores: npt.NDArray[np.float64],
    *,
    threshold: float = 0.5,
    version: str = "1",
    definitions: Definitions = V1,
) -> list[MonitoredPrediction]:
    """One prediction with features on every row."""
    decisions = np.where(scores >= threshold, "review", "approve").tolist()
    names = ("transaction_id", "card_id", "timestamp", "profile_date")
    columns = (rows[name].to_pylist() for name in names)
    vectors = feature_matrix(rows, definitions.feature_names).tolist()
    return [
        MonitoredPrediction(
            name, card, time_ms, score, decision, version, FEATURE_VERSION, day,
            [None if math.isnan(value) else value for value in vector],
            definitions=None if definitions is V1 else definitions.digest,
            threshold=threshold,
        )
        for name, card, time_ms, day, score, decision, vector in zip(
            *columns, scores.tolist(), decisions, vectors, strict=True
        )
    ]  # fmt: skip
