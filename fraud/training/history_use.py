"""How much of the lake's history a training used, and what it left out and why, as two sentences."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fraud.training.history import History
from fraud.training.splits import DAY, Split, TimeRange


@dataclass(frozen=True)
class HistoryUse:
    """Two sentences: what was used, and what was left out."""

    used: str
    left_out: str


def describe_use(history: History, split: Split, delay: timedelta) -> HistoryUse:
    """What a training on `split` used of the history; `delay` is `FRAUD_TRAINING__LABEL_DELAY`."""
    apart = len(history.data.between(TimeRange(split.refit.end, split.test.start)))
    return HistoryUse(_used(history, split, len(history.data) - apart), _left_out(history, delay, apart))


def _used(history: History, split: Split, rows: int) -> str:
    days = ", ".join(
        f"{period.days:.0f} to {purpose}"
        for period, purpose in ((split.refit, "train"), (split.validation, "validate"), (split.test, "test"))
    )
    known = datetime.fromtimestamp(history.moment / 1_000, UTC)
    return (
        f"{rows:,} rows of {history.period.days:.0f} days, {history.period} (UTC; {days}, of which the "
        f"validation is trained on too), with {history.labels:,} labels known by {known:%Y-%m-%d}; "
        f"{history.data.frauds:,} rows are fraud"
    )


def _left_out(history: History, delay: timedelta, apart: int) -> str:
    reasons = list(_reasons(history, delay, apart))
    if not reasons:
        return "nothing: every row of the lake was used"
    return f"{history.left_out.rows + apart:,} rows: {'; '.join(reasons)}"


def _reasons(history: History, delay: timedelta, apart: int) -> Iterator[str]:
    found, days = history.left_out, f"{delay / DAY:g} days"
    if found.young:
        yield (
            f"{found.young:,} too young, as their labels may still arrive "
            f"(FRAUD_TRAINING__LABEL_DELAY is {days})"
        )
    if apart:
        yield f"{apart:,} of the {days} before the test, whose labels were not known when it starts"
    if found.old:
        yield f"{found.old:,} older than the days asked for (FRAUD_TRAINING__TRAIN_DAYS)"
    if found.repeated:
        yield f"{found.repeated:,} that repeat a transaction_id"
    if found.reused:
        yield f"{found.reused:,} whose transaction_id another payment has"
    if found.unobserved:
        yield f"{found.unobserved:,} declined or challenged and without a label"
