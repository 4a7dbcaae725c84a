"""Which source column, or constant, feeds which field; read from a small YAML file.

Each entry names a target field and one of:

    card_id: cc_num                                      # a column
    currency: {value: USD}                               # a constant
    timestamp: {column: ts, format: epoch_s}             # a column and how to read it
    is_fraud: Class                                      # a label, here or in the file of labels
    country: null                                        # not this, though there is a column of that name

A field that is not named comes from the column of its own name, if there is one. A timestamp's format is
`iso` (the default for text), `epoch_ms` (the default for numbers), `epoch_s`, or strptime directives such
as `"%d/%m/%Y %H:%M"`. A time without a zone is UTC.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import yaml

from fraud.errors import ConfigurationError, DataError
from fraud.schema import Label, Transaction

TRANSACTION_FIELDS = tuple(field.name for field in msgspec.structs.fields(Transaction))
REQUIRED_FIELDS = tuple(field.name for field in msgspec.structs.fields(Transaction) if field.required)
LABEL_FIELDS = tuple(field.name for field in msgspec.structs.fields(Label))
VERDICT = "is_fraud"
_MAPPABLE = tuple(dict.fromkeys(TRANSACTION_FIELDS + LABEL_FIELDS))
_TIME_FIELDS = ("timestamp", "reported_at")
_NAMED_FORMATS = ("iso", "epoch_s", "epoch_ms")


@dataclass(frozen=True)
class Origin:
    """Where a field's values come from: a column (and how to read its times), one constant, or nowhere."""

    column: str | None = None
    value: str | None = None
    format: str | None = None


Columns = dict[str, Origin]
"""Target field to origin."""


def read_mapping(path: Path) -> Columns:
    """The mapping of a YAML file.

    Raises:
        ConfigurationError: the file is missing, is not a mapping, or names an unknown field.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(
            f"the mapping {path} cannot be read: {' '.join(str(error).split())}"
        ) from None
    if not isinstance(document, dict) or not document:
        raise ConfigurationError(f"the mapping {path} must hold lines such as `card_id: cc_num`")
    return {str(target): _origin(str(target), entry) for target, entry in document.items()}


def resolve(mapping: Columns, available: Sequence[str], fields: Sequence[str]) -> Columns:
    """The origin of each of `fields` that has one: as mapped, else the column of its own name."""
    own = {name: Origin(column=name) for name in fields if name in available}
    mapped = {name: origin for name, origin in mapping.items() if name in fields}
    return {name: origin for name, origin in (own | mapped).items() if origin != Origin()}


def require_columns(columns: Columns, available: Sequence[str], required: Sequence[str], what: str) -> None:
    """See that every field needed has an origin, and every origin a column of the file.

    Raises:
        DataError: one does not; tells what is there and what is needed.
    """
    absent = sorted({origin.column for origin in columns.values() if origin.column} - set(available))
    unfed = [name for name in required if name not in columns]
    if absent or unfed:
        lacks = f"has no column {', '.join(absent)}" if absent else f"gives no {', '.join(unfed)}"
        raise DataError(
            f"{what} {lacks}: its columns are {', '.join(available)}; needed are {', '.join(required)} "
            "(name others with --columns mapping.yaml)"
        )


def _origin(target: str, entry: object) -> Origin:
    if target not in _MAPPABLE:
        raise ConfigurationError(f"the mapping names {target!r}; the fields are {', '.join(_MAPPABLE)}")
    if entry is None or isinstance(entry, str):
        return Origin(column=entry)
    if not isinstance(entry, dict) or ("column" in entry) == ("value" in entry):
        raise ConfigurationError(
            f"the mapping of {target} must be a column's name, {{column: ...}} or {{value: ...}}"
        )
    unknown = sorted(set(map(str, entry)) - {"column", "value", "format"})
    if unknown:
        raise ConfigurationError(f"the mapping of {target} does not know {', '.join(unknown)}")
    if "value" in entry:
        return Origin(value=str(entry["value"]))
    return Origin(column=str(entry["column"]), format=_format(target, entry.get("format")))


def _format(target: str, name: object) -> str | None:
    if name is None:
        return None
    if target not in _TIME_FIELDS:
        raise ConfigurationError(f"the mapping of {target} has a format, which only times have")
    if not isinstance(name, str) or (name not in _NAMED_FORMATS and "%" not in name):
        known = ", ".join(_NAMED_FORMATS)
        raise ConfigurationError(
            f"the mapping of {target} has the format {name!r}, not {known} or strptime's"
        )
    return name
