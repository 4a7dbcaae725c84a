"""The reports on one payment, and the label that they make."""

import time
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.features import DAY_MS
from fraud.ingest.commits import day_of
from fraud.labels.joining import join_labels
from fraud.labels.lake import read_labels
from fraud.lake import Lake
from fraud.schema import Prediction
from fraud.settings import Settings


@dataclass(frozen=True)
class LabelReport:
    """One report on the transaction; `reported_at` in ms UTC."""

    is_fraud: bool
    reported_at: int
    source: str = "chargeback"


@dataclass(frozen=True)
class PaymentLabels:
    """The reports on a payment, oldest first, and its label now, None without a usable report."""

    reports: tuple[LabelReport, ...]
    is_fraud: bool | None
    notes: tuple[str, ...]


def find_labels(settings: Settings, lake: Lake, prediction: Prediction) -> PaymentLabels:
    """Find the reports in the lake on the payment of a prediction.

    Raises:
        DataError: a file of the lake is broken.
    """
    now_ms = int(time.time() * 1_000)
    reported = read_labels(lake, day_of(prediction.timestamp - DAY_MS))
    reports = reported.filter(pc.equal(reported["transaction_id"], prediction.transaction_id))
    reports = reports.sort_by("reported_at")
    payment = {name: [getattr(prediction, name)] for name in ("transaction_id", "card_id", "timestamp")}
    joined = join_labels(pa.table(payment), reports, settings.labels, as_of=now_ms)
    known = pc.sum(pc.less_equal(reports["reported_at"], now_ms)).as_py() or 0
    usable = known > joined.unused.other_card + joined.unused.early
    return PaymentLabels(
        tuple(LabelReport(one["is_fraud"], one["reported_at"], one["source"]) for one in reports.to_pylist()),
        bool(joined.history.as_known_at(now_ms)[0]) if usable else None,
        tuple(joined.unused.warnings()),
    )
