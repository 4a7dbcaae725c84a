"""What the fast reader makes of messages, held to what admission makes of each alone."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from fraud.features.decoded_batch import TEXTS, DecodedBatch, decode_batch
from fraud.features.events import encode_transactions
from fraud.messages.admission import AdmissionFilter, Admitted
from fraud.messages.decoding import Decoder, MessageError
from fraud.schema import Label, MerchantProfile, Prediction, Transaction
from fraud.settings import AdmissionSettings
from tests.definitions import V1

SETTINGS = AdmissionSettings()
OTHER_TYPES = (Transaction, Label, Prediction, MerchantProfile)
_DECODERS: list[Decoder[Any]] = [Decoder(kind) for kind in OTHER_TYPES]


@dataclass(frozen=True)
class Alone:
    """What admission says of each message of a partition, in order."""

    admission: AdmissionFilter
    admitted: list[Admitted]
    refused: list[tuple[int, str]]


def alone(values: Sequence[bytes | None], times: Sequence[int]) -> Alone:
    """Every message through the full decoder."""
    made = Alone(AdmissionFilter(V1, SETTINGS), [], [])
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
    expected = alone(values, times)
    assert decoded.refused == expected.refused
    assert decoded.events.tobytes() == encode_transactions(V1, expected.admitted).tobytes()
    assert admission.state == expected.admission.state
    assert decoded.texts() == {
        field: [getattr(one.transaction, field) for one in expected.admitted] for field in TEXTS
    }
    for _, reason in expected.refused:
        assert reason.isprintable(), reason
        assert 0 < len(reason) <= 300


def read(values: Sequence[bytes | None], times: Sequence[int]) -> tuple[DecodedBatch, AdmissionFilter]:
    """The messages through the fast reader."""
    admission = AdmissionFilter(V1, SETTINGS)
    return decode_batch(admission, values, np.array(times, dtype=np.int64)), admission


def assert_agreement(values: Sequence[bytes | None], times: Sequence[int]) -> DecodedBatch:
    """Both ways agree on messages that come in a row; returns what they became."""
    decoded, admission = read(values, times)
    assert_same(decoded, admission, values, times)
    return decoded


def assert_contained(value: bytes | None) -> None:
    """Whatever a message holds, a decoder of any type refuses it or makes something that can be written."""
    for decoder in _DECODERS:
        with suppress(MessageError):
            assert msgspec.json.encode(decoder.decode(value))
