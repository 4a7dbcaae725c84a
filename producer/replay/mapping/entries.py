"""The entries of a mapping file, checked one by one."""

from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from producer.replay.mapping.columns import FieldSource

_NAMED_FORMATS = ("iso", "epoch_s", "epoch_ms", "epoch_us", "epoch_ns", "excel")


class MappingEntry(BaseModel):
    """Where one field comes from, as the mapping file has it."""

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
    def _one_origin(self) -> "MappingEntry":
        if sum(one is not None for one in (self.column, self.columns, self.value, self.row)) != 1:
            raise ValueError("needs a column's name or exactly one of column, columns, value and row")
        if (self.start is None) == (self.unit in ("ms", "s", "m", "h", "d")):
            raise ValueError("start and unit (ms, s, m, h or d) go together")
        if self.decimal is not None and self.thousands == self.decimal:
            raise ValueError("the signs of decimals and of thousands are the same")
        return self

    def source(self) -> FieldSource:
        """The same as a `FieldSource`."""
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


class FileEntry(BaseModel):
    """How the file is written."""

    model_config = ConfigDict(extra="forbid")

    encoding: str | None = None
    delimiter: str | None = Field(None, pattern=r"^(.|\t|tab|\\t|spaces)$")
    quote: str | None = Field(None, max_length=1)
    escape: str | None = Field(None, max_length=1)
    header: tuple[str, ...] | None = None
    skip: int | None = Field(None, ge=0)
    sheet: str | None = None
