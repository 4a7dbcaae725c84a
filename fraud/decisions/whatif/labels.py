"""What is known of the payments today: which were fraud, which have matured, whose outcome was never seen."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fraud.decisions.outcomes import DECLINE
from fraud.decisions.whatif.logged import LoggedDecisions
from fraud.labels.history import ALWAYS
from fraud.labels.joining import match_reports
from fraud.labels.precedence import decide_labels
from fraud.labels.progress import Maturity
from fraud.settings import LabelSettings

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class KnownLabels:
    """Labels of n payments.

    Attributes:
        is_fraud: as known today, bool (n,).
        matured: whether the feed of labels is past the payment by the label delay, bool (n,).
        unobserved: payments that were declined and of which nobody reported anything: without the payment
            there is no chargeback, bool (n,).
        weights: how many payments each stands for in figures that need the label, float64 (n,): 0 where it
            is not known, above 1 for the control group's payments that would have been declined.
        represented: how many control payments stand for all that were declined.
        warnings: sentences for the reader.
    """

    is_fraud: Flags
    matured: Flags
    unobserved: Flags
    weights: npt.NDArray[np.float64]
    represented: int
    warnings: tuple[str, ...] = ()

    @property
    def is_weighted(self) -> bool:
        """Whether some payments stand for others."""
        return self.represented > 0


def know_labels(
    payments: pa.Table, logged: LoggedDecisions, labels: pa.Table, maturity: Maturity, rules: LabelSettings
) -> KnownLabels:
    """Join labels to payments.

    Args:
        payments: transaction_id, card_id and timestamp (ms), n rows.
        logged: their predictions, n.
        labels: as `fraud.labels.joining.join_labels` takes them.
        maturity: of the feed of labels.
        rules: which of several reports on a payment counts.
    """
    reports = match_reports(payments, labels, rules).reports
    is_fraud = decide_labels(len(logged), reports).history.as_known_at(ALWAYS) == 1
    reported = np.zeros(len(logged), dtype=np.bool_)
    reported[reports.rows] = True
    matured = maturity.matured(logged.timestamps)
    unobserved = (logged.outcomes == DECLINE) & ~reported
    weights, represented = _weights(matured, unobserved, logged)
    warning = maturity.warning()
    return KnownLabels(is_fraud, matured, unobserved, weights, represented, (warning,) if warning else ())


def _weights(
    matured: Flags, unobserved: Flags, logged: LoggedDecisions
) -> tuple[npt.NDArray[np.float64], int]:
    """Weights by the inverse of the probability of having been observed, and how many are above 1.

    A payment of the control group that would have been declined stands for all that were declined by a rule
    or a band. With it those of them that were reported are left out: who is reported is no random choice.
    """
    weights = (matured & ~unobserved).astype(np.float64)
    control = logged.control & (logged.would_be == DECLINE) & matured
    if not control.any():
        return weights, 0
    # The control group has no payments that a list declines.
    declined = (logged.outcomes == DECLINE) & ~logged.by_list
    weights[declined] = 0
    count = int(control.sum())
    weights[control] = (count + int((declined & matured).sum())) / count
    return weights, count
