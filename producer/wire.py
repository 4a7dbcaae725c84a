"""Tables of transactions and labels as the JSON that travels on the topics, a column at a time.

The bytes decode to the same rows through `fraud.schema`; what is null is left out.
"""

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fraud.schema import Label, Transaction, minor_digits

_ESCAPED = '["\\\\\\x00-\\x1f]'


def encode_transactions(table: pa.Table) -> list[bytes]:
    """One message for each row; amounts are int64 in minor units."""
    table = table.combine_chunks()
    columns = {name: _json(_flat(table[name])) for name in _names(Transaction, table) if name != "amount"}
    columns["amount"] = _quoted(decimal_text(_flat(table["amount"]), _flat(table["currency"])))
    return _objects({name: columns[name] for name in _names(Transaction, table)})


def encode_labels(table: pa.Table) -> list[bytes]:
    """One message for each row."""
    return _objects({name: _json(_flat(table[name])) for name in _names(Label, table)})


def decimal_text(minor: pa.Array, currencies: pa.Array) -> pa.Array:
    """Amounts in minor units as decimal text, with as many decimals as the currency has."""
    codes = {code: minor_digits(code) for code in pc.unique(currencies).to_pylist()}
    text = pa.nulls(len(minor), pa.string())
    for digits in sorted(set(codes.values())):
        of_these = pc.is_in(
            currencies, pa.array([code for code, own in codes.items() if own == digits], pa.string())
        )
        text = pc.if_else(of_these, pc.cast(_scaled(minor, digits), pa.string()), text)
    return text


def _scaled(minor: pa.Array, digits: int) -> pa.Array:
    low = minor.to_numpy()
    halves = np.stack([low, low >> 63], axis=1)  # the two halves of a 128-bit integer
    return pa.Array.from_buffers(pa.decimal128(20, digits), len(low), [None, pa.py_buffer(halves)])


def _names(struct: type[msgspec.Struct], table: pa.Table) -> list[str]:
    return [one.name for one in msgspec.structs.fields(struct) if one.name in table.column_names]


def _flat(column: pa.ChunkedArray) -> pa.Array:
    return (
        column.chunk(0)
        if column.num_chunks == 1
        else pa.concat_arrays(column.chunks or [pa.nulls(0, column.type)])
    )


def _json(column: pa.Array) -> pa.Array:
    if not pa.types.is_string(column.type):
        return pc.cast(column, pa.string())
    if pc.any(pc.match_substring_regex(column, _ESCAPED)).as_py():
        return pa.array(
            [None if one is None else msgspec.json.encode(one).decode() for one in column.to_pylist()]
        )
    return _quoted(column)


def _quoted(text: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise('"', text, '"', "")


def _objects(columns: dict[str, pa.Array]) -> list[bytes]:
    """Objects of JSON texts; the first column is never null."""
    members: list[pa.Array] = []
    for name, column in columns.items():
        head = f'"{name}":' if not members else f',"{name}":'
        members.append(pc.fill_null(pc.binary_join_element_wise(head, column, ""), ""))
    rows: list[bytes] = pc.cast(pc.binary_join_element_wise("{", *members, "}", ""), pa.binary()).to_pylist()
    return rows
