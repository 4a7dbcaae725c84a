"""The payments of a day as profiles count them, read from the lake."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fraud.definitions.definitions import Definitions
from fraud.features.events import encode_table
from fraud.ingest.commits import LakeFile
from fraud.lake import Lake
from fraud.profiles.keys import counted_keys
from fraud.schema import transaction_arrow

Ints = npt.NDArray[np.int64]

_MULTIPLIER = np.uint64(0x9E37_79B9_7F4A_7C15)


@dataclass(frozen=True)
class DayPayments:
    """Payments of one day; one that was delivered again, same card and same id, is there once.

    Attributes:
        ids: hashes of their transaction_id, (N,).
        files: which of the day's files has them, (N,).
        times: ms, (N,).
        amounts: minor units, in the base currency if there is one, or `UNKNOWN`; (N,).
        keys: by field that has profiles, in which of them each counts (`counted_keys`), (N,).
    """

    ids: Ints
    files: Ints
    times: Ints
    amounts: Ints
    keys: dict[str, Ints]


def in_arrival_order(files: Sequence[LakeFile]) -> list[LakeFile]:
    """Files in an order in which the payments of each card are as they arrived."""
    return sorted(files, key=lambda file: (file.partition, file.start))


def read_day(definitions: Definitions, lake: Lake, files: Sequence[LakeFile]) -> DayPayments:
    """The payments of one day's files, given in arrival order.

    Raises:
        DataError: a file is missing or does not fit the definitions.
    """
    schema = payment_arrow(definitions)
    parts = [_columns(definitions, lake.read_rows(file.path, schema)) for file in files]
    numbers = np.repeat(np.arange(len(parts)), [part.shape[1] for part in parts])
    columns = np.concatenate([np.empty((4 + len(definitions.profile_fields), 0), dtype=np.int64), *parts], 1)
    ids, cards = columns[:2].view(np.uint64)
    _, firsts = np.unique(ids + cards * _MULTIPLIER, return_index=True)
    ids, _, times, amounts, *keys = columns[:, firsts]
    by_field = dict(zip(definitions.profile_fields, keys, strict=True))
    return DayPayments(ids, numbers[firsts], times, amounts, by_field)


def payment_arrow(definitions: Definitions) -> pa.Schema:
    """The columns of the lake's transactions that profiles are made of."""
    kind = definitions.field_by_name["amount"].refund_field
    needed = ("transaction_id", "card_id", "timestamp", "amount", "currency", *definitions.profile_fields)
    needed += (kind,) if kind else ()
    schema = transaction_arrow(definitions)
    return pa.schema([(name, schema.field(name).type) for name in dict.fromkeys(needed)])


def _columns(definitions: Definitions, table: pa.Table) -> Ints:
    """Hashed ids and cards, times, amounts and keys."""
    events, index = encode_table(definitions, table), definitions.field_index
    needed = ("transaction_id", "card_id", "timestamp", "amount")
    columns = [events.values[:, index[name]] for name in needed]
    return np.stack([*columns, *counted_keys(definitions, events).values()])
