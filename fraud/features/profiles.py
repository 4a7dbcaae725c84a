"""What a merchant's daily profile adds to a transaction."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.features.spec import PROFILE_COLUMNS, PROFILE_FEATURES

_MEAN = PROFILE_COLUMNS.index("merchant_amount_mean_30d")
_STD = PROFILE_COLUMNS.index("merchant_amount_std_30d")


def profile_features(
    amounts: npt.NDArray[np.int64], rows: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """Features from the profiles of the transactions' merchants.

    Args:
        amounts: minor units, shape (n,).
        rows: the profiles' values, shape (n, len(PROFILE_COLUMNS)); NaN where unknown.

    Returns:
        Shape (n, len(PROFILE_FEATURES)).
    """
    features = np.empty((len(amounts), len(PROFILE_FEATURES)), dtype=np.float32)
    features[:, :_MEAN] = rows[:, :_MEAN]
    mean, deviation = rows[:, _MEAN], rows[:, _STD]
    features[:, _MEAN] = np.divide(amounts, mean, out=np.full(len(amounts), np.nan), where=mean > 0)
    features[:, _STD] = np.divide(
        amounts - mean, deviation, out=np.full(len(amounts), np.nan), where=deviation > 0
    )
    return features


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
