"""Fields that definitions could declare for the columns of a file."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import pyarrow.compute as pc

from fraud.definitions.fields import FieldType
from producer.inspection.names import AFTERWARDS
from producer.inspection.profile import ColumnProfile

_NUMBERED = re.compile(r"^([A-Za-z_]+)([0-9]+)$")
_IDENTIFIER = re.compile(
    r"(id|ids|hash|token|number|no|nr|key|ref|uuid|fingerprint|account|email|mail|ip)$", re.I
)
_LONGEST_TEXT = 64
_LONGEST_NAME = 63
_FEWEST_IN_LIST = 3
_MOST_CATEGORIES = 200
_SMALL_SHARE = 0.2
_TYPES = {
    "yes/no": FieldType.BOOLEAN,
    "time": FieldType.TIME,
    "integer": FieldType.NUMBER,
    "decimal": FieldType.NUMBER,
}


@dataclass(frozen=True)
class ProposedField:
    """A field for a column, or a list of fields for numbered columns of one type.

    Attributes:
        name: of the field; of a list the start of its columns' names.
        type: what its values are.
        columns: of the file.
        is_optional: whether any row is without a value.
        examples: a few values, card numbers masked.
        is_suspicious: whether it may have been written after the fraud was known.
    """

    name: str
    type: FieldType
    columns: tuple[str, ...]
    is_optional: bool
    examples: tuple[str, ...]
    is_suspicious: bool = False

    @property
    def path(self) -> str | None:
        """Where the message has it, if that is not its name; of a list the object around it: none."""
        return None if len(self.columns) > 1 or self.columns[0] == self.name else self.columns[0]

    @property
    def column_range(self) -> str | None:
        """Of a list its columns, such as `V1..V28`."""
        return f"{self.columns[0]}..{self.columns[-1]}" if len(self.columns) > 1 else None


def propose_fields(columns: Sequence[ColumnProfile], taken: Collection[str]) -> list[ProposedField]:
    """A field for each column that is not taken and can be one; `taken` are columns and names of fields.

    Left out are empty columns, times of day, and texts of more than 64 characters.
    """
    single = [one for column in columns if column.name not in taken for one in _field(column)]
    names, found = set(taken), list[ProposedField]()
    for one in _with_lists(single):
        if one.name not in names:
            names.add(one.name)
            found.append(one)
    return found


def _field(column: ColumnProfile) -> Iterator[ProposedField]:
    kind = _type_of(column)
    name = re.sub(r"[^a-z0-9]+", "_", column.name.lower()).strip("_")[:_LONGEST_NAME]
    if kind is not None and name[:1].isalpha() and name.isascii():
        is_suspicious = bool(AFTERWARDS.search(column.name))
        yield ProposedField(
            name, kind, (column.name,), column.missing > 0, tuple(column.examples), is_suspicious
        )


def _type_of(column: ColumnProfile) -> FieldType | None:
    if column.kind == "integer" and _IDENTIFIER.search(column.name):
        return FieldType.ID
    if column.kind in _TYPES:
        return _TYPES[column.kind]
    if column.kind != "text" or pc.max(pc.utf8_length(column.values)).as_py() > _LONGEST_TEXT:
        return None
    rows = len(column.values.drop_null())
    is_few = column.different <= _MOST_CATEGORIES and column.different <= max(_SMALL_SHARE * rows, 2)
    return FieldType.CATEGORY if is_few and not _IDENTIFIER.search(column.name) else FieldType.ID


def _with_lists(fields: Sequence[ProposedField]) -> Iterator[ProposedField]:
    """Fields in their order; runs of numbered columns of one type become lists."""
    numbered = enumerate(fields)
    for _, group in groupby(numbered, key=lambda item: _run_of(*item)):
        run = [one for _, one in group]
        if len(run) < _FEWEST_IN_LIST:
            yield from run
        else:
            yield _list_of(run)


def _run_of(position: int, one: ProposedField) -> tuple[object, ...]:
    """What neighbours of one run share: start of the name, type, and distance of number and position."""
    match = _NUMBERED.match(one.columns[0])
    if match is None or str(int(match[2])) != match[2]:
        return (position,)
    return (match[1], one.type, int(match[2]) - position)


def _list_of(run: Sequence[ProposedField]) -> ProposedField:
    prefix = run[0].name.rstrip("0123456789_")
    return ProposedField(
        prefix,
        run[0].type,
        tuple(one.columns[0] for one in run),
        any(one.is_optional for one in run),
        run[0].examples,
        any(one.is_suspicious for one in run),
    )
