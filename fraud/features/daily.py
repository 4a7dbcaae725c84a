"""Merchants' daily profiles: what was known of each merchant before a day's midnight (UTC).

Everything counted is an integer and days are entered and left in order, so a profile is the same to the bit
whichever range of days it is computed in.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.features import DAY_MS
from fraud.features.profiles import MERCHANT_PRIOR_WEIGHT, MERCHANT_WINDOWS_DAYS, PROFILE_COLUMNS
from fraud.labels.history import LabelHistory

LONGEST_DAYS = max(MERCHANT_WINDOWS_DAYS)
_EPOCH = date(1970, 1, 1)
_BITS = 31
"""Squares of amounts are summed in two halves, so that no sum overflows."""
_HALF = 16

MERCHANT_DAYS_ARROW = pa.schema(
    [
        ("merchant_id", pa.string()),
        ("day", pa.int64()),
        ("count", pa.int64()),
        ("amount", pa.int64()),
        ("squares_high", pa.int64()),
        ("squares_low", pa.int64()),
    ]
)
"""A merchant's transactions of one day, `day` counted from 1970."""

FRAUD_SPANS_ARROW = pa.schema(
    [
        ("merchant_id", pa.string()),
        ("reported_day", pa.int64()),
        ("since_day", pa.int64()),
        ("valid_until", pa.int64()),
    ]
)
"""A fraud of a merchant: the day of its first report, and the midnights D at which its label stood,
`since_day < D <= valid_until`. A fraud that was revoked and reported again has a row for each stretch."""

PROFILE_ARROW = pa.schema([("merchant_id", pa.string()), *((name, pa.float64()) for name in PROFILE_COLUMNS)])

Ints = npt.NDArray[np.int64]


def day_number(day: date) -> int:
    """Days since 1970."""
    return (day - _EPOCH).days


def date_of(number: int) -> date:
    """The inverse of `day_number`."""
    return _EPOCH + timedelta(days=number)


def merchant_days(transactions: pa.Table) -> pa.Table:
    """The merchants' figures of one day's transactions, given in arrival order.

    A transaction that was delivered again, same card and same id, counts once.

    Args:
        transactions: columns card_id, transaction_id, merchant_id, timestamp, amount.

    Returns:
        A table of `MERCHANT_DAYS_ARROW`, by merchant.
    """
    firsts = transactions.group_by(["card_id", "transaction_id"], use_threads=False).aggregate(
        [("merchant_id", "first"), ("timestamp", "first"), ("amount", "first")]
    )
    known = pc.if_else(pc.is_valid(firsts["amount_first"]), 1, 0)
    # A merchant of which no amount is known has sums of 0, not of null.
    amount = firsts["amount_first"].fill_null(0)
    days = pc.divide(firsts["timestamp_first"], DAY_MS)
    high, low = _square_halves(amount)
    columns = [firsts["merchant_id_first"], days, known, amount, high, low]
    named = pa.table(
        [column.cast(kind) for column, kind in zip(columns, MERCHANT_DAYS_ARROW.types, strict=True)],
        schema=MERCHANT_DAYS_ARROW,
    )
    return sum_merchant_days(named)


def sum_merchant_days(parts: pa.Table) -> pa.Table:
    """Add up what parts of a day say of the same merchant."""
    values = MERCHANT_DAYS_ARROW.names[2:]
    summed = parts.group_by(["merchant_id", "day"], use_threads=False).aggregate(
        [(name, "sum") for name in values]
    )
    renamed = summed.rename_columns(MERCHANT_DAYS_ARROW.names)
    return renamed.sort_by([("day", "ascending"), ("merchant_id", "ascending")])


def fraud_spans(history: LabelHistory, merchants: pa.ChunkedArray) -> pa.Table:
    """At which midnights the frauds of a history stood, as `FRAUD_SPANS_ARROW`.

    Args:
        history: of N payments.
        merchants: theirs, N.
    """
    spans = history.fraud_spans()
    table = pa.table(
        {
            "merchant_id": merchants.take(pa.array(spans.rows)).cast(pa.string()),
            "reported_day": spans.first_reported // DAY_MS,
            "since_day": spans.since // DAY_MS,
            "valid_until": spans.until // DAY_MS,
        },
        schema=FRAUD_SPANS_ARROW,
    )
    return table.filter(pc.greater(table["valid_until"], table["since_day"]))


def daily_profiles(
    days: pa.Table, frauds: pa.Table, first: date, last: date
) -> Iterator[tuple[date, pa.Table]]:
    """The profiles of each day from `first` to `last`.

    A merchant's fraud rate over w days is (frauds first reported in them, whose label stands + prior weight *
    global rate) / (transactions in them + prior weight); the global rate is that of all merchants over the
    longest window, and NaN when there was no transaction.

    Args:
        days: `MERCHANT_DAYS_ARROW`, each merchant once a day; older than the longest window is ignored.
        frauds: `FRAUD_SPANS_ARROW`; likewise.
        first: the first day.
        last: the last day.

    Yields:
        The day and a table of `PROFILE_ARROW` by merchant_id, one row for each merchant of which the longest
        window before the day holds a transaction or a report.
    """
    start, end = day_number(first), day_number(last)
    days = days.filter(pc.greater_equal(days["day"], start - LONGEST_DAYS))
    frauds = frauds.filter(pc.greater_equal(frauds["reported_day"], start - LONGEST_DAYS))
    chunks = [*days["merchant_id"].chunks, *frauds["merchant_id"].chunks]
    names = pc.unique(pa.chunked_array(chunks, pa.string()))
    merchants = names.take(pc.sort_indices(names))
    rolling = _Rolling(_by_day(days, merchants), _spans(frauds, merchants), len(merchants))
    for day in range(start - LONGEST_DAYS + 1, end + 1):
        rolling.advance(day)
        if day >= start:
            known = np.flatnonzero((rolling.counts[-1] > 0) | (rolling.frauds[-1] > 0))
            values = _profiles(rolling, known)
            yield (
                date_of(day),
                pa.table([merchants.take(pa.array(known)), *values.T], schema=PROFILE_ARROW),
            )


@dataclass(frozen=True)
class _Day:
    """One day's figures: rows of count, amount, squares_high, squares_low for these merchants."""

    merchants: Ints
    figures: Ints


class _Rolling:
    """Sums over the windows that end at a midnight, moved on day by day."""

    def __init__(self, days: dict[int, _Day], changes: dict[int, Ints], merchants: int) -> None:
        windows = len(MERCHANT_WINDOWS_DAYS)
        self._days, self._changes = days, changes
        self.counts = np.zeros((windows, merchants), dtype=np.int64)
        self.frauds = np.zeros((windows, merchants), dtype=np.int64)
        self.amounts = np.zeros((3, merchants), dtype=np.int64)

    def advance(self, midnight: int) -> None:
        """Let the windows end at this midnight; the one before was the last call's."""
        for window, length in enumerate(MERCHANT_WINDOWS_DAYS):
            self._add(window, midnight - 1, 1)
            self._add(window, midnight - 1 - length, -1)
        for window, merchant, change in self._changes.get(midnight, ()):
            self.frauds[window, merchant] += change

    def _add(self, window: int, day: int, sign: int) -> None:
        found = self._days.get(day)
        if found is None:
            return
        self.counts[window, found.merchants] += sign * found.figures[0]
        if window == len(MERCHANT_WINDOWS_DAYS) - 1:
            self.amounts[:, found.merchants] += sign * found.figures[1:]


def _by_day(days: pa.Table, merchants: pa.Array) -> dict[int, _Day]:
    ordered = days.sort_by([("day", "ascending"), ("merchant_id", "ascending")])
    codes = pc.index_in(ordered["merchant_id"], merchants).to_numpy()
    figures = np.stack([ordered[name].to_numpy() for name in MERCHANT_DAYS_ARROW.names[2:]])
    numbers, starts = np.unique(ordered["day"].to_numpy(), return_index=True)
    parts = zip(
        np.split(codes.astype(np.int64), starts[1:]), np.split(figures, starts[1:], axis=1), strict=True
    )
    return {int(number): _Day(*part) for number, part in zip(numbers, parts, strict=False)}


def _spans(frauds: pa.Table, merchants: pa.Array) -> dict[int, Ints]:
    """Changes of the fraud counts by midnight: rows of window, merchant, change."""
    codes = pc.index_in(frauds["merchant_id"], merchants).to_numpy().astype(np.int64)
    reported, since, until = (frauds[name].to_numpy() for name in FRAUD_SPANS_ARROW.names[1:])
    changes: list[Ints] = []
    for window, length in enumerate(MERCHANT_WINDOWS_DAYS):
        enters, leaves = since + 1, np.minimum(until, reported + length) + 1
        seen = leaves > enters
        for midnight, change in ((enters, 1), (leaves, -1)):
            fill = np.ones_like(codes)
            moves = np.stack([midnight, window * fill, codes, change * fill], axis=1)
            changes.append(moves[seen])
    every = np.concatenate(changes)
    every = every[np.argsort(every[:, 0], kind="stable")]
    numbers, starts = np.unique(every[:, 0], return_index=True)
    parts = np.split(every[:, 1:], starts[1:])
    return {int(number): part for number, part in zip(numbers, parts, strict=False)}


def _profiles(rolling: _Rolling, known: Ints) -> npt.NDArray[np.float64]:
    """Rows of PROFILE_COLUMNS for the merchants `known`."""
    total = int(rolling.counts[-1].sum())
    global_rate = int(rolling.frauds[-1].sum()) / total if total else np.nan
    counts = rolling.counts[:, known].astype(np.float64)
    prior = MERCHANT_PRIOR_WEIGHT
    rates = (rolling.frauds[:, known] + prior * global_rate) / (counts + prior)
    mean, deviation = _mean_and_deviation(rolling.counts[-1, known], rolling.amounts[:, known])
    return np.column_stack([counts.T, rates.T, mean, deviation])


def _mean_and_deviation(counts: Ints, amounts: Ints) -> tuple[npt.NDArray[np.float64], ...]:
    """Mean and population standard deviation, from exact sums; NaN without a transaction."""
    some = counts > 0
    number = np.where(some, counts, 1)
    total, high, low = (row.astype(object) for row in amounts)
    spread = number.astype(object) * (high * (1 << _BITS) + low) - total * total
    mean = np.where(some, amounts[0] / number, np.nan)
    deviation = np.where(some, np.sqrt(spread.astype(np.float64)) / number, np.nan)
    return mean, deviation


def _square_halves(amounts: pa.ChunkedArray) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Squares of amounts below 2 ** 46, which need more than 63 bits: >> `_BITS`, and the bits below."""
    high, low = pc.shift_right(amounts, _HALF), pc.bit_wise_and(amounts, (1 << _HALF) - 1)
    middle = pc.multiply(high, low)  # counts 2 ** (_HALF + 1) times
    part = _BITS - _HALF - 1
    rest = pc.add(pc.shift_left(pc.bit_wise_and(middle, (1 << part) - 1), _HALF + 1), pc.multiply(low, low))
    whole = pc.add(
        pc.shift_left(pc.multiply_checked(high, high), 2 * _HALF - _BITS), pc.shift_right(middle, part)
    )
    return pc.add_checked(whole, pc.shift_right(rest, _BITS)), pc.bit_wise_and(rest, (1 << _BITS) - 1)
