"""Rows of the table `payments` from transactions of any definitions."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

import msgspec

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import CORE_FIELDS
from fraud.messages.transaction import TransactionValues
from fraud.schema import FieldValue

COUNTRY = "country"
"""The field by which the feed filters, where the definitions have one of this name."""
_ENCODE = msgspec.json.Encoder().encode


class PaymentRows:
    """Takes the columns of `payments` out of a decoded transaction."""

    def __init__(self, definitions: Definitions) -> None:
        self._values = TransactionValues(definitions)
        names = [field.name for field in definitions.fields]
        self._core = itemgetter(*(names.index(name) for name in CORE_FIELDS))
        self._further = [(name, place) for place, name in enumerate(names) if name not in CORE_FIELDS]
        places = [field for field in definitions.fields if field.place]
        self._place = [field.name for field in places if field.place == places[0].place]

    def row(self, one: Any) -> tuple[object, ...]:
        """Core fields, country, coordinates and all further fields, as the recorder's statement has them."""
        values = self._values.read(one)
        fields = {name: value for name, place in self._further if (value := values[place]) is not None}
        country = fields.get(COUNTRY)
        country = country if isinstance(country, str) else None
        return (*self._core(values), country, *self._coordinates(fields), encode_fields(fields))

    def _coordinates(self, fields: Mapping[str, FieldValue]) -> tuple[object, object]:
        """Latitude and longitude of the first place that the definitions have."""
        if not self._place:
            return None, None
        latitude, longitude = (fields.get(name) for name in self._place)
        return latitude, longitude


def encode_fields(fields: Mapping[str, FieldValue]) -> str:
    """Fields as the store keeps them."""
    return _ENCODE(fields).decode()
