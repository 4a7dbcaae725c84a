"""The columns of the lake's transactions that training rows are computed from."""

import pyarrow as pa

from fraud.definitions.definitions import Definitions
from fraud.features.offline import input_columns
from fraud.schema import transaction_arrow


def input_arrow(definitions: Definitions) -> pa.Schema:
    """The schema of these columns; each may be null, because older files lack fields declared since."""
    schema = transaction_arrow(definitions)
    return pa.schema([(name, schema.field(name).type) for name in input_columns(definitions)])
