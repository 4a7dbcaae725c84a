"""Fraud among approved payments, estimated from random samples that analysts reviewed.

Chargebacks name only the fraud that somebody noticed and disputed. Which approved payments are samples
depends on a hash of the payment alone, so their share of fraud is that of all approved payments, within its
interval.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fraud.evaluation.metrics import Estimate

Flags = npt.NDArray[np.bool_]

_Z = 1.959964
"""Of a two-sided interval of 95 %."""


@dataclass(frozen=True)
class MissedFraud:
    """Counts of approved payments, and what follows from them.

    Attributes:
        approved: payments below all bands, samples included.
        reviewed: samples that an analyst has reviewed.
        found: of these, those that are fraud.
        caught: frauds that were not approved.
    """

    approved: int
    reviewed: int
    found: int
    caught: int

    @property
    def share(self) -> Estimate:
        """The share of fraud among the approved payments, with Wilson's interval (1927)."""
        return wilson(self.found, self.reviewed)

    @property
    def payments(self) -> Estimate:
        """How many of the approved payments are fraud."""
        share = self.share
        return Estimate(share.value * self.approved, share.low * self.approved, share.high * self.approved)

    @property
    def recall(self) -> Estimate | None:
        """The share of all fraud that was not approved; None without any fraud."""
        missed = self.payments
        if not self.caught:
            return None if not missed.value else Estimate(0.0, 0.0, 0.0)
        value, low, high = (
            self.caught / (self.caught + one) for one in (missed.value, missed.high, missed.low)
        )
        return Estimate(value, low, high)

    @property
    def figures(self) -> dict[str, float]:
        """Flat names and values, as monitoring stores them."""
        estimates = {"missed_fraud": self.payments} | (
            {"estimated_recall": self.recall} if self.recall else {}
        )
        flat = {"samples_reviewed": float(self.reviewed), "samples_fraud": float(self.found)}
        for name, one in estimates.items():
            flat |= {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
        return flat


def estimate_missed(
    approved: Flags, sampled: Flags, reviewed: Flags, frauds: Flags, caught: int
) -> MissedFraud | None:
    """The estimate from n payments, all arguments (n,); None while no sample was reviewed.

    Args:
        approved: below all bands.
        sampled: given to analysts at random.
        reviewed: an analyst has said what they are.
        frauds: by their labels.
        caught: frauds that were not approved.
    """
    seen = approved & sampled & reviewed
    if not seen.any():
        return None
    return MissedFraud(int(approved.sum()), int(seen.sum()), int((seen & frauds).sum()), caught)


def wilson(found: int, count: int) -> Estimate:
    """A share and its 95 % score interval, which is sensible for shares near 0, too."""
    share, square = found / count, _Z * _Z
    centre = (share + square / (2 * count)) / (1 + square / count)
    margin = (
        _Z / (1 + square / count) * float(np.sqrt(share * (1 - share) / count + square / (4 * count * count)))
    )
    return Estimate(share, max(centre - margin, 0.0), min(centre + margin, 1.0))
