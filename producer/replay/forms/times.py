"""Times in any form as UTC milliseconds."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from producer.replay.forms.zones import local_to_utc
from producer.replay.mapping.columns import FieldSource
from producer.replay.rows.values import as_float, as_millis, as_text, is_number

_UNITS_MS = {"ms": 1.0, "s": 1_000.0, "m": 60_000.0, "h": 3_600_000.0, "d": 86_400_000.0}
_OWN_ZONE = r"(?i)(\d ?(Z|UTC|GMT)|:\d{2}(\.\d+)? ?[+-]\d{2}(:?\d{2})?)$"
_EXCEL_EPOCH_DAYS = 25_569
_SECONDS_OF_OUR_TIME = (946_684_800, 4_102_444_800)
"""The years 2000 to 2099, in which seconds, milli-, micro- and nanoseconds differ in size."""
_EPOCHS = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000, "epoch_ns": 1_000_000_000}


@dataclass
class Times:
    """Times (ms, null where they cannot be read), and why some rows' local times are not clear."""

    millis: pa.Array
    reasons: dict[int, str] = field(default_factory=dict)


def read_times(column: pa.Array, origin: FieldSource) -> Times:
    """The times of a column as its origin says they are written."""
    if origin.start is not None:
        return Times(_numbers(column, origin.start, _UNITS_MS[origin.unit or "s"]))
    if origin.format == "excel":
        return Times(_numbers(column, -_EXCEL_EPOCH_DAYS * 86_400_000, _UNITS_MS["d"]))
    millis = as_millis(column, origin.format)
    if origin.zone is None:
        return Times(millis)
    return _in_zone(column, millis, origin)


def epoch_format(column: pa.Array) -> str | None:
    """The unit of numbers that are all times of this century in it, unless there are none."""
    kind = column.type
    if not (is_number(kind) or pa.types.is_string(kind) or pa.types.is_binary(kind)):
        return None
    numbers = as_float(column).drop_null().to_numpy(zero_copy_only=False)
    if not len(numbers) or 2 * len(numbers) < len(column) - column.null_count:
        return None
    low, high = _SECONDS_OF_OUR_TIME
    return next(
        (
            name
            for name, scale in _EPOCHS.items()
            if ((numbers >= low * scale) & (numbers < high * scale)).mean() > 0.5
        ),
        None,
    )


def _numbers(column: pa.Array, start_ms: int, unit_ms: float) -> pa.Array:
    numbers = as_float(column).to_numpy(zero_copy_only=False) * unit_ms + start_ms
    usable = np.abs(numbers) < 2.0**53
    return pa.array(np.rint(np.where(usable, numbers, 0)).astype(np.int64), mask=~usable)


def _in_zone(column: pa.Array, millis: pa.Array, origin: FieldSource) -> Times:
    local = _is_local(column, origin) & ~_null(millis)
    values = pc.fill_null(millis, 0).to_numpy(zero_copy_only=False)
    utc, twice, never = local_to_utc(np.where(local, values, 0), origin.zone or "UTC", origin.repeated)
    twice, never = twice & local, never & local
    lost = _null(millis) | twice | never
    reasons = {
        int(
            row
        ): f"is in the hour that the clocks of {origin.zone} repeat: add `repeated: earlier` or `later`"
        for row in np.flatnonzero(twice)
    } | {
        int(row): f"is in the hour that the clocks of {origin.zone} leave out"
        for row in np.flatnonzero(never)
    }
    return Times(pa.array(np.where(local, utc, values), mask=lost), reasons)


def _is_local(column: pa.Array, origin: FieldSource) -> npt.NDArray[np.bool_]:
    """Which values name no zone of their own; numbers since 1970 are UTC."""
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return np.full(len(column), getattr(kind, "tz", None) is None)
    if is_number(kind) or (origin.format or "").startswith("epoch") or "%z" in (origin.format or ""):
        return np.zeros(len(column), dtype=bool)
    text = pc.utf8_trim_whitespace(as_text(column))
    own = pc.or_(pc.match_substring_regex(text, _OWN_ZONE), pc.match_substring_regex(text, r"^[+-]?\d+$"))
    return ~_mask(own)


def _mask(condition: pa.Array) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = pc.fill_null(condition, False).to_numpy(zero_copy_only=False)
    return mask


def _null(column: pa.Array) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = column.is_null().to_numpy(zero_copy_only=False)
    return mask
