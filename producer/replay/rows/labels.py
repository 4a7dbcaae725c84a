"""Labels joined to their transactions; all labels of a transaction are sent, in order of reporting."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.schema import LABEL_ARROW
from producer.label_fields import LABEL_NAMES
from producer.replay.rows.conform import LABEL_ROWS
from producer.replay.rows.repeated_ids import hashes_of
from producer.replay.staging.staging_file import Rows, StagingFile

LABELS_WITH_POSITION = LABEL_ROWS.append(pa.field("position", pa.int64()))
"""Labels as read, each with its position in the file."""

LABEL_TABLE = pa.schema([LABEL_ARROW.field(name) for name in LABEL_NAMES])
DEFAULT_SOURCE = "chargeback"
REPORTED_BEFORE = "reported_at is before the transaction's own time"
_ROWS_AT_ONCE = 50_000


@dataclass(frozen=True)
class LabelPlan:
    """Which labels are published, in the order of their reporting, and which are not, with the reason."""

    labels: StagingFile | None
    transactions: StagingFile | None
    rows: Rows
    owners: Rows
    reported_at: npt.NDArray[np.int64]
    unused: Mapping[str, Rows]

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, numbers: range) -> pa.Table:
        """The labels of these numbers, complete: the transaction gives the card."""
        assert self.labels is not None
        assert self.transactions is not None
        part = slice(numbers.start, numbers.stop)
        given = self.labels.take(self.rows[part])
        cards = self.transactions.take(self.owners[part])["card_id"]
        sources = pc.fill_null(given["source"], DEFAULT_SOURCE)
        columns = [
            given["transaction_id"],
            cards,
            given["is_fraud"],
            pa.array(self.reported_at[part]),
            sources,
        ]
        return pa.table(columns, schema=LABEL_TABLE)

    def unused_rows(self) -> Iterator[tuple[str, int, list[object]]]:
        """Every label that is not published: the reason, its position in the file, and its values."""
        for reason, rows in self.unused.items():
            for start in range(0, len(rows), _ROWS_AT_ONCE):
                for label in (
                    self.labels.take(rows[start : start + _ROWS_AT_ONCE]).to_pylist() if self.labels else []
                ):
                    position = label.pop("position")
                    yield reason, position, list(label.values())


def no_labels() -> LabelPlan:
    """A plan without labels."""
    nothing = np.empty(0, dtype=np.int64)
    return LabelPlan(None, None, nothing, nothing, nothing, {})


def plan_labels(labels: StagingFile, transactions: StagingFile, delay: timedelta) -> LabelPlan:
    """Join the labels to their transactions, in the order of their reporting.

    A label without a transaction or of another card is not used. An earlier report is sent as well as a later
    one: it was known first, and `fraud.labels` decides which counts when. Where no `reported_at` is given, it
    is the transaction's time plus `delay`. Needs about 60 bytes of memory a row.
    """
    owners = _owners(labels, transactions)
    reported = _reported(labels, owners, transactions.column("timestamp"), int(delay.total_seconds() * 1_000))
    orphan = owners < 0
    other_card = ~orphan & _of_other_card(labels, transactions, owners)
    early = ~orphan & ~other_card & is_before(reported, transactions.column("timestamp"), owners)
    usable = np.flatnonzero(~orphan & ~other_card & ~early)
    kept = usable[np.argsort(reported[usable], kind="stable")]
    unused = {
        "no such transaction among those replayed": np.flatnonzero(orphan),
        "card_id is not the transaction's": np.flatnonzero(other_card),
        REPORTED_BEFORE: np.flatnonzero(early),
    }
    return LabelPlan(labels, transactions, kept, owners[kept], reported[kept], unused)


def is_before(reported: Rows, times: Rows, owners: Rows) -> npt.NDArray[np.bool_]:
    """Which labels (times in ms) were reported before their transactions; owners below 0 are none."""
    if not len(times):
        return np.zeros(len(reported), dtype=bool)
    before: npt.NDArray[np.bool_] = (owners >= 0) & (reported < times[owners])
    return before


def _owners(labels: StagingFile, transactions: StagingFile) -> Rows:
    """For each label the number of its transaction, the first of that id; -1 if there is none."""
    known = _hashes(transactions, "transaction_id")
    by_hash = np.argsort(known, kind="stable")
    wanted = _hashes(labels, "transaction_id")
    if not len(known):
        return np.full(len(wanted), -1, dtype=np.int64)
    found = np.minimum(np.searchsorted(known, wanted, sorter=by_hash), len(known) - 1)
    owners = by_hash[found]
    return np.where(known[owners] == wanted, owners, -1)


def _of_other_card(labels: StagingFile, transactions: StagingFile, owners: Rows) -> npt.NDArray[np.bool_]:
    cards = pa.chunked_array([batch["card_id"] for batch in labels.batches()], type=pa.string())
    given: npt.NDArray[np.bool_] = cards.is_valid().to_numpy()
    if not given.any() or not len(transactions):
        return given
    differ: npt.NDArray[np.bool_] = _hashes(labels, "card_id") != _hashes(transactions, "card_id")[owners]
    return given & differ


def _reported(
    labels: StagingFile, owners: Rows, times: npt.NDArray[np.int64], delay_ms: int
) -> npt.NDArray[np.int64]:
    given = pa.chunked_array([batch["reported_at"] for batch in labels.batches()], type=pa.int64())
    late = times[owners] + delay_ms if len(times) else np.zeros(len(owners), dtype=np.int64)
    reported: npt.NDArray[np.int64] = pc.coalesce(given, pa.array(late)).to_numpy()
    return reported


def _hashes(staged: StagingFile, column: str) -> npt.NDArray[np.uint64]:
    hashed = [hashes_of(batch[column]) for batch in staged.batches()]
    return np.concatenate(hashed) if hashed else np.empty(0, dtype=np.uint64)
