"""Transactions as Arrow tables, as they are read from files and simulated."""

import pyarrow as pa

from fraud.definitions.definitions import Definitions
from fraud.schema import transaction_arrow


def transaction_schema(definitions: Definitions) -> pa.Schema:
    """The lake's columns of payments without the position: one for each field, in the order of the fields."""
    kept = transaction_arrow(definitions)
    return pa.schema([kept.field(field.name) for field in definitions.fields])
