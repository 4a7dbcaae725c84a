"""What is wrong with the rows of a batch, and the masks that it is found with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from producer.inspection.masking import masked

Mask = npt.NDArray[np.bool_]

_SHOWN = 80


@dataclass
class Findings:
    """The first reason for rejecting each rejected row, and optional values left out of others."""

    count: int
    reasons: dict[int, str] = field(default_factory=dict)
    left_out: dict[str, dict[int, str]] = field(default_factory=dict)
    refunds: int = 0

    def omit(self, name: str, rows: Mask, reason: Callable[[int], str]) -> None:
        """Omit an optional field's values in the rows of a mask."""
        out = self.left_out.setdefault(name, {})
        for row in np.flatnonzero(rows).tolist():
            out.setdefault(row, reason(row))

    def reject(self, rows: Mask, reason: Callable[[int], str]) -> None:
        """Reject the rows of a mask; `reason` gives the text for one of them."""
        for row in np.flatnonzero(rows).tolist():
            self.reasons.setdefault(row, reason(row))

    def good(self) -> Mask:
        """The rows without a reason for rejection."""
        good = np.ones(self.count, dtype=bool)
        good[list(self.reasons)] = False
        return good


def value_text(column: pa.Array, row: int) -> str:
    """A value as a sentence shows it: short, card numbers masked."""
    value: Any = column[row].as_py()
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    text = masked(repr(value)) if isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def mask_of(condition: pa.Array) -> Mask:
    """Where a condition holds; null is no."""
    mask: Mask = pc.fill_null(condition, False).to_numpy(zero_copy_only=False)
    return mask


def is_null(column: pa.Array) -> Mask:
    """Where a column has nothing."""
    mask: Mask = column.is_null().to_numpy(zero_copy_only=False)
    return mask


def is_nan(column: pa.Array) -> Mask:
    """Where a column has a number that is none."""
    if not pa.types.is_floating(column.type):
        return np.zeros(len(column), dtype=bool)
    return mask_of(pc.is_nan(column))
