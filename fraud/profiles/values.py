"""From profiles to features: one set of formulas for serving, training and backtests."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS, Feature, Operation
from fraud.definitions.fields import UNKNOWN
from fraud.profiles.history import NEVER
from fraud.profiles.layout import columns_of, profile_columns
from fraud.profiles.payments import ABSENT

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

NO_MOMENT = -1
"""Of a payment that was scored before there were profiles."""

_TWO_32 = np.float64(1 << 32)
_LEAST_VARIANCE = 1e-12
"""Times the mean square: rounding leaves less where the true variance is zero."""


class ProfileValues:
    """Computes the features that profiles yield."""

    def __init__(self, definitions: Definitions) -> None:
        self.fields = definitions.profile_fields
        self.columns = {field: profile_columns(definitions, field) for field in self.fields}
        self._features = definitions.profile_features
        self._places = [
            [self.columns[one.of[0]].index(column) for column in columns_of(one)] for one in self._features
        ]

    def compute(
        self, profiles: Mapping[str, Ints], keys: Mapping[str, Ints], moments: Ints, amounts: Ints
    ) -> npt.NDArray[np.float32]:
        """The features of n payments.

        Args:
            profiles: by field, int64 (n, C), with a column for each of `columns`.
            keys: by field, the payments' values of it, (n,); an `ABSENT` one leaves its features unknown.
            moments: of the profiles, in periods since 1970 or `NO_MOMENT`, (n,).
            amounts: minor units or `UNKNOWN`, (n,).

        Returns:
            Shape (n, len(definitions.profile_features)).
        """
        rows = np.empty((len(moments), len(self._features)), dtype=np.float32)
        for number, (feature, places) in enumerate(zip(self._features, self._places, strict=True)):
            field = feature.of[0]
            figures = profiles[field][:, places].T
            values = _COMPUTED[feature.operation](feature, figures, moments, amounts)
            is_known = (keys[field] != ABSENT) & (moments != NO_MOMENT)
            rows[:, number] = np.where(is_known, values, np.nan)
        return rows


def _first_figure(_: Feature, figures: Ints, moments: Ints, amounts: Ints) -> Floats:
    return np.asarray(figures[0], dtype=np.float64)


def _rate(_: Feature, figures: Ints, moments: Ints, amounts: Ints) -> Floats:
    return _divide(figures[0].astype(np.float64), figures[1].astype(np.float64))


def _mean(_: Feature, figures: Ints, moments: Ints, amounts: Ints) -> Floats:
    return _divide(figures[1].astype(np.float64), figures[0].astype(np.float64))


def _std(feature: Feature, figures: Ints, moments: Ints, amounts: Ints) -> Floats:
    mean = _mean(feature, figures, moments, amounts)
    squares = _divide(figures[2] * _TWO_32 + figures[3], figures[0].astype(np.float64))
    variance = squares - mean * mean
    spread = np.where(variance > squares * _LEAST_VARIANCE, variance, np.where(squares >= 0, 0, np.nan))
    return np.asarray(np.sqrt(spread), dtype=np.float64)


def _ratio(feature: Feature, figures: Ints, moments: Ints, amounts: Ints) -> Floats:
    mean = _mean(feature, figures, moments, amounts)
    return _divide(_known(amounts), np.where(mean > 0, mean, 0))


def _zscore(feature: Feature, figures: Ints, moments: Ints, amounts: Ints) -> Floats:
    std, mean = (one(feature, figures, moments, amounts) for one in (_std, _mean))
    return _divide(_known(amounts) - mean, std)


def _age(feature: Feature, figures: Ints, moments: Ints, amounts: Ints) -> Floats:
    """In days; of a key without a payment in the window, which is new, 0."""
    days = (moments - figures[0]) * (feature.every_ms / DAY_MS)
    return np.asarray(np.where(figures[0] == NEVER, 0, days), dtype=np.float64)


def _known(amounts: Ints) -> Floats:
    return np.where(amounts == UNKNOWN, np.nan, amounts.astype(np.float64))


def _divide(one: Floats, other: Floats) -> Floats:
    """NaN where the divisor is 0."""
    quotients = np.full(len(one), np.nan)
    np.divide(one, other, out=quotients, where=other != 0)
    return quotients


_COMPUTED: Mapping[Operation, Callable[[Feature, Ints, Ints, Ints], Floats]] = {
    Operation.PROFILE_COUNT: _first_figure,
    Operation.PROFILE_FRAUDS: _first_figure,
    Operation.PROFILE_FRAUD_RATE: _rate,
    Operation.PROFILE_AMOUNT_MEAN: _mean,
    Operation.PROFILE_AMOUNT_STD: _std,
    Operation.PROFILE_AMOUNT_RATIO: _ratio,
    Operation.PROFILE_AMOUNT_ZSCORE: _zscore,
    Operation.PROFILE_AGE: _age,
}
