"""Which column of a file, or which constant, feeds which field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fraud.definitions.fields import Field
from fraud.errors import DataError
from fraud.machine.terminal import shown
from producer.replay.files.source import FileOptions


@dataclass(frozen=True)
class FieldSource:
    """Where a field's values come from, and how they are written; all None is nowhere.

    Attributes:
        column: one column of the file.
        value: a constant.
        format: of times.
        columns: several columns, joined by a space.
        row: derived from the row: its `number` with the file's name, or its `hash`.
        zone: of times without one.
        repeated: which of the two is meant in the hour that clocks repeat, `earlier` or `later`.
        start: a moment (ms) since which the times count, in units of `unit`.
        unit: ms, s, m, h or d of an offset; `minor` of an amount in cents.
        decimal: the decimal sign.
        thousands: the sign between thousands.
        round: to whole minor units; None refuses what has more decimals.
        strip: prefixes to take off.
        pad: digits to fill up to with leading zeros.
        nulls: values that mean null.
        values: what is written, and what it means.
        default: for what is missing, and for a source that is not known.
    """

    column: str | None = None
    value: str | None = None
    format: str | None = None
    columns: tuple[str, ...] = ()
    row: str | None = None
    zone: str | None = None
    repeated: str | None = None
    start: int | None = None
    unit: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    round: bool = False
    strip: tuple[str, ...] = ()
    pad: int | None = None
    nulls: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    default: str | None = None

    def needs(self) -> tuple[str, ...]:
        """The columns of the file that it reads."""
        return (self.column,) if self.column is not None else self.columns


class ColumnMapping(dict[str, FieldSource]):
    """Target field to origin; `file` is how the file is written, `labels` the mapping of a file of labels."""

    file: FileOptions = FileOptions()
    labels: "ColumnMapping | None" = None

    def of_labels(self) -> "ColumnMapping":
        """The mapping of the file of labels: its own entries before the common ones."""
        own = self.labels or ColumnMapping()
        merged = ColumnMapping(self | own)
        merged.file = own.file
        return merged


def resolve(
    mapping: Mapping[str, FieldSource], available: Sequence[str], fields: Sequence[Field]
) -> dict[str, FieldSource]:
    """The source of each of `fields` that has one: as mapped, else the column of its path or its name.

    Raises:
        DataError: a column has the path of one field and the name of another, and both would take it.
    """
    sources: dict[str, FieldSource] = {}
    taken: dict[str, str] = {}
    columns = set(available)
    for field in fields:
        own = next((name for name in (".".join(field.path), field.name) if name in columns), None)
        if own is not None and field.name not in mapping:
            other = taken.setdefault(own, field.name)
            if other != field.name:
                raise DataError(
                    f"the column {shown(own)} could be {other} or {field.name}; say with --columns "
                    "mapping.yaml which columns they have"
                )
        source = mapping.get(field.name, FieldSource(column=own))
        if source != FieldSource():
            sources[field.name] = source
    return sources


def require_columns(
    columns: dict[str, FieldSource],
    available: Sequence[str],
    required: Sequence[str],
    what: str,
    advice: str = "",
) -> None:
    """See that every field needed has an origin, and every origin a column of the file.

    Raises:
        DataError: one does not; names the columns and the required fields.
    """
    absent = sorted({name for origin in columns.values() for name in origin.needs()} - set(available))
    unfed = [name for name in required if name not in columns]
    if absent or unfed:
        lacks = f"has no column {_listed(absent)}" if absent else f"gives no {', '.join(unfed)}"
        raise DataError(
            f"{what} {lacks}: its columns are {_listed(available)}; needed are {', '.join(required)} "
            f"(name others with --columns mapping.yaml{advice})"
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(shown, names))


def with_format(origin: FieldSource, name: str) -> FieldSource:
    """The same origin, its times read in the format of that name."""
    return replace(origin, format=name)
