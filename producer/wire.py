"""Tables as the JSON that travels on the topics, a whole column at a time."""

from dataclasses import dataclass, replace
from functools import reduce
from typing import TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import Field, FieldType
from fraud.messages.decoding import FRAUD_TYPE_HEADER
from fraud.schema import minor_digits
from producer.label_fields import LABEL_FIELDS

Headers: TypeAlias = "list[tuple[str, bytes]] | None"
Piece: TypeAlias = "str | pa.Array"
"""A literal of every message or a column of what differs."""
Members: TypeAlias = "dict[str, Field | Members]"
"""The members of a JSON object: fields, and objects of their own."""

_LABEL_MEMBERS: Members = {field.name: replace(field, is_optional=False) for field in LABEL_FIELDS}


@dataclass(frozen=True)
class OutgoingMessages:
    """What a producer sends, message by message; the timestamp is Kafka's, in ms."""

    keys: list[bytes]
    values: list[bytes]
    timestamps: list[int]
    headers: list[Headers]

    def __len__(self) -> int:
        return len(self.values)

    def part(self, first: int, end: int) -> "OutgoingMessages":
        """The messages from `first` to before `end`."""
        chosen = slice(first, end)
        return OutgoingMessages(
            self.keys[chosen], self.values[chosen], self.timestamps[chosen], self.headers[chosen]
        )


def transaction_messages(definitions: Definitions, table: pa.Table) -> OutgoingMessages:
    """Transactions (columns of `transaction_schema`): keyed by card, stamped with the event time.

    Each field is written at its path. What is absent, and a column that the table lacks, is left out.
    """
    return _messages(table, _object(_tree(definitions), table), table["timestamp"])


def label_messages(table: pa.Table) -> OutgoingMessages:
    """Labels: keyed by card, stamped with the time of the report; the kind of fraud is a header."""
    pieces = ["{", *_members(_LABEL_MEMBERS, table), "}"]
    messages = _messages(table, pieces, table["reported_at"])
    if "fraud_type" not in table.column_names:
        return messages
    kinds = table["fraud_type"].to_pylist()
    return replace(
        messages, headers=[[(FRAUD_TYPE_HEADER, kind.encode())] if kind else None for kind in kinds]
    )


def _messages(table: pa.Table, pieces: list[Piece], times: pa.ChunkedArray) -> OutgoingMessages:
    values = pc.binary_join_element_wise(*pieces, "").cast(pa.binary())
    keys = table["card_id"].cast(pa.binary())
    return OutgoingMessages(keys.to_pylist(), values.to_pylist(), times.to_pylist(), [None] * len(keys))


def _tree(definitions: Definitions) -> Members:
    """The fields by the names of the objects around them; required ones come first in each object."""
    root: Members = {}
    for field in sorted(definitions.fields, key=lambda one: one.is_optional):
        members = root
        for name in field.path[:-1]:
            inner = members.setdefault(name, {})
            assert isinstance(inner, dict)
            members = inner
        members[field.path[-1]] = field
    return root


def _object(members: Members, table: pa.Table) -> list[Piece]:
    """`{...}`; without any member of its own an object is empty."""
    return ["{", *_members(members, table), "}"]


def _members(members: Members, table: pa.Table) -> list[Piece]:
    """`"name":value,"name":value`, without those that are absent."""
    present = [(name, one) for name, one in members.items() if _is_in(one, table)]
    if not present:
        return []
    (first, one), *others = present
    if isinstance(one, Field) and not _column(table, one.name).null_count:
        pieces = _value(first, one, table, "")
        return [*pieces, *(piece for name, inner in others for piece in _value(name, inner, table, ","))]
    # No member is in every message, so that the comma before the first one of each is cut off.
    joined = pc.binary_join_element_wise(
        *(piece for name, inner in present for piece in _value(name, inner, table, ",")), ""
    )
    return [pc.utf8_slice_codeunits(joined, 1)]


def _is_in(one: "Field | Members", table: pa.Table) -> bool:
    if isinstance(one, Field):
        return one.name in table.column_names
    return any(_is_in(inner, table) for inner in one.values())


def _value(name: str, one: "Field | Members", table: pa.Table, before: str) -> list[Piece]:
    """`"name":value` behind a comma, or nothing where the value is absent."""
    before = f"{before}{msgspec.json.encode(name).decode()}:"
    if not isinstance(one, Field):
        whole = pc.binary_join_element_wise(*_object(one, table), "")
        return _where_present(before, pc.if_else(pc.equal(whole, "{}"), None, whole), "")
    column = _column(table, one.name)
    if one.is_text:
        return _where_present(f'{before}"', _escaped(column), '"')
    if one.type is FieldType.MONEY:
        return _where_present(before, _amounts(column, _column(table, "currency")), "")
    if one.type is FieldType.FIXED:
        return _where_present(before, _decimals(column, one.scale), "")
    return _where_present(before, column.cast(pa.string()), "")


def _where_present(before: str, column: pa.Array, after: str) -> list[Piece]:
    if not column.null_count:
        return [before, column, after]
    return [pc.binary_join_element_wise(before, column, after, "").fill_null("")]


def _escaped(texts: pa.Array) -> pa.Array:
    """The texts as they stand between JSON's quotes; hardly any text needs escaping."""
    content = texts.buffers()[2]
    characters = np.frombuffer(content, np.uint8) if content is not None else np.empty(0, np.uint8)
    if not ((characters < 0x20) | (characters == ord('"')) | (characters == ord("\\"))).any():
        return texts
    encoded = texts.dictionary_encode()
    escaped = [msgspec.json.encode(text).decode()[1:-1] for text in encoded.dictionary.to_pylist()]
    return pa.array(escaped, pa.string()).take(encoded.indices)


def _column(table: pa.Table, name: str) -> pa.Array:
    return table[name].combine_chunks()


def _amounts(amounts: pa.Array, currencies: pa.Array) -> pa.Array:
    """Amounts as decimal numbers with as many decimals as the currency has."""
    encoded = currencies.dictionary_encode()
    digits = np.array([minor_digits(code) for code in encoded.dictionary.to_pylist()] or [0])
    places = digits[encoded.indices.to_numpy()]
    spellings = [(places == width, _decimals(amounts, int(width))) for width in np.unique(digits)]
    return reduce(
        lambda rest, one: pc.if_else(pa.array(one[0]), one[1], rest), spellings[1:], spellings[0][1]
    )


def _decimals(units: pa.Array, width: int) -> pa.Array:
    """Integers of 10 ** -width as decimal numbers."""
    if width == 0:
        return units.cast(pa.string())
    numbers = units.fill_null(0).to_numpy(zero_copy_only=False)
    whole, rest = np.divmod(np.abs(numbers), 10**width)
    padded = pc.utf8_lpad(pa.array(rest).cast(pa.string()), width, "0")
    text = pc.binary_join_element_wise(pa.array(whole).cast(pa.string()), padded, ".")
    if (numbers < 0).any():
        text = pc.binary_join_element_wise(pa.array(np.where(numbers < 0, "-", "")), text, "")
    return pc.if_else(units.is_valid(), text, None) if units.null_count else text
