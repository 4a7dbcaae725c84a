"""Predictions of a micro-batch from columns by field, with the fields that the batch has."""

from collections.abc import Iterable, Mapping
from functools import cache
from itertools import repeat
from typing import Any, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from fraud.schema import Prediction

_Value = TypeVar("_Value")

ABSENT: Iterable[Any] = repeat(None)
"""The column of a field that no prediction of the batch has."""


def spread(numbers: npt.NDArray[np.intp], values: Iterable[_Value], count: int) -> Iterable[_Value | None]:
    """A column of `count` values, from those of a few predictions by their number."""
    if not len(numbers):
        return ABSENT
    column: list[_Value | None] = [None] * count
    for number, value in zip(numbers.tolist(), values, strict=True):
        column[number] = value
    return column


def build_predictions(
    columns: Mapping[str, Iterable[Any]], constants: Mapping[str, Any]
) -> Iterable[msgspec.Struct]:
    """Predictions of values by field name: `columns` has one for each, `constants` one for all.

    Their JSON is that of `Prediction`, whose fields they have but those that are absent.

    Raises:
        KeyError: a field of `Prediction` is in neither.
    """
    shared = {name: ABSENT if value is None else repeat(value) for name, value in constants.items()}
    by_field = {**columns, **shared}
    present = tuple(name for name in Prediction.__struct_fields__ if by_field[name] is not ABSENT)
    # The fields' order is looked up once for each batch: keywords would cost as much for each prediction.
    return map(_type_with(present), *(by_field[name] for name in present))


@cache
def _type_with(names: tuple[str, ...]) -> type[msgspec.Struct]:
    """`Prediction` with some of its fields: to fill and to skip 20 absent ones takes a third of encoding."""
    fields = {one.name: one for one in msgspec.structs.fields(Prediction)}
    kept = [
        (name, one.type) if (one := fields[name]).required else (name, one.type, one.default)
        for name in names
    ]
    return msgspec.defstruct(Prediction.__name__, kept, frozen=True, omit_defaults=True, gc=False)
