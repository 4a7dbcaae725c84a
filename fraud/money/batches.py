"""Amounts of many payments in the base, compiled; `RateTable.convert` is the readable reference."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fraud.money import conversion
from fraud.money.rate_table import BASE, NO_RATES, RateTable
from fraud.native import admission_rules
from fraud.native.jit import compile_functions, compiled, inlined

if TYPE_CHECKING:
    from fraud.definitions.definitions import Definitions

_conversion = compile_functions(conversion, conversion.COMPILED)
_convert, _day_index = _conversion["convert"], _conversion["day_index"]
_currency_index = compile_functions(admission_rules, (admission_rules.currency_index,))["currency_index"]
_UNKNOWN = conversion.UNKNOWN


def convert_amounts(
    table: RateTable,
    amounts: npt.NDArray[np.int64],
    currencies: npt.NDArray[np.int64],
    times: npt.NDArray[np.int64],
) -> int:
    """Convert the amounts of n payments in place.

    Args:
        table: the rates.
        amounts: minor units of the payment's currency, or `UNKNOWN`; (n,), may be a column.
        currencies: as `Events.values` has them, (n,), may be a column.
        times: of the payments, ms, (n,), may be a column.

    Returns:
        How many amounts have become unknown.
    """
    return int(
        _convert_amounts(
            amounts, currencies, times,
            table.first_day, table.columns, table.exponents, table.rates,
        )
    )  # fmt: skip


def convert_money(definitions: "Definitions", values: npt.NDArray[np.int64], rates: RateTable | None) -> int:
    """Put all amounts of n payments into the base, in place.

    Args:
        definitions: of the values.
        values: `Events.values` with amounts as paid, (n, F).
        rates: None: amounts stay as they are.

    Returns:
        Of how many payments `amount` has become unknown.
    """
    if rates is None:
        return 0
    index = definitions.field_index
    currencies, times = values[:, index["currency"]], values[:, index["timestamp"]]
    missing = {
        column: convert_amounts(rates, values[:, column], currencies, times)
        for column in definitions.money_columns
    }
    return missing[index["amount"]]


def rate_days(
    table: RateTable, currencies: npt.NDArray[np.int64], times: npt.NDArray[np.int64]
) -> npt.NDArray[np.int32]:
    """The day (since 1970) that the rate of each payment is dated, (n,); -1: it has none."""
    found = np.empty(len(times), dtype=np.int32)
    _find_rate_days(currencies, times, table.first_day, table.columns, table.rate_days, found)
    return found


@inlined
def _column(currency, columns):  # type: ignore[no-untyped-def]
    index = _currency_index(currency >> 16, currency >> 8 & 255, currency & 255)
    return NO_RATES if index < 0 else columns[index]


@compiled
def _convert_amounts(amounts, currencies, times, first_day, columns, exponents, rates):  # type: ignore[no-untyped-def]
    missing = 0
    for row in range(len(amounts)):
        amount, currency = amounts[row], currencies[row]
        column = _column(currency, columns)
        if amount == _UNKNOWN or column == BASE:
            continue
        day = _day_index(times[row], first_day, len(rates))
        if column == NO_RATES or day < 0:
            amounts[row] = _UNKNOWN
        else:
            amounts[row] = _convert(amount, rates[day, column], exponents[column])
        missing += amounts[row] == _UNKNOWN
    return missing


@compiled
def _find_rate_days(currencies, times, first_day, columns, dated, found):  # type: ignore[no-untyped-def]
    for row in range(len(times)):
        column = _column(currencies[row], columns)
        day = _day_index(times[row], first_day, len(dated))
        found[row] = -1 if column < 0 or day < 0 else dated[day, column]
