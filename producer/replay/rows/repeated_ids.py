"""Identifiers of a whole file: how often one comes again, in 8 bytes a row up to a bound."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from xxhash import xxh3_64_intdigest

Hashes = npt.NDArray[np.uint64]

MOST_IDS = 20_000_000
"""Rows whose identifiers are compared with each other: 160 MB, twice that while they are sorted."""


def hashes_of(texts: pa.Array) -> Hashes:
    """A hash of 64 bits for each text (n); null counts as empty."""
    found: list[bytes] = pc.cast(pc.fill_null(texts, ""), pa.binary()).to_pylist()
    return np.fromiter(map(xxh3_64_intdigest, found), np.uint64, len(found))


class RepeatedIdCounter:
    """The identifiers seen so far, as hashes; those after the first `most` rows are only counted."""

    def __init__(self, most: int = MOST_IDS) -> None:
        self.rows = 0
        self._most = most
        self._parts: list[Hashes] = []

    def add(self, ids: pa.Array) -> None:
        """Take the identifiers of the next rows (strings; null is none)."""
        kept = ids[: max(self._most - self.rows, 0)].drop_null()
        self.rows += len(ids)
        if len(kept):
            self._parts.append(hashes_of(kept))

    @property
    def _not_compared(self) -> int:
        return max(self.rows - self._most, 0)

    def warnings(self) -> list[str]:
        """Sentences about identifiers that came before, and about rows that were not compared."""
        repeated, compared = self._repeated(), self.rows - self._not_compared
        found = []
        if repeated:
            found.append(
                f"transaction_id is repeated: {repeated:,} of {compared:,} rows have an id that was there "
                "before, and of each id only the first counts"
            )
        if self._not_compared:
            found.append(
                f"transaction_id is compared within the first {compared:,} rows only; an id of the "
                f"{self._not_compared:,} rows after them may be repeated"
            )
        return found

    def _repeated(self) -> int:
        if not self._parts:
            return 0
        ids = np.sort(np.concatenate(self._parts))
        return int((ids[1:] == ids[:-1]).sum())
