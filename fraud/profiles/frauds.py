"""In which periods each reported fraud stood."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fraud.labels.history import LabelHistory
from fraud.profiles.payments import ABSENT

Ints = npt.NDArray[np.int64]

FRAUDS_ARROW = pa.schema([(name, pa.int64()) for name in ("key", "reported", "since", "until")])


@dataclass(frozen=True)
class FraudPeriods:
    """Frauds of one field's keys; one that was revoked and reported again has a row for each stretch.

    Attributes:
        keys: as `Events.values` has the field, int64 (F,).
        reported: the period of the payment's first report as fraud, (F,).
        since: the period in which it was reported; that is known at moments after it, (F,).
        until: the last moment at which it stood, (F,).
    """

    keys: Ints
    reported: Ints
    since: Ints
    until: Ints

    @classmethod
    def of_history(cls, history: LabelHistory, keys: Ints, every_ms: int) -> Self:
        """The frauds of N payments.

        Args:
            history: of their labels.
            keys: of the payments, (N,).
            every_ms: length of a period.
        """
        spans = history.fraud_spans()
        found = keys[spans.rows]
        reported, since, until = (
            times // every_ms for times in (spans.first_reported, spans.since, spans.until)
        )
        chosen = (found != ABSENT) & (until > since)
        return cls(found[chosen], reported[chosen], since[chosen], until[chosen])

    def table(self) -> pa.Table:
        """As `FRAUDS_ARROW`."""
        return pa.table([self.keys, self.reported, self.since, self.until], schema=FRAUDS_ARROW)

    @classmethod
    def of_table(cls, table: pa.Table) -> Self:
        """The inverse of `table`."""
        return cls(*(table[name].to_numpy() for name in FRAUDS_ARROW.names))
