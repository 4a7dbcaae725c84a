"""The tables by which compiled code knows the fields of the definitions."""

from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64_intdigest

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import CORE_FIELDS, UNKNOWN, Field, FieldType
from fraud.messages.transaction import time_bounds
from fraud.native import json_reader, xxh3
from fraud.native.admission_rules import LETTERS
from fraud.native.id_index import ContentColumns
from fraud.native.json_reader import FieldTable, bucket_of
from fraud.schema import currency_index_of, minor_digits, unusual_currencies

UNKNOWN_NUMBER = int(np.array(np.nan).view(np.int64))
"""In `Events.values`: a `NUMBER` that is absent."""

_KINDS = {
    FieldType.ID: json_reader.ID,
    FieldType.CATEGORY: json_reader.CATEGORY,
    FieldType.CURRENCY: json_reader.CURRENCY,
    FieldType.MONEY: json_reader.MONEY,
    FieldType.FIXED: json_reader.FIXED,
    FieldType.TIME: json_reader.TIME,
    FieldType.NUMBER: json_reader.NUMBER,
    FieldType.BOOLEAN: json_reader.BOOLEAN,
}

_FIRST_CONTENT = (
    ("card_id", FieldType.ID),
    ("timestamp", FieldType.TIME),
    ("amount", FieldType.MONEY),
    ("merchant_id", FieldType.ID),
    ("currency", FieldType.CURRENCY),
    ("merchant_category", FieldType.CATEGORY),
    ("channel", FieldType.CATEGORY),
    ("country", FieldType.CATEGORY),
    ("latitude", FieldType.NUMBER),
    ("longitude", FieldType.NUMBER),
)
"""The fields that payments had before there were definitions: the content's digest starts from them."""

_FIRST_NOT_ASCII = 0x80
_NO_CODE = 0x110000


def absent_value(kind: FieldType) -> int:
    """What `Events.values` has for a field that is absent."""
    if kind in (FieldType.ID, FieldType.CATEGORY):
        return 0
    return UNKNOWN_NUMBER if kind is FieldType.NUMBER else UNKNOWN


@cache
def category_columns(definitions: Definitions) -> npt.NDArray[np.int64]:
    """The columns of `Events.values` that have codes of categories."""
    found = [at for at, one in enumerate(definitions.fields) if one.type is FieldType.CATEGORY]
    return np.array(found, dtype=np.int64)


@cache
def content_columns(definitions: Definitions) -> ContentColumns:
    """Which columns are part of the content's digest."""
    fields = definitions.fields
    kinds = {one.name: one.type for one in fields}
    first = [
        definitions.field_index[name] if kinds.get(name) is kind else -1 for name, kind in _FIRST_CONTENT
    ]
    known = {*first, definitions.field_index["transaction_id"]}
    further = [column for column in range(len(fields)) if column not in known]
    return ContentColumns(
        np.array(first, dtype=np.int64),
        np.array(further, dtype=np.int64),
        np.array([xxh3_64_intdigest(fields[one].name.encode()) for one in further], dtype=np.uint64),
        np.array([absent_value(fields[one].type) for one in further], dtype=np.int64),
    )


@cache
def field_table(definitions: Definitions) -> FieldTable:
    """What the JSON reader needs to know."""
    fields = definitions.fields
    members = _DeclaredNames.of(definitions)
    names = [name.encode() for name in members.names]
    width = max(map(len, names))
    padded = np.frombuffer(b"".join(name.ljust(width) for name in names), dtype=np.uint8)
    buckets, following = _buckets(names)
    return FieldTable(
        kinds=np.array([_KINDS[one.type] for one in fields]),
        is_required=np.array([not one.is_optional for one in fields]),
        min_lengths=np.array([one.min_length for one in fields]),
        max_lengths=np.array([one.max_length for one in fields]),
        sure_lengths=np.array(
            [one.min_length if one.min_length < 2 else 4 * one.min_length for one in fields]
        ),
        lowest=np.array([_bounds(one)[0] for one in fields], dtype=np.float64),
        highest=np.array([_bounds(one)[1] for one in fields], dtype=np.float64),
        scales=np.array([one.scale for one in fields]),
        absent=np.array([absent_value(one.type) for one in fields], dtype=np.int64),
        core=np.array([definitions.field_index[name] for name in CORE_FIELDS]),
        categories=category_columns(definitions),
        names=padded.reshape(len(names), width),
        lengths=np.array([len(name) for name in names]),
        targets=np.array(members.targets),
        first_entries=np.array(members.first_entries),
        parents=np.array(members.parents),
        own_entries=np.array(members.own_entries),
        levels=np.array([(1 << depth) - 1 for depth in members.depths]),
        buckets=buckets,
        next_entries=following,
        least_escape=_FIRST_NOT_ASCII if all(name.isascii() for name in names) else _NO_CODE,
        content=content_columns(definitions),
        minor_digits=_minor_digits(),
        secret=xxh3.SECRET,
    )


def _bounds(one: Field) -> tuple[float, float]:
    return time_bounds(one) if one.type is FieldType.TIME else (one.lowest, one.highest)


@cache
def _minor_digits() -> npt.NDArray[np.int64]:
    digits = np.full(LETTERS**3, minor_digits(""), dtype=np.int64)
    for currency in unusual_currencies():
        digits[currency_index_of(currency)] = minor_digits(currency)
    return digits


@dataclass
class _DeclaredNames:
    """The declared members of a message, object by object; see `FieldTable`."""

    names: list[str] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    first_entries: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=lambda: [0])
    own_entries: list[int] = field(default_factory=lambda: [0])
    depths: list[int] = field(default_factory=lambda: [1])

    @classmethod
    def of(cls, definitions: Definitions) -> "_DeclaredNames":
        """The members, those of the message first."""
        made = cls()
        around: list[tuple[str, ...]] = [()]
        for number, path in enumerate(around):  # it grows meanwhile
            made._add(definitions, number, path, around)
        made.first_entries.append(len(made.names))
        return made

    def _add(
        self, definitions: Definitions, number: int, path: tuple[str, ...], around: list[tuple[str, ...]]
    ) -> None:
        """Enter the members of one object, and each object among them into `around`."""
        depth, count = len(path), len(definitions.fields)
        self.first_entries.append(len(self.names))
        for column, one in enumerate(definitions.fields):
            inner = one.path[: depth + 1]
            if one.path[:depth] != path or inner in around:
                continue
            is_object = len(one.path) > depth + 1
            self.targets.append(count + len(around) if is_object else column)
            if is_object:
                around.append(inner)
                self.parents.append(number)
                self.own_entries.append(len(self.names))
                self.depths.append(depth + 2)
            self.names.append(inner[-1])


def _buckets(names: list[bytes]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The first entry of each bucket, and the next one of each entry."""
    count = 1 << (4 * len(names)).bit_length()
    first, following = np.full(count, -1, dtype=np.int64), np.full(len(names), -1, dtype=np.int64)
    for entry, name in enumerate(names):
        plain = name[: next((at for at, byte in enumerate(name) if byte >= _FIRST_NOT_ASCII), len(name))]
        bucket = bucket_of(len(plain), plain[0], plain[len(plain) >> 1], plain[-1], count) if plain else 0
        first[bucket], following[entry] = entry, first[bucket]
    return first, following
