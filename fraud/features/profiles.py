"""What a merchant's daily profile adds to a transaction."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS, Feature, Operation
from fraud.definitions.fields import UNKNOWN
from fraud.errors import ConfigurationError

PROFILE_VERSION = 1
"""Raised with every change of what a profile holds."""

MERCHANT_WINDOWS_DAYS = (1, 7, 14, 30)
MERCHANT_PRIOR_WEIGHT = 20.0
"""Transactions' worth of the global rate that smooths a merchant's fraud rate."""

PROFILE_COLUMNS = (
    *(f"merchant_count_{days}d" for days in MERCHANT_WINDOWS_DAYS),
    *(f"merchant_fraud_rate_{days}d" for days in MERCHANT_WINDOWS_DAYS),
    "merchant_amount_mean_30d",
    "merchant_amount_std_30d",
)
"""What a merchant's daily profile holds, in the order of its `values`."""

_MEAN = PROFILE_COLUMNS.index("merchant_amount_mean_30d")
_STD = PROFILE_COLUMNS.index("merchant_amount_std_30d")


_COLUMN_OF = {
    Operation.DAILY_PROFILE_COUNT: "merchant_count_{days}d",
    Operation.DAILY_PROFILE_FRAUD_RATE: "merchant_fraud_rate_{days}d",
    Operation.DAILY_PROFILE_AMOUNT_RATIO: "merchant_amount_mean_{days}d",
    Operation.DAILY_PROFILE_AMOUNT_ZSCORE: "merchant_amount_std_{days}d",
}
"""The value of a profile that each feature is made of."""


class ProfileFeatures:
    """What the profiles of merchants and the amounts of payments yield: the definitions' profile features.

    Raises:
        ConfigurationError: a feature needs what no profile holds.
    """

    def __init__(self, definitions: Definitions) -> None:
        columns = [_column_of(definitions, feature) for feature in definitions.daily_profile_features]
        self._columns = None if columns == list(range(len(PROFILE_COLUMNS))) else columns
        self._may_lack_amounts = definitions.money is not None

    def compute(
        self, amounts: npt.NDArray[np.int64 | np.float64], rows: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float32]:
        """Features of payments.

        Args:
            amounts: minor units, in the base currency if there is one, or `UNKNOWN`; shape (n,).
            rows: the values of their merchants' profiles, shape (n, len(PROFILE_COLUMNS)); NaN where unknown.

        Returns:
            Shape (n, len(definitions.daily_profile_features)).
        """
        features = np.empty((len(amounts), len(PROFILE_COLUMNS)), dtype=np.float32)
        features[:, :_MEAN] = rows[:, :_MEAN]
        mean, deviation = rows[:, _MEAN], rows[:, _STD]
        if self._may_lack_amounts:
            amounts = np.where(amounts == UNKNOWN, np.nan, amounts)
        features[:, _MEAN] = np.divide(amounts, mean, out=np.full(len(amounts), np.nan), where=mean > 0)
        features[:, _STD] = np.divide(
            amounts - mean, deviation, out=np.full(len(amounts), np.nan), where=deviation > 0
        )
        return features if self._columns is None else features[:, self._columns]


def _column_of(definitions: Definitions, feature: Feature) -> int:
    name = _COLUMN_OF[feature.operation].format(days=feature.window_ms // DAY_MS)
    if feature.of != ("merchant_id",) or feature.window_ms % DAY_MS or name not in PROFILE_COLUMNS:
        windows = ", ".join(f"{days}d" for days in MERCHANT_WINDOWS_DAYS)
        raise ConfigurationError(
            f"{definitions.source}: no profile holds what {feature.name} needs; profiles are those of "
            f"merchant_id, with counts and fraud rates of {windows} and amounts of 30d"
        )
    return PROFILE_COLUMNS.index(name)


def values_of(merchants: pa.ChunkedArray | pa.Array, profiles: pa.Table) -> npt.NDArray[np.float64]:
    """The values of these merchants' profiles, shape (n, len(PROFILE_COLUMNS)); NaN where there is none.

    Args:
        merchants: names, n.
        profiles: a day's table, one row for each merchant.
    """
    values = np.column_stack([profiles[name].to_numpy() for name in PROFILE_COLUMNS])
    values = np.vstack([values, np.full(len(PROFILE_COLUMNS), np.nan)])
    names = profiles["merchant_id"].cast(pa.string()).combine_chunks()
    indices = pc.index_in(merchants, value_set=names).fill_null(profiles.num_rows)
    return np.asarray(values[indices.to_numpy(zero_copy_only=False)])
