"""Rows whose transaction_id an earlier row has: one id is one payment, in training too.

Preprocess leaves such rows out as far as it knows of them. Rows that days of different runs have made, or an
earlier version of it, can still repeat an id.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.features import DAY_MS
from fraud.native.id_index import TAKEN_DAYS


def repeated_ids(ids: pa.ChunkedArray, timestamps: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which rows, in the order of time, bear an id that another has borne less than `TAKEN_DAYS` days before.

    Args:
        ids: transaction_id, N; an unknown one is never repeated.
        timestamps: event times in ms, int64 (N,), ascending.

    Returns:
        bool (N,).
    """
    encoded = ids.combine_chunks().dictionary_encode().indices
    codes = np.asarray(pc.fill_null(encoded, -1).to_numpy(zero_copy_only=False), dtype=np.int64)
    order = np.argsort(codes, kind="stable")
    of_id, days = codes[order], timestamps[order] // DAY_MS
    repeated = np.zeros(len(codes), dtype=np.bool_)
    again = (of_id[1:] == of_id[:-1]) & (of_id[1:] >= 0) & (np.diff(days) < TAKEN_DAYS)
    repeated[order[1:]] = again
    return repeated
