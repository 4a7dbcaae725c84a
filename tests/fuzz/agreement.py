"""What the fast reader makes of messages, held to what admission makes of each alone."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import CORE_FIELDS
from fraud.features.decoded_batch import TEXTS, DecodedBatch, decode_batch
from fraud.features.events import encode_table, encode_transactions
from fraud.features.field_tables import category_columns
from fraud.messages.admission import AdmissionFilter, Admitted, signed_hash
from fraud.messages.decoding import Decoder, MessageError
from fraud.messages.transaction import transaction_type
from fraud.schema import Label, MerchantProfile, Prediction, transaction_arrow
from fraud.settings import AdmissionSettings
from tests.definitions import V1

SETTINGS = AdmissionSettings()
OTHER_TYPES = (transaction_type(V1), Label, Prediction, MerchantProfile)
_DECODERS: list[Decoder[Any]] = [Decoder(kind) for kind in OTHER_TYPES]


@dataclass(frozen=True)
class Alone:
    """What admission says of each message of a partition, in order."""

    admission: AdmissionFilter
    admitted: list[Admitted]
    refused: list[tuple[int, str]]


def alone(values: Sequence[bytes | None], times: Sequence[int], definitions: Definitions = V1) -> Alone:
    """Every message through the full decoder."""
    made = Alone(AdmissionFilter(definitions, SETTINGS), [], [])
    for number, (value, time) in enumerate(zip(values, times, strict=True)):
        found = made.admission.validate(value, time)
        if isinstance(found, Admitted):
            made.admitted.append(found)
        else:
            made.refused.append((number, found.reason))
    return made


def assert_same(
    decoded: DecodedBatch, admission: AdmissionFilter, values: Sequence[bytes | None], times: Sequence[int]
) -> None:
    """The same messages count, with the same bytes and texts; the others for the same reasons."""
    definitions = admission.definitions
    expected = alone(values, times, definitions)
    assert decoded.refused == expected.refused
    assert decoded.events.tobytes() == encode_transactions(definitions, expected.admitted).tobytes()
    assert admission.state == expected.admission.state
    assert decoded.texts() == {
        field: [getattr(one.transaction, field) for one in expected.admitted] for field in TEXTS
    }
    if expected.admitted:
        last = zip(definitions.field_index, expected.admitted[-1].values, strict=True)
        assert decoded.field_values(len(decoded) - 1) == {
            name: value for name, value in last if value is not None and name not in CORE_FIELDS
        }
    columns = category_columns(definitions).tolist()
    assert decoded.category_hashes.tolist() == [
        [_hash(one.values[column]) for column in columns] for one in expected.admitted
    ]
    for _, reason in expected.refused:
        assert reason.isprintable(), reason
        assert 0 < len(reason) <= 300


def _hash(text: Any) -> int:
    return 0 if text is None else signed_hash(text)


def assert_stored_alike(
    decoded: DecodedBatch, values: Sequence[bytes | None], times: Sequence[int], definitions: Definitions
) -> None:
    """The lake's rows of the same messages are the same events."""
    rows = _rows(definitions, alone(values, times, definitions))
    assert decoded.events.tobytes() == encode_table(definitions, rows).tobytes()


def _rows(definitions: Definitions, expected: Alone) -> pa.Table:
    """What the ingest stores of the messages; a column without values is missing, as in older files."""
    schema = transaction_arrow(definitions)
    columns = [[one.values[number] for one in expected.admitted] for number in range(len(definitions.fields))]
    return pa.table(
        {
            field.name: pa.array(column, schema.field(field.name).type)
            for field, column in zip(definitions.fields, columns, strict=True)
            if not field.is_optional or any(value is not None for value in column)
        }
    )


def read(
    values: Sequence[bytes | None], times: Sequence[int], definitions: Definitions = V1
) -> tuple[DecodedBatch, AdmissionFilter]:
    """The messages through the fast reader."""
    admission = AdmissionFilter(definitions, SETTINGS)
    return decode_batch(admission, values, np.array(times, dtype=np.int64)), admission


def assert_agreement(
    values: Sequence[bytes | None], times: Sequence[int], definitions: Definitions = V1
) -> DecodedBatch:
    """Both ways agree on messages that come in a row; returns what they became."""
    decoded, admission = read(values, times, definitions)
    assert_same(decoded, admission, values, times)
    return decoded


def assert_contained(value: bytes | None) -> None:
    """Whatever a message holds, a decoder of any type refuses it or makes something that can be written."""
    for decoder in _DECODERS:
        with suppress(MessageError):
            assert msgspec.json.encode(decoder.decode(value))
