"""Whatever is wrong with a message refuses that message, and nothing else happens."""

import logging
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.errors import FraudError
from fraud.messages.decoding import MAX_DEPTH, Decoder, MessageError, MessageReader, fraud_type, header
from fraud.monitoring.predictions import MonitoredPrediction
from fraud.monitoring.shadow import ShadowPrediction
from fraud.schema import Label, MerchantProfile, Prediction
from tests.definitions import V1Transaction
from tests.messages import BAD, bad_variants

VALID: dict[Any, tuple[bytes, str]] = {
    V1Transaction: (
        b'{"transaction_id":"t","card_id":"c","merchant_id":"m","amount":1,"currency":"EUR","timestamp":9}',
        "card_id",
    ),
    Label: (b'{"transaction_id":"t","card_id":"c","is_fraud":true,"reported_at":9}', "card_id"),
    MerchantProfile: (
        b'{"merchant_id":"m","date":"2025-01-01","feature_version":1,"values":[1.5,null]}',
        "merchant_id",
    ),
    Prediction: (
        b'{"transaction_id":"t","card_id":"c","timestamp":9,"amount":5,"currency":"EUR","score":0.5,'
        b'"decision":"review","threshold":0.4,"model_name":"m","model_version":"1","feature_version":1,'
        b'"scored_at":10,"reasons":[{"feature":"f","value":null,"contribution":1.5,"text":"w"}]}',
        "transaction_id",
    ),
}
VALID |= dict.fromkeys((MonitoredPrediction, ShadowPrediction), VALID[Prediction])
KINDS = pytest.mark.parametrize("kind", VALID, ids=lambda kind: kind.__name__)


def refusal(kind: Any, value: bytes | None) -> str:
    with pytest.raises(MessageError) as caught:
        Decoder(kind).decode(value)
    return str(caught.value)


@KINDS
def test_a_valid_message_is_what_msgspec_makes_of_it(kind: Any) -> None:
    value, _ = VALID[kind]
    assert Decoder(kind).decode(value) == msgspec.json.decode(value, type=kind)


@KINDS
@pytest.mark.timeout(20)
def test_whatever_is_wrong_is_a_refusal_with_a_short_sentence(kind: Any) -> None:
    for how, value in [*BAD.items(), *bad_variants(*VALID[kind])]:
        reason = refusal(kind, value)
        assert 0 < len(reason.encode()) <= 1_200, how
        assert reason.isprintable(), how


def test_a_refusal_is_fit_for_a_user() -> None:
    assert issubclass(MessageError, FraudError)


@pytest.mark.parametrize(
    "extra",
    [
        b'"x":' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1),
        b'"x":"' + b"[{" * 1_000 + b'"',
        b'"x":"\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["',
        b'"x":[' + b"[]," * 1_000 + b"1]",
        b'"x":{"card_id":1,"card_id":2}',
        b'"x":"card_id","card_id_":"card_id"',
        b'"x":1,"x":2',
        b'"":null,"\\u00fc":1e999999',
    ],
)
def test_what_is_harmless_is_read(extra: bytes) -> None:
    value, _ = VALID[Label]
    assert Decoder(Label).decode(value[:-1] + b"," + extra + b"}") == Label("t", "c", True, 9)


@pytest.mark.parametrize("first", ["null", '"chargeback"', '"analyst"'])
@pytest.mark.parametrize("second", ["null", '"chargeback"', '"analyst"'])
def test_a_field_that_may_be_absent_is_not_repeated_either(first: str, second: str) -> None:
    value, _ = VALID[Label]
    repeated = value[:-1] + f',"source":{first},"source" : {second}}}'.encode()
    refusal(Label, repeated)
    optional = VALID[V1Transaction][0][:-1] + f',"channel":{first},"channel":{second}}}'.encode()
    assert "channel more than once" in refusal(V1Transaction, optional)


def test_a_refusal_does_not_repeat_what_was_sent() -> None:
    value, _ = VALID[Label]
    reason = refusal(Label, value[:-1] + b',"source":"4111111111111111 - at `$.x`"}')
    assert "4111" not in reason
    assert "source" in reason


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(value: bytes) -> None:
    for kind in VALID:
        with suppress(MessageError):
            Decoder(kind).decode(value)


def test_what_a_check_raises_refuses_the_message() -> None:
    def check(label: Label) -> None:
        raise ArithmeticError("\ud800\n" * 1_000)

    with pytest.raises(MessageError) as caught:
        Decoder(Label, check).decode(VALID[Label][0])
    assert len(str(caught.value)) <= 300
    assert str(caught.value).isprintable()


class FakeMessage:
    """As much of a message as is read; what is fetched is given, or raised."""

    def __init__(self, value: bytes | None, headers: Any = None) -> None:
        self._value, self._headers = value, headers

    def value(self) -> bytes | None:
        return self._value

    def headers(self) -> Any:
        if isinstance(self._headers, Exception):
            failure, self._headers = self._headers, AssertionError("asked again")
            raise failure
        return self._headers

    def topic(self) -> str:
        return "labels"

    def partition(self) -> int:
        return 2

    def offset(self) -> int:
        return 17 if not isinstance(self._headers, Exception) else 18


def test_a_loop_counts_refusals_and_logs_one(caplog: pytest.LogCaptureFixture) -> None:
    reader: MessageReader[Label] = MessageReader(Label)
    values = [b"4111111111111111", VALID[Label][0], b"\xff", b"[" * 5_000]
    with caplog.at_level(logging.WARNING):
        found = [reader.read(FakeMessage(value)) for value in values]
    assert [one is not None for one in found] == [False, True, False, False]
    assert reader.refused == 3
    (line,) = caplog.messages
    assert "offset 17 of partition 2 of 'labels'" in line
    assert "4111" not in line


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        (None, None),
        ([], None),
        ([("campaign", None)], None),
        ([("campaign", b"")], None),
        ([("campaign", b"card testing")], "card testing"),
        ([("campaign", b"first"), ("other", b"x"), ("campaign", b"last")], "last"),
        ([("campaign", b"Zo\xeb")], "Zo\ufffd"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "a name"), None),
    ],
)
def test_a_header_is_text_or_nothing(headers: Any, text: str | None) -> None:
    assert header(FakeMessage(b"", headers), "campaign") == text


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ([("fraud_type", b"card testing")], "card testing"),
        ([("campaign", b"card testing")], "card testing"),
        ([("fraud_type", b"new"), ("campaign", b"old")], "new"),
        ([], None),
    ],
)
def test_the_kind_of_fraud_is_read_under_its_earlier_name_too(headers: Any, kind: str | None) -> None:
    assert fraud_type(FakeMessage(b"", headers)) == kind
