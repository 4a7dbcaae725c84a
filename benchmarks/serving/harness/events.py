"""Payments for the kernel from columns, without messages."""

from typing import Any

import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import FieldType
from fraud.features.events import HEAD, Events


def events_of(definitions: Definitions, count: int, **columns: npt.NDArray[Any] | float) -> Events:
    """Payments with these columns, of heads or of fields; numbers that are not given are absent.

    Args:
        definitions: of the fields.
        count: how many.
        columns: a value or (count,) by name; numbers as floats, other fields as `Events.values` has them.
    """
    events = Events.empty(count, definitions)
    for index, field in enumerate(definitions.fields):
        given = columns.get(field.name, np.nan if field.type is FieldType.NUMBER else 0)
        if field.type is FieldType.NUMBER:
            given = np.asarray(given, dtype=np.float64).view(np.int64)
        events.values[:, index] = given
    for name in HEAD.names or ():
        events.heads[name] = columns.get(name, 0)
    return events
