"""Tables of payments with their amounts in the base."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

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


def _numbers(currencies: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    encoded = currencies.combine_chunks().dictionary_encode()
    numbers = np.array([currency_number(code) for code in encoded.dictionary.to_pylist()], dtype=np.int64)
    found: npt.NDArray[np.int64] = numbers[encoded.indices.to_numpy()]
    return found
