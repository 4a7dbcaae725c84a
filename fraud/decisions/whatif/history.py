"""N scored payments with all that figures need beside decisions."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fraud.decisions.whatif.labels import KnownLabels
from fraud.decisions.whatif.logged import LoggedDecisions
from fraud.definitions.features import DAY_MS
from fraud.definitions.fields import UNKNOWN

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ScoredHistory:
    """N scored payments.

    Attributes:
        logged: predictions, N.
        labels: what is known of them, N.
        cards: a number for each card, int64 (N,).
        amounts: minor units of the base, or as paid without one, `UNKNOWN` without a rate, int64 (N,).
        currency: of the amounts; empty where they are of several.
        digits: decimals of the amounts' currencies, int64 (N,).
    """

    logged: LoggedDecisions
    labels: KnownLabels
    cards: Ints
    amounts: Ints
    currency: str
    digits: Ints

    def __len__(self) -> int:
        return len(self.logged)

    @cached_property
    def day_numbers(self) -> Ints:
        """The day of each payment (UTC), since 1970, int64 (N,)."""
        return np.asarray(self.logged.timestamps // DAY_MS, dtype=np.int64)

    @cached_property
    def days(self) -> int:
        """The number of days with payments."""
        return max(len(np.unique(self.day_numbers)), 1)

    @cached_property
    def units(self) -> Floats:
        """The amounts in whole units of the currency, 0 of refunds and without a rate, float64 (N,)."""
        return np.asarray(np.maximum(self.amounts, 0) / 10.0**self.digits, dtype=np.float64)

    @cached_property
    def fraud(self) -> Floats:
        """How many frauds each payment stands for, float64 (N,)."""
        return self.labels.weights * self.labels.is_fraud

    @cached_property
    def legitimate(self) -> Floats:
        """How many legitimate payments each stands for, float64 (N,)."""
        return self.labels.weights * ~self.labels.is_fraud

    @cached_property
    def expected_costs(self) -> Floats:
        """Probability times amount, in whole units, NaN without a rate, float64 (N,)."""
        return np.where(
            self.amounts == UNKNOWN, np.nan, self.logged.scores * self.amounts / 10.0**self.digits
        )
