"""Values of Avro and Protobuf as the JSON that admission reads.

Times become ms, decimals become numbers with all their digits, and a float of 32 bits becomes the shortest
number that it is read back from, as in Protobuf's own JSON.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from fraud.messages.decoding import MessageError

Converter = Callable[[Any], Any]
"""Makes a decoded value plain."""

DAY_MS = 86_400_000
_MAX_DECIMAL_BYTES = 32

to_json = msgspec.json.Encoder(decimal_format="number").encode
"""JSON bytes of plain values; NaN and infinities become null, bytes become Base64."""


def decimal_of_bytes(unscaled: bytes, scale: int) -> Decimal:
    """The decimal whose unscaled value is written in two's complement, most significant byte first.

    Raises:
        MessageError: it has more digits than any number of ours.
    """
    if len(unscaled) > _MAX_DECIMAL_BYTES:
        raise MessageError(f"a decimal has {len(unscaled)} bytes, more than {_MAX_DECIMAL_BYTES}")
    number = int.from_bytes(unscaled, "big", signed=True)
    # Not `scaleb`, which rounds to the precision of the context.
    return Decimal((int(number < 0), tuple(map(int, str(abs(number)))), -scale))


def shortest_float(value: float) -> float:
    """The number with the fewest digits that is `value` as a float of 32 bits."""
    return float(str(np.float32(value)))
