"""Rates as compiled code looks them up: which rate a payment of a day has, for each currency."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fraud.money.conversion import UNKNOWN, convert, day_index
from fraud.money.currencies import currency_index_of, minor_digits
from fraud.money.rates import RATE_DECIMALS, DailyRates
from fraud.native.admission_rules import LETTERS

NO_RATES, BASE = -1, -2
"""Instead of a column: a currency without rates; the base, whose amounts stay as they are."""


@dataclass(frozen=True)
class RateTable:
    """The rate of each day of payments and currency.

    A payment has the newest rate that is dated before its UTC day, by at most `max_age_days`. So the rate is
    known when the day starts, and training finds the one that serving used.

    Attributes:
        first_day: the day (since 1970) of payments that the first row is for.
        columns: int16 (LETTERS ** 3,), by `currency_index`: the currency's column, `NO_RATES` or `BASE`.
        exponents: int64 (currencies,), as `fraud.money.conversion.convert` takes them.
        rates: int64 (days, currencies), in units of 10 ** -`RATE_DECIMALS`; 0: there is none.
        rate_days: int32 (days, currencies): the day that the rate is dated; -1: there is none.
    """

    first_day: int
    columns: npt.NDArray[np.int16]
    exponents: npt.NDArray[np.int64]
    rates: npt.NDArray[np.int64]
    rate_days: npt.NDArray[np.int32]

    def convert(self, amount: int, currency: str, time: int) -> int:
        """An amount (minor units) paid at a time (ms), in minor units of the base or `UNKNOWN`."""
        column = self.columns[currency_index_of(currency)]
        if column == BASE:
            return amount
        day = day_index(time, self.first_day, len(self.rates))
        if column == NO_RATES or day < 0:
            return UNKNOWN
        return convert(amount, int(self.rates[day, column]), int(self.exponents[column]))

    def rate_day(self, currency: str, time: int) -> int | None:
        """The day that the rate of a payment is dated; None without a rate, and for the base."""
        column = self.columns[currency_index_of(currency)]
        day = day_index(time, self.first_day, len(self.rates))
        if column < 0 or day < 0 or self.rate_days[day, column] < 0:
            return None
        return int(self.rate_days[day, column])


def rate_table(daily: DailyRates, max_age_days: int) -> RateTable:
    """The table of rates that are used until they are so many days old."""
    series: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for (day, currency), rate in daily.rates.items():
        series[currency].append((day, rate))
    known = [day for day, _ in daily.rates]
    first_day = min(known, default=0) + 1
    days = np.arange(first_day, max(known, default=0) + max_age_days + 1)
    found = [_of_days(sorted(series[currency]), days, max_age_days) for currency in sorted(series)]
    empty = np.zeros((0, len(days)), dtype=np.int64)
    return RateTable(
        first_day,
        _columns(sorted(series), daily.base),
        np.array([_exponent(currency, daily.base) for currency in sorted(series)], dtype=np.int64),
        np.ascontiguousarray(np.array([rates for rates, _ in found] or empty).T),
        np.ascontiguousarray(np.array([dated for _, dated in found] or empty).T.astype(np.int32)),
    )


def _of_days(
    series: list[tuple[int, int]], days: npt.NDArray[np.int64], max_age_days: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The rate of each day and its date: of one currency, whose rates are given in order."""
    dated, rates = np.array(series, dtype=np.int64).T
    newest = np.searchsorted(dated, days) - 1
    is_known = (newest >= 0) & (days - dated[newest] <= max_age_days)
    return np.where(is_known, rates[newest], 0), np.where(is_known, dated[newest], -1)


def _columns(currencies: Iterable[str], base: str) -> npt.NDArray[np.int16]:
    columns = np.full(LETTERS**3, NO_RATES, dtype=np.int16)
    for column, currency in enumerate(currencies):
        columns[currency_index_of(currency)] = column
    columns[currency_index_of(base)] = BASE
    return columns


def _exponent(currency: str, base: str) -> int:
    return RATE_DECIMALS + minor_digits(base) - minor_digits(currency)
