"""Tables of payments with their amounts in the base, and without refunds."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import UNKNOWN
from fraud.money.batches import convert_amounts
from fraud.native.id_index import currency_number

PAID = {"paid_amount": pa.int64(), "paid_currency": pa.string()}
"""The columns that keep the amount (minor units) and the currency as paid."""


def in_base(definitions: Definitions, transactions: pa.Table) -> pa.Table:
    """Payments with `amount` in the base, null without a rate, and the base as `currency`.

    Args:
        definitions: without a base the table stays as it is.
        transactions: columns amount, currency and timestamp among others.

    Returns:
        The same rows, with `PAID` as further columns.
    """
    if definitions.money is None or definitions.rates is None:
        return transactions
    paid = transactions["amount"]
    amounts = paid.to_numpy().astype(np.int64, copy=True)
    times = transactions["timestamp"].to_numpy().astype(np.int64)
    convert_amounts(definitions.rates, amounts, _numbers(transactions["currency"]), times)
    replaced = {
        "amount": pa.array(amounts, mask=amounts == UNKNOWN),
        "currency": pa.array([definitions.money.code] * len(amounts), pa.string()),
        "paid_amount": paid,
        "paid_currency": transactions["currency"],
    }
    return pa.table({name: transactions[name] for name in transactions.column_names} | replaced)


def counted_payments(definitions: Definitions, transactions: pa.Table) -> pa.Table:
    """What merchants' daily profiles count: without refunds, and with amounts in the base if there is one.

    Args:
        definitions: of the payments.
        transactions: the columns of `counted_columns` among others.
    """
    return in_base(definitions, _without_refunds(definitions, transactions))


def _without_refunds(definitions: Definitions, transactions: pa.Table) -> pa.Table:
    """The payments alone, of a table with amounts as paid."""
    if not definitions.field_by_name["amount"].allows_refunds:
        return transactions
    return transactions.filter(pc.invert(_is_refund(definitions, transactions)))


def counted_columns(definitions: Definitions) -> tuple[str, ...]:
    """The columns beside the amount that `counted_payments` needs; none if amounts count as they come."""
    kind = definitions.field_by_name["amount"].refund_field
    return (*(("currency",) if definitions.money else ()), *((kind,) if kind else ()))


def counting_rule(definitions: Definitions, first_day: int, last_day: int) -> list[object]:
    """What identifies how `counted_payments` counts payments of these days (since 1970), the last excluded.

    Empty where all payments count as they come.
    """
    amount, money = definitions.field_by_name["amount"], definitions.money
    refunds = [amount.refund_field, *amount.refund_values] if amount.allows_refunds else []
    rates = [money.code, money.max_age_days, money.rates.digest(first_day, last_day)] if money else []
    return [one for one in (refunds, rates) if one]


def _is_refund(definitions: Definitions, transactions: pa.Table) -> pa.ChunkedArray:
    """Whether each row is a refund; also where there is no rate, unlike in the kernel."""
    amount = definitions.field_by_name["amount"]
    found = pc.less(transactions["amount"], 0).fill_null(False)
    if amount.refund_field in transactions.column_names:
        kinds = pa.array(amount.refund_values, pa.string())
        by_kind = pc.is_in(transactions[amount.refund_field].cast(pa.string()), value_set=kinds)
        found = pc.or_(found, by_kind)
    return found


def _numbers(currencies: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    encoded = currencies.combine_chunks().dictionary_encode()
    numbers = np.array([currency_number(code) for code in encoded.dictionary.to_pylist()], dtype=np.int64)
    found: npt.NDArray[np.int64] = numbers[encoded.indices.to_numpy()]
    return found
