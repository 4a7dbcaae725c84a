"""Which source column, or constant, feeds which field, and how its values are written; a small YAML file.

Each entry names a target field and one of:

    card_id: cc_num                                      # a column
    currency: {value: USD}                               # a constant
    timestamp: {column: ts, format: epoch_s}             # a column and how to read it
    timestamp: {columns: [day, time], zone: Europe/Rome} # several columns, in local time
    transaction_id: {row: number}                        # file name and row number (or the row's `hash`)
    is_fraud: Class                                      # a label, here or in the file of labels
    country: null                                        # not this, though there is a column of that name

A field that is not named comes from the column of the same name, if there is one. `file` says how the file
is written, `labels` holds entries (and `file`) for the file of labels alone. docs/your-data.md lists all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from fraud.errors import ConfigurationError, DataError
from fraud.machine.terminal import shown
from fraud.schema import Label, Transaction
from producer.replay.files.source import FileOptions

TRANSACTION_FIELDS = tuple(field.name for field in msgspec.structs.fields(Transaction))
REQUIRED_FIELDS = tuple(field.name for field in msgspec.structs.fields(Transaction) if field.required)
LABEL_FIELDS = tuple(field.name for field in msgspec.structs.fields(Label))
IS_FRAUD = "is_fraud"
_MAPPABLE = tuple(dict.fromkeys(TRANSACTION_FIELDS + LABEL_FIELDS))
_TIME_FIELDS = ("timestamp", "reported_at")
_NUMBER_FIELDS = ("amount", "latitude", "longitude")
_NAMED_FORMATS = ("iso", "epoch_s", "epoch_ms", "epoch_us", "epoch_ns", "excel")
_ONLY_TIMES = ("format", "zone", "repeated", "start")
_ONLY_AMOUNTS = ("round",)
_ONLY_NUMBERS = ("decimal", "thousands")


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


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    column: str | None = None
    columns: list[str] | None = Field(None, min_length=2)
    value: str | None = None
    row: Literal["number", "hash"] | None = None
    format: str | None = None
    zone: str | None = None
    repeated: Literal["earlier", "later"] | None = None
    start: datetime | None = None
    unit: Literal["ms", "s", "m", "h", "d", "minor"] | None = None
    decimal: Literal[".", ","] | None = None
    thousands: str | None = Field(None, min_length=1, max_length=1, pattern=r"[^\d+-]")
    round: bool = False
    strip: list[str] = []
    pad: int | None = Field(None, ge=1, le=64)
    nulls: list[str] = []
    values: dict[str, str] = {}
    default: str | None = None

    @field_validator("strip", "nulls", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{value!r} is no time zone such as Europe/Berlin") from None
        return value

    @field_validator("format")
    @classmethod
    def _known_format(cls, value: str) -> str:
        if value not in _NAMED_FORMATS and "%" not in value:
            raise ValueError(
                f"{value!r} is neither {', '.join(_NAMED_FORMATS)} nor strptime's, such as %d.%m.%Y"
            )
        return value

    @model_validator(mode="after")
    def _one_origin(self) -> "_Entry":
        if sum(one is not None for one in (self.column, self.columns, self.value, self.row)) != 1:
            raise ValueError("needs a column's name or exactly one of column, columns, value and row")
        if (self.start is None) == (self.unit in ("ms", "s", "m", "h", "d")):
            raise ValueError("start and unit (ms, s, m, h or d) go together")
        if self.decimal is not None and self.thousands == self.decimal:
            raise ValueError("the signs of decimals and of thousands are the same")
        return self

    def origin(self) -> FieldSource:
        """The same as an Origin."""
        given: dict[str, Any] = self.model_dump(exclude_none=True)
        if self.start is not None:
            moment = (
                self.start if self.start.tzinfo else self.start.replace(tzinfo=ZoneInfo(self.zone or "UTC"))
            )
            given["start"] = round(moment.timestamp() * 1_000)
        given["values"] = tuple(self.values.items())
        for name in ("columns", "strip", "nulls"):
            given[name] = tuple(given.get(name, ()))
        return FieldSource(**given)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    encoding: str | None = None
    delimiter: str | None = Field(None, pattern=r"^(.|\t|tab|\\t|spaces)$")
    quote: str | None = Field(None, max_length=1)
    escape: str | None = Field(None, max_length=1)
    header: tuple[str, ...] | None = None
    skip: int | None = Field(None, ge=0)
    sheet: str | None = None


def read_mapping(path: Path) -> ColumnMapping:
    """The mapping of a YAML file.

    Raises:
        ConfigurationError: the file is missing, is not a mapping, or an entry is wrong; names its line.
    """
    try:
        root = yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(
            f"the mapping {path} cannot be read: {' '.join(str(error).split())}"
        ) from None
    if not isinstance(root, yaml.MappingNode) or not root.value:
        raise ConfigurationError(f"the mapping {path} must hold lines such as `card_id: cc_num`")
    return _columns(path, root, is_labels=False)


def _columns(path: Path, root: yaml.MappingNode, *, is_labels: bool) -> ColumnMapping:
    found, seen = ColumnMapping(), set[str]()
    for key, node in root.value:
        target, where = str(key.value), f"the mapping {path}, line {key.start_mark.line + 1}: {key.value}"
        if target in seen:
            raise ConfigurationError(f"{where} is named twice")
        seen.add(target)
        if target == "file":
            found.file = FileOptions(**_validated(_File, node, where).model_dump())
        elif target == "labels" and not is_labels and isinstance(node, yaml.MappingNode):
            found.labels = _columns(path, node, is_labels=True)
        elif target in _MAPPABLE:
            found[target] = _origin(target, node, where)
        else:
            raise ConfigurationError(
                f"{where} is no field; the fields are {', '.join(_MAPPABLE)}, file and labels"
            )
    return found


def _origin(target: str, node: yaml.Node, where: str) -> FieldSource:
    if isinstance(node, yaml.ScalarNode):
        if node.tag.endswith(":null"):
            return FieldSource()
        if not node.tag.endswith(":str"):
            raise ConfigurationError(
                f"{where} is {node.value}: put a column's name that is a number into quotes"
            )
        return FieldSource(column=node.value)
    entry: _Entry = _validated(_Entry, node, where)
    _check_suited(target, entry.model_fields_set, where)
    return entry.origin()


def _check_suited(target: str, given: set[str], where: str) -> None:
    for options, fields, kind in (
        (_ONLY_TIMES, _TIME_FIELDS, "times"),
        (_ONLY_AMOUNTS, ("amount",), "amounts"),
        (_ONLY_NUMBERS, _NUMBER_FIELDS, "numbers"),
    ):
        unsuited = [name for name in options if name in given and target not in fields]
        if unsuited:
            raise ConfigurationError(f"{where} has {', '.join(unsuited)}, which only {kind} have")


def _validated(model: type[Any], node: yaml.Node, where: str) -> Any:
    try:
        return model.model_validate(_plain(node))
    except ValidationError as error:
        first = error.errors()[0]
        option = ".".join(map(str, first["loc"]))
        words = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            words = f"is not known; known are {', '.join(model.model_fields)}"
        elif first["type"] == "model_type":
            words = "must be a column's name, {column: ...} or {value: ...}"
        line = _line_of(node, first["loc"])
        at = f" (line {line})" if line is not None else ""
        raise ConfigurationError(f"{where}{': ' if option else ''}{option}{at} {words}") from None


def _plain(node: yaml.Node) -> Any:
    """A node as written: scalars stay text, so that `no` is Norway and 007 keeps its zeros."""
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(value) for value in node.value]
    return node.value


def _line_of(node: yaml.Node, location: Sequence[int | str]) -> int | None:
    if not location or not isinstance(node, yaml.MappingNode):
        return None
    return next(
        (key.start_mark.line + 1 for key, _ in node.value if str(key.value) == str(location[0])), None
    )


def resolve(
    mapping: dict[str, FieldSource], available: Sequence[str], fields: Sequence[str]
) -> dict[str, FieldSource]:
    """The source of each of `fields` that has one: as mapped, else the column of the same name."""
    own = {name: FieldSource(column=name) for name in fields if name in available}
    mapped = {name: origin for name, origin in mapping.items() if name in fields}
    return {name: origin for name, origin in (own | mapped).items() if origin != FieldSource()}


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
