"""What the start of a file shows: units of times, and defaults for absent columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from fraud.definitions.fields import Field, FieldType
from fraud.errors import DataError
from producer.inspection.names import columns_for
from producer.replay.forms.times import epoch_format
from producer.replay.mapping.columns import FieldSource, with_format

_UNITS = {"epoch_s": "seconds", "epoch_us": "microseconds", "epoch_ns": "nanoseconds"}
BASE_CURRENCY = "EUR"


@dataclass(frozen=True)
class Recognised:
    """Origins of fields, and what was assumed for them, in sentences."""

    columns: dict[str, FieldSource]
    notes: list[str]


def with_defaults(
    columns: Mapping[str, FieldSource], available: list[str], *, has_label_file: bool
) -> Recognised:
    """With an identifier of each row and a currency, where the file and the mapping give none.

    Raises:
        DataError: a column looks like the one that is missing, or labels of another file could not be joined.
    """
    found, notes = dict(columns), list[str]()
    for field in ("transaction_id", "currency"):
        likely = [name for name in columns_for(field, available) if not _is_read(name, columns)]
        if field not in columns and likely:
            raise DataError(
                f"the file of transactions gives no {field}, and its column {likely[0]} looks like it: add "
                f"`{field}: {_quoted(likely[0])}` to the mapping (--columns mapping.yaml), or `{field}: "
                + ("{row: number}`" if field == "transaction_id" else "{value: EUR}`")
                + " if it is something else"
            )
    if "transaction_id" not in found:
        if has_label_file:
            raise DataError(
                "the file of transactions gives no transaction_id, so that the labels of another file "
                "cannot be "
                "joined: name its column in the mapping, `transaction_id: ...`"
            )
        found["transaction_id"] = FieldSource(row="number")
        notes.append("it has no transaction_id: the file's name and the row's number are taken for it")
    if "currency" not in found:
        found["currency"] = FieldSource(value=BASE_CURRENCY)
        notes.append(
            f"it has no currency: all amounts are taken for {BASE_CURRENCY}; if they are others, add "
            "`currency: {value: USD}` to the mapping"
        )
    return Recognised(found, notes)


def recognise_units(
    columns: Mapping[str, FieldSource], head: pa.RecordBatch, fields: Sequence[Field]
) -> Recognised:
    """With the unit of numbers that are times, by their size."""
    found, notes = dict(columns), list[str]()
    for field in (one.name for one in fields if one.type is FieldType.TIME):
        origin = columns.get(field, FieldSource())
        if origin.column is None or origin.format is not None or origin.start is not None:
            continue
        unit = epoch_format(head.column(origin.column))
        if unit is not None and unit in _UNITS:
            found[field] = with_format(origin, unit)
            notes.append(f"{field} counts {_UNITS[unit]} since 1970, by the size of its numbers")
    return Recognised(found, notes)


def _is_read(name: str, columns: Mapping[str, FieldSource]) -> bool:
    return any(name in origin.needs() for origin in columns.values())


def _quoted(name: str) -> str:
    return name if name.replace("_", "").isalnum() and not name.isdigit() else f'"{name}"'
