"""From profiles to features: one set of formulas for serving, training and backtests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True)
class _AlikeFeatures:
    """The k features of one operation, which are computed together: a small batch costs a call for each.

    Attributes:
        operation: what they are.
        features: their places among the features, (k,).
        inputs: what they are computed of, as places among the figures of all fields, (inputs, k).
        period_days: lengths of their periods, (k, 1).
    """

    operation: Operation
    features: Ints
    inputs: Ints
    period_days: Floats


class ProfileValues:
    """Computes the features that profiles yield."""

    def __init__(self, definitions: Definitions) -> None:
        self.fields = definitions.profile_fields
        self.columns = {field: profile_columns(definitions, field) for field in self.fields}
        self._features = definitions.profile_features
        self._field_of = [self.fields.index(feature.of[0]) for feature in self._features]
        self._groups = [self._group(one) for one in dict.fromkeys(one.operation for one in self._features)]

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
        rows = np.empty((len(self._features), len(moments)), dtype=np.float32)
        if self._features:
            figures = np.concatenate([profiles[field].T for field in self.fields])
            for group in self._groups:
                values = _COMPUTED[group.operation](group, figures[group.inputs], moments, amounts)
                rows[group.features] = values
            is_known = (np.stack([keys[field] for field in self.fields]) != ABSENT) & (moments != NO_MOMENT)
            rows[~is_known[self._field_of]] = np.nan
        return np.ascontiguousarray(rows.T)

    def _group(self, operation: Operation) -> _AlikeFeatures:
        places = [place for place, one in enumerate(self._features) if one.operation is operation]
        inputs = [self._inputs(self._features[place]) for place in places]
        days = [[self._features[place].every_ms / DAY_MS] for place in places]
        return _AlikeFeatures(operation, np.array(places), np.array(inputs).T, np.array(days))

    def _inputs(self, feature: Feature) -> list[int]:
        before = self.fields[: self.fields.index(feature.of[0])]
        first = sum(len(self.columns[field]) for field in before)
        return [first + self.columns[feature.of[0]].index(column) for column in columns_of(feature)]


# Each takes figures (inputs, k, n), moments and amounts (n,), and gives (k, n).
def _first_figure(_: _AlikeFeatures, figures: Ints, moments: Ints, amounts: Ints) -> Floats:
    return np.asarray(figures[0], dtype=np.float64)


def _rate(_: _AlikeFeatures, figures: Ints, moments: Ints, amounts: Ints) -> Floats:
    return _divide(figures[0].astype(np.float64), figures[1].astype(np.float64))


def _mean(_: _AlikeFeatures, figures: Ints, moments: Ints, amounts: Ints) -> Floats:
    return _divide(figures[1].astype(np.float64), figures[0].astype(np.float64))


def _std(group: _AlikeFeatures, figures: Ints, moments: Ints, amounts: Ints) -> Floats:
    mean = _mean(group, figures, moments, amounts)
    squares = _divide(figures[2] * _TWO_32 + figures[3], figures[0].astype(np.float64))
    variance = squares - mean * mean
    spread = np.where(variance > squares * _LEAST_VARIANCE, variance, np.where(squares >= 0, 0, np.nan))
    return np.asarray(np.sqrt(spread), dtype=np.float64)


def _ratio(group: _AlikeFeatures, figures: Ints, moments: Ints, amounts: Ints) -> Floats:
    mean = _mean(group, figures, moments, amounts)
    return _divide(_known(amounts), np.where(mean > 0, mean, 0))


def _zscore(group: _AlikeFeatures, figures: Ints, moments: Ints, amounts: Ints) -> Floats:
    std, mean = (one(group, figures, moments, amounts) for one in (_std, _mean))
    return _divide(_known(amounts) - mean, std)


def _age(group: _AlikeFeatures, figures: Ints, moments: Ints, amounts: Ints) -> Floats:
    """In days; of a key without a payment in the window, which is new, 0."""
    days = (moments - figures[0]) * group.period_days
    return np.asarray(np.where(figures[0] == NEVER, 0, days), dtype=np.float64)


def _known(amounts: Ints) -> Floats:
    return np.where(amounts == UNKNOWN, np.nan, amounts.astype(np.float64))


def _divide(one: Floats, other: Floats) -> Floats:
    """NaN where the divisor, (k, n), is 0."""
    quotients = np.full(other.shape, np.nan)
    np.divide(one, other, out=quotients, where=other != 0)
    return quotients


_COMPUTED: Mapping[Operation, Callable[[_AlikeFeatures, Ints, Ints, Ints], Floats]] = {
    Operation.PROFILE_COUNT: _first_figure,
    Operation.PROFILE_FRAUDS: _first_figure,
    Operation.PROFILE_FRAUD_RATE: _rate,
    Operation.PROFILE_AMOUNT_MEAN: _mean,
    Operation.PROFILE_AMOUNT_STD: _std,
    Operation.PROFILE_AMOUNT_RATIO: _ratio,
    Operation.PROFILE_AMOUNT_ZSCORE: _zscore,
    Operation.PROFILE_AGE: _age,
}
