"""Transactions as Arrow tables: a column for each field of the definitions."""

import pyarrow as pa

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import FieldType

ARROW_TYPES = {
    FieldType.ID: pa.string(),
    FieldType.CATEGORY: pa.string(),
    FieldType.CURRENCY: pa.string(),
    FieldType.MONEY: pa.int64(),
    FieldType.TIME: pa.int64(),
    FieldType.FIXED: pa.int64(),
    FieldType.NUMBER: pa.float64(),
    FieldType.BOOLEAN: pa.bool_(),
}
"""Money in minor units, times in ms, fixed-point numbers in units of their scale."""


def transaction_schema(definitions: Definitions) -> pa.Schema:
    """A column of each field, in the order of the fields."""
    return pa.schema(
        [
            pa.field(field.name, ARROW_TYPES[field.type], nullable=field.is_optional)
            for field in definitions.fields
        ]
    )
