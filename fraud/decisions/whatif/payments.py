"""The lake's payments that have a logged prediction."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.decisions.whatif.logged import Keys, LoggedDecisions, payment_hashes
from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import CORE_FIELDS
from fraud.errors import DataError
from fraud.ingest.commits import committed_files, day_of
from fraud.lake import Lake
from fraud.schema import transaction_arrow

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ScoredPayments:
    """N payments of the lake with their logged predictions.

    Attributes:
        table: the fields that were asked for, in the lake's types, N rows.
        logged: their predictions, N.
        not_scored: payments of these days without a logged prediction.
        not_in_lake: predictions whose payments are not in the lake.
    """

    table: pa.Table
    logged: LoggedDecisions
    not_scored: int
    not_in_lake: int

    def __len__(self) -> int:
        return len(self.logged)


def read_scored_payments(
    definitions: Definitions, lake: Lake, logged: LoggedDecisions, names: Iterable[str]
) -> ScoredPayments:
    """The payments of these predictions, as the lake has them.

    Args:
        definitions: of the payments.
        lake: with the transactions that were ingested.
        logged: predictions, one for each payment.
        names: of further fields; those that every payment has are always read.

    Raises:
        DataError: there are no predictions, the lake has none of their payments, or a file is broken.
    """
    if not len(logged):
        raise DataError(
            "there are no logged predictions of these days; give more --days, or score payments first"
        )
    wanted = dict.fromkeys((*CORE_FIELDS, *names))
    schema = pa.schema([transaction_arrow(definitions).field(name).with_nullable(True) for name in wanted])
    table = _read(lake, schema, int(logged.timestamps.min()), int(logged.timestamps.max()))
    keys = payment_hashes(table["card_id"], table["transaction_id"])
    found = match_payments(keys, table["timestamp"].to_numpy(), logged)
    matched = found >= 0
    if not matched.any():
        raise DataError(
            "the lake has none of the payments that have logged predictions; run flows/ingest.py first"
        )
    return ScoredPayments(
        table=table.filter(pa.array(matched)).combine_chunks(),
        logged=logged[found[matched]],
        not_scored=table.num_rows - int(pc.sum(pc.is_in(pa.array(keys), pa.array(logged.keys))).as_py()),
        not_in_lake=len(logged) - int(matched.sum()),
    )


def match_payments(keys: Keys, timestamps: Ints, logged: LoggedDecisions) -> Ints:
    """The index of each payment's prediction, -1 without one; of equal payments the first has it.

    Args:
        keys: of the payments, in the order of arrival, uint64 (N,).
        timestamps: ms, (N,); an id that was used again at another time is not the payment that was scored.
        logged: predictions, one for each payment.
    """
    found = pc.index_in(pa.array(keys), value_set=pa.array(logged.keys)).fill_null(-1)
    index = np.array(found.to_numpy(zero_copy_only=False), dtype=np.int64)
    index[(index >= 0) & (logged.timestamps[index] != timestamps)] = -1
    rows = np.flatnonzero(index >= 0)[::-1]
    first = np.full(len(logged), -1, dtype=np.int64)
    # NumPy assigns the last of equal indices; in reverse that is the first payment.
    first[index[rows]] = rows
    repeated = rows[first[index[rows]] != rows]
    index[repeated] = -1
    return index


def _read(lake: Lake, schema: pa.Schema, first_ms: int, last_ms: int) -> pa.Table:
    """The transactions from `first_ms` to `last_ms` (both included)."""
    files = committed_files(lake, "transactions", day_of(first_ms), day_of(last_ms))
    tables = [lake.read_rows(file.path, schema) for file in files]
    table = pa.concat_tables([schema.empty_table(), *tables])
    times = table["timestamp"]
    return table.filter(pc.and_(pc.greater_equal(times, first_ms), pc.less_equal(times, last_ms)))
