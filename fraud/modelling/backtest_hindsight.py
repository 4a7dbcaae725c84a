"""A history to walk through with hindsight: the final truth, and what was known of it at any moment."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.errors import DataError
from fraud.features.table import FeatureRows
from fraud.modelling.dataset import Dataset
from fraud.modelling.lake_contracts import IDENTITY_COLUMNS
from fraud.modelling.splits import Fold

Ints = npt.NDArray[np.int64]

MOSTLY_REPORTED = 0.8
"""A row is matured when it is older than the delay within which this share of the frauds was reported."""


@dataclass(frozen=True)
class Hindsight:
    """Everything there is.

    Attributes:
        data: N rows sorted by event time; their labels are the final truth.
        reported_rows: of each verdict the row it speaks of, in the order of reporting.
        verdicts: 1 = fraud.
        reported_at: ms, ascending.
    """

    data: Dataset
    reported_rows: Ints
    verdicts: npt.NDArray[np.int8]
    reported_at: Ints

    def as_known_before(self, moment: int) -> Dataset:
        """All rows, labelled by the latest verdict on each that was reported before `moment` (ms).

        Whoever splits them further takes these labels as known throughout.
        """
        reported = slice(0, int(np.searchsorted(self.reported_at, moment)))
        labels = np.zeros(len(self.data), dtype=np.int8)
        # Of several verdicts on one row the last assigned, which is the latest, stays.
        labels[self.reported_rows[reported]] = self.verdicts[reported]
        return replace(self.data, labels=labels)

    def training_rows(self, fold: Fold) -> Dataset:
        """The rows of the fold's training period, labelled as they were known when its test began.

        A row without a report is legitimate, as in production, if it is old enough for a fraud to have been
        reported. The young end of the period, where most reports were still on their way, is left out; but
        never more than half of the period, so that there is something to learn from.
        """
        moment = fold.test.start
        part = self.as_known_before(moment).between(fold.train)
        middle = (fold.train.start + fold.train.end) // 2
        matured = min(max(moment - self._reporting_delay(moment), middle), fold.train.end)
        return part.between(replace(fold.train, end=matured))

    def _reporting_delay(self, moment: int) -> int:
        """The delay (ms) within which most frauds reported before `moment` were reported."""
        reported = slice(0, int(np.searchsorted(self.reported_at, moment)))
        frauds = self.verdicts[reported] == 1
        rows, times = self.reported_rows[reported][frauds], self.reported_at[reported][frauds]
        if not len(rows):
            return 0
        return int(np.quantile(times - self.data.timestamps[rows], MOSTLY_REPORTED))


def make_hindsight(data: Dataset, labels: pa.Table) -> Hindsight:
    """Attach labels (transaction_id, is_fraud, reported_at in ms) to rows; those of `data` are replaced.

    Raises:
        DataError: a label speaks of no row, or two on one transaction were reported at the same time.
    """
    rows = pc.index_in(labels["transaction_id"], value_set=data.identity["transaction_id"].combine_chunks())
    _require_known(labels, rows)
    places = rows.to_numpy().astype(np.int64)
    reported_at = labels["reported_at"].to_numpy()
    order = np.lexsort((places, reported_at))
    places, reported_at = places[order], reported_at[order]
    verdicts = labels["is_fraud"].to_numpy()[order].astype(np.int8)
    _require_single(data, places, reported_at)
    history = Hindsight(data, places, verdicts, reported_at)
    return replace(history, data=history.as_known_before(np.iinfo(np.int64).max))


def _require_known(labels: pa.Table, rows: pa.ChunkedArray) -> None:
    if not rows.null_count:
        return
    unknown = labels["transaction_id"].filter(pc.is_null(rows))
    raise DataError(
        f"{rows.null_count} labels name transactions that are not in the history "
        f"(first: {', '.join(map(str, unknown.slice(0, 3).to_pylist()))}); give the labels that belong to it"
    )


def _require_single(data: Dataset, places: Ints, reported_at: Ints) -> None:
    twice = np.flatnonzero((np.diff(places) == 0) & (np.diff(reported_at) == 0))
    if len(twice):
        first = data.identity["transaction_id"].take(pa.array(places[twice[:3]])).to_pylist()
        raise DataError(
            f"{len(twice)} labels repeat another one on the same transaction with the same reported_at "
            f"(first: {', '.join(map(str, first))}); keep one of each, a revision has a later reported_at"
        )


def hindsight_of(
    transactions: pa.Table, labels: pa.Table, features: FeatureRows, campaigns: pa.Table | None = None
) -> Hindsight:
    """The history in a user's tables.

    Args:
        transactions: in the Transaction schema, in order of event time.
        labels: transaction_id, is_fraud, reported_at (ms).
        features: of these transactions.
        campaigns: transaction_id and campaign, where a simulator tells the kind of fraud.

    Raises:
        DataError: a label speaks of no row, or two on one transaction were reported at the same time.
    """
    if len(features.places) < transactions.num_rows:
        transactions = transactions.take(pa.array(features.places))
    data = Dataset(
        rows=features.rows,
        labels=np.zeros(transactions.num_rows, dtype=np.int8),
        reported_at=np.zeros(transactions.num_rows, dtype=np.int64),
        timestamps=transactions["timestamp"].to_numpy(),
        amounts=transactions["amount"].to_numpy(),
        cards=_codes(transactions["card_id"]),
        identity=transactions.select(IDENTITY_COLUMNS),
        campaigns=None if campaigns is None else _campaigns(transactions["transaction_id"], campaigns),
    )
    return make_hindsight(data, labels)


def _codes(column: pa.ChunkedArray) -> Ints:
    indices = column.combine_chunks().dictionary_encode().indices
    return np.asarray(indices.to_numpy(), dtype=np.int64)


def _campaigns(ids: pa.ChunkedArray, campaigns: pa.Table) -> pa.ChunkedArray:
    places = pc.index_in(ids, value_set=campaigns["transaction_id"].combine_chunks())
    return campaigns["campaign"].cast(pa.string()).take(places)
