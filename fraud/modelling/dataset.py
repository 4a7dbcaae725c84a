"""Rows to learn from: features, labels as they were known at a moment, and whose rows they are.

Rows are sorted by event time, so that every temporal split is a slice and copies nothing. A row counts as
matured when it is older than the label delay at the moment of learning; a matured row without a label is
legitimate, a younger one is left out, because its chargeback may still be on its way.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from xxhash import xxh3_128

from fraud.features.spec import FEATURE_NAMES
from fraud.modelling.lake_contracts import (
    IDENTITY_COLUMNS,
    POSITION_COLUMNS,
    require_labels,
    require_rows,
)
from fraud.modelling.splits import Period

ROW_COLUMNS = (*IDENTITY_COLUMNS, *POSITION_COLUMNS, *FEATURE_NAMES)

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Dataset:
    """N rows sorted by event time.

    Attributes:
        rows: features, float32 (N, F), NaN = unknown, columns in the order of `feature_names`.
        labels: int8 (N,), 1 = fraud.
        timestamps: event times in ms, int64 (N,).
        amounts: in minor units, int64 (N,).
        cards: a number per distinct card, int64 (N,).
        identity: transaction_id, card_id, merchant_id and currency, N rows.
        feature_names: F names.
        reported_at: when the verdict in `labels` was reported, ms, int64 (N,), 0 where there is none; or None
            when `labels` are already as they were known at the moment of learning.
        campaigns: kind of fraud where a simulator tells, for reports only; never a feature.
    """

    rows: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int8]
    timestamps: Ints
    amounts: Ints
    cards: Ints
    identity: pa.Table
    feature_names: tuple[str, ...] = FEATURE_NAMES
    reported_at: Ints | None = None
    campaigns: pa.ChunkedArray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def frauds(self) -> int:
        """How many rows are fraud."""
        return int(self.labels.sum())

    def between(self, period: Period) -> Self:
        """The rows of a period, without copying."""
        first, last = np.searchsorted(self.timestamps, [period.start, period.end])
        return self._part(slice(int(first), int(last)))

    def as_known_at(self, moment: int) -> Self:
        """The same rows with the frauds that were reported by `moment` (ms); the others look legitimate."""
        if self.reported_at is None:
            return self
        return replace(self, labels=np.where(self.reported_at <= moment, self.labels, 0).astype(np.int8))

    def take(self, index: Ints) -> Self:
        """The rows at `index`, copied; keep the order of time."""
        return replace(
            self,
            rows=self.rows[index],
            labels=self.labels[index],
            reported_at=None if self.reported_at is None else self.reported_at[index],
            timestamps=self.timestamps[index],
            amounts=self.amounts[index],
            cards=self.cards[index],
            identity=self.identity.take(pa.array(index)),
            campaigns=None if self.campaigns is None else self.campaigns.take(pa.array(index)),
        )

    def fingerprint(self) -> str:
        """A hash of everything that is learnt from."""
        digest = xxh3_128(repr(self.feature_names).encode())
        for array in (self.rows, self.labels, self.timestamps, self.amounts):
            digest.update(np.ascontiguousarray(array).view(np.uint8).data)
        return str(digest.hexdigest())

    def _part(self, part: slice) -> Self:
        length = part.stop - part.start
        return replace(
            self,
            rows=self.rows[part],
            labels=self.labels[part],
            reported_at=None if self.reported_at is None else self.reported_at[part],
            timestamps=self.timestamps[part],
            amounts=self.amounts[part],
            cards=self.cards[part],
            identity=self.identity.slice(part.start, length),
            campaigns=None if self.campaigns is None else self.campaigns.slice(part.start, length),
        )


def make_dataset(rows: pa.Table, labels: pa.Table, as_of: int) -> Dataset:
    """Join rows of features with the labels reported by `as_of` (ms).

    Args:
        rows: `ROW_COLUMNS`, in any order of rows.
        labels: `LABEL_COLUMNS`; of several on one transaction the latest report counts.
        as_of: the moment of learning; later reports are not seen.

    Raises:
        DataError: the tables break `fraud.modelling.lake_contracts`.
    """
    require_rows(rows, FEATURE_NAMES)
    require_labels(labels)
    order = pc.sort_indices(
        rows, sort_keys=[(name, "ascending") for name in ("timestamp", "partition", "offset")]
    )
    rows = rows.take(order)
    verdicts, reported_at = join_labels(rows["transaction_id"], labels, as_of)
    return Dataset(
        rows=feature_matrix(rows),
        labels=verdicts,
        reported_at=reported_at,
        timestamps=rows["timestamp"].to_numpy(),
        amounts=rows["amount"].to_numpy(),
        cards=card_codes(rows["card_id"]),
        identity=rows.select(IDENTITY_COLUMNS),
    )


def join_labels(
    transaction_ids: pa.ChunkedArray, labels: pa.Table, as_of: int
) -> tuple[npt.NDArray[np.int8], Ints]:
    """The verdicts known at `as_of` (ms): 1 = fraud, and when they were reported, both shape (N,).

    Of several labels on one transaction the latest report by `as_of` counts; without any it is 0, 0.
    """
    known = labels.filter(pc.less_equal(labels["reported_at"], as_of)).sort_by("reported_at")
    # Reversed, so that the first match is the latest report.
    known = known.take(pa.array(np.arange(known.num_rows - 1, -1, -1)))
    place = pc.index_in(
        transaction_ids.cast(pa.string()),
        value_set=known["transaction_id"].cast(pa.string()).combine_chunks(),
    )
    index = place.combine_chunks().fill_null(known.num_rows).to_numpy(zero_copy_only=False)
    verdicts = np.append(known["is_fraud"].to_numpy().astype(np.int8), np.int8(0))
    reported_at = np.append(known["reported_at"].to_numpy(), 0)
    return verdicts[index], reported_at[index]


def feature_matrix(rows: pa.Table) -> npt.NDArray[np.float32]:
    """The features of a table's rows, float32 (N, F), NaN = unknown."""
    matrix = np.empty((rows.num_rows, len(FEATURE_NAMES)), dtype=np.float32)
    for column, name in enumerate(FEATURE_NAMES):
        matrix[:, column] = as_feature(rows[name]).to_numpy()
    return matrix


def as_feature(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as float32, NaN = unknown; an amount beyond 2^24 is rounded, as it is in serving."""
    return column.cast(pa.float32(), safe=False).fill_null(np.nan)


def card_codes(column: pa.ChunkedArray) -> Ints:
    """A number per distinct card, shape (N,)."""
    encoded = column.combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
