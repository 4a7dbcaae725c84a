"""The payments of several partitions' batches as one sequence."""

from collections.abc import Mapping, Sequence

import numpy as np

from fraud.features.decoded_batch import DecodedBatch
from fraud.schema import FieldValue


class JoinedPayments:
    """The payments of several batches, one after the other, by their number among all of them."""

    def __init__(self, decoded: Sequence[DecodedBatch]) -> None:
        self._decoded = decoded
        self._ends = np.cumsum([len(batch) for batch in decoded])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def all_values(self, number: int) -> Mapping[str, FieldValue]:
        """All that one payment has, by field."""
        batch, place = self._locate(number)
        return batch.all_values(place)

    def field_values(self, number: int) -> dict[str, FieldValue]:
        """What one payment has of the fields that not every payment has."""
        batch, place = self._locate(number)
        return batch.field_values(place)

    def _locate(self, number: int) -> tuple[DecodedBatch, int]:
        index = int(np.searchsorted(self._ends, number, side="right"))
        batch = self._decoded[index]
        return batch, number - int(self._ends[index]) + len(batch)
