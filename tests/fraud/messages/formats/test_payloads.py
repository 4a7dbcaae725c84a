"""From framed messages to the JSON that admission validates; which of them wait, and for what."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.errors import ConfigurationError, UnreachableError
from fraud.messages.admission import AdmissionFilter, Refused
from fraud.messages.formats.payloads import JSON_PAYLOADS, RegistryPayloads, _kind, payloads_of, require_json
from fraud.messages.formats.registry import SchemaMissingError, WriterSchema
from fraud.settings import AdmissionSettings
from tests.conftest import SettingsFactory
from tests.definitions import V1
from tests.fraud.messages.formats.registries import (
    AVRO,
    JSON_SCHEMA,
    PROTO,
    MemoryRegistry,
    avro_bytes,
    avro_record,
    framed,
    message_class,
    payloads_with,
    proto_message,
)
from tests.serving.world import BASE_MS, transaction

SCHEMAS = {
    1: WriterSchema("AVRO", json.dumps(AVRO)),
    2: WriterSchema("PROTOBUF", PROTO),
    3: WriterSchema("JSON", json.dumps(JSON_SCHEMA)),
}
PAYMENT = message_class(PROTO, "shop.Payment")
DECODED = payloads_with(MemoryRegistry(SCHEMAS))


def as_json(payment: dict[str, Any]) -> bytes:
    return json.dumps(payment).encode()


def in_all_formats(payment: dict[str, Any]) -> list[bytes]:
    return [
        framed(1, avro_bytes(avro_record(payment))),
        framed(2, b"\x02\x02" + proto_message(payment, PAYMENT).SerializeToString()),
        framed(3, as_json(payment)),
    ]


def validate(value: bytes | None, kafka_timestamp: int = BASE_MS + 10**9) -> Any:
    return AdmissionFilter(V1, AdmissionSettings()).validate(value, kafka_timestamp)


def reason(value: bytes | None, schemas: dict[int, WriterSchema] | None = None) -> str:
    found = payloads_with(MemoryRegistry(schemas or SCHEMAS))
    assert found.readable([value]) == 1
    result = validate(found.to_json([value])[0])
    assert isinstance(result, Refused), result
    return result.reason


@given(st.integers(0, 10_000), st.sampled_from(["1.00", "0.01", "99999999.99"]), st.floats(-90, 90))
def test_admission_decides_in_every_format_as_in_json(number: int, amount: str, latitude: float) -> None:
    # given a payment
    payment = transaction(number, amount=amount, latitude=latitude)
    # when it comes in each format
    values = in_all_formats(payment)
    assert DECODED.readable(values) == len(values)
    found = [validate(value) for value in DECODED.to_json(values)]
    # then it is the same payment, or refused for the same reason
    assert found == [validate(as_json(payment))] * len(values)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "-1.00"},
        {"timestamp": 5},
        {"timestamp": BASE_MS + 10**12},
        {"card_id": ""},
        {"merchant_id": "m" * 65},
    ],
)
def test_a_payment_that_breaks_a_rule_is_refused_alike(change: dict[str, Any]) -> None:
    payment = transaction(1, **change)
    expected = validate(as_json(payment))
    assert isinstance(expected, Refused)

    assert [reason(value) for value in in_all_formats(payment)] == [expected.reason] * 3


@pytest.mark.parametrize("name", ["amount", "card_id", "timestamp"])
def test_a_required_field_that_the_writer_s_schema_lacks_is_named(name: str) -> None:
    # given schemas of a writer that has dropped a field
    avro = AVRO | {"fields": [one for one in AVRO["fields"] if one["name"] != name]}
    proto = "".join(line for line in PROTO.splitlines(keepends=True) if f" {name} = " not in line)
    payment = transaction(1)
    record, message = avro_record(payment), proto_message(payment, PAYMENT)
    # then its payments are refused, with the name of the field
    in_avro = reason(framed(1, avro_bytes(record, avro)), {1: WriterSchema("AVRO", json.dumps(avro))})
    content = b"\x02\x02" + message.SerializeToString()
    in_protobuf = reason(framed(1, content), {1: WriterSchema("PROTOBUF", proto)})
    assert in_avro == in_protobuf == f"Object missing required field `{name}`"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "the message is empty"),
        (b"", "the message has no bytes"),
        (as_json(transaction(1)), "starts with byte 123"),
        (b"\0\0\0", "ends after 3 bytes"),
        (framed(9, b""), "schema 9: the schema registry has no schema 9"),
        (framed(1, b"\x02"), "schema 1: it does not fit its Avro schema"),
        (framed(2, b"\x02\x02\xff"), "schema 2: it is no Protobuf message"),
        (framed(3, b"{"), "Input data was truncated"),
        (framed(1, b"x" * 70_000), "the message has 70005 bytes, more than 65536"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(value: bytes | None, expected: str) -> None:
    assert expected in reason(value)


@pytest.mark.parametrize(
    "schema",
    [
        WriterSchema("XSD", "<a/>"),
        WriterSchema("AVRO", "{"),
        WriterSchema("AVRO", '"string"'),
        WriterSchema("PROTOBUF", "message {"),
        WriterSchema("PROTOBUF", 'import "lost.proto"; message M {}'),
    ],
)
def test_a_schema_that_nobody_can_use_refuses_its_messages(schema: WriterSchema) -> None:
    assert "schema 1: the schema cannot be used" in reason(framed(1, b"\0"), {1: schema})


def test_a_registry_that_does_not_answer_holds_up_what_it_alone_knows() -> None:
    # given a known schema, and a registry that has gone down since
    registry = MemoryRegistry(dict(SCHEMAS))
    decoded = payloads_with(registry)
    known, unknown = framed(3, b"{}"), framed(1, b"")
    assert decoded.readable([known]) == 1
    registry.is_down = True
    # then messages up to the first of another schema can be decoded, and nothing is refused
    assert decoded.readable([known, known, unknown, known]) == 2
    assert "does not answer" in decoded.problem
    # nor is the registry asked again at once
    asked = len(registry.asked)
    assert decoded.readable([unknown]) == 0
    assert len(registry.asked) == asked
    # when it answers again
    registry.is_down = False
    decoded._retry_at = 0.0
    # then all can
    assert decoded.readable([known, unknown]) == 2
    assert decoded.problem == ""


def test_an_id_is_asked_for_once_and_an_unknown_one_again_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given messages of a known and of an unknown id
    registry = MemoryRegistry(dict(SCHEMAS))
    decoded = payloads_with(registry)
    values = [framed(3, b"{}"), framed(7, b"{}")] * 10
    # when they are read several times
    for _ in range(3):
        assert decoded.readable(values) == len(values)
    # then each id was asked for once
    assert registry.asked == [3, 7]
    assert "no schema 7" in str(getattr(decoded.to_json(values)[1], "reason", ""))
    # and when the unknown one is registered, it is found some seconds later
    registry.schemas[7] = SCHEMAS[3]
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 6)
    assert decoded.readable(values) == len(values)
    assert decoded.to_json(values)[1] == b"{}"
    assert registry.asked == [3, 7, 7]


def test_waiting_ends_with_the_registry_s_answer_or_with_patience() -> None:
    # given a registry that is down
    registry = MemoryRegistry(dict(SCHEMAS), is_down=True)
    decoded = payloads_with(registry)
    # then a caller without patience gets an error that says so
    with pytest.raises(UnreachableError, match="does not answer"):
        require_json(decoded, [framed(3, b"{}")], patience_s=0)

    # and one with patience gets the messages once it is up
    def bring_up() -> None:
        registry.is_down, decoded._retry_at = False, 0.0

    assert require_json(decoded, [framed(3, b"{}")], 10, bring_up) == [b"{}"]


def test_json_is_passed_on_as_it_is() -> None:
    values = [b"{}", None, b"\0"]

    assert JSON_PAYLOADS.readable(values) == 3
    assert JSON_PAYLOADS.to_json(values) is values


def test_a_format_without_its_registry_is_refused_at_the_start(make_settings: SettingsFactory) -> None:
    with pytest.raises(ConfigurationError, match="FRAUD_SCHEMA_REGISTRY__URL"):
        payloads_of(make_settings(kafka={"payload_format": "schema_registry"}))


def test_settings_that_make_no_client_are_refused(make_settings: SettingsFactory) -> None:
    registry = {"url": "http://r", "ca_location": "/nowhere.pem"}
    made = make_settings(kafka={"payload_format": "schema_registry"}, schema_registry=registry)
    with pytest.raises(ConfigurationError, match="FRAUD_SCHEMA_REGISTRY__"):
        payloads_of(made)


@pytest.mark.parametrize(
    "registry",
    [
        {"url": "http://user:secret@r"},
        {"url": "registry"},
        {"url": "http://r", "token": "secret", "username": "u"},
    ],
)
def test_settings_that_contradict_themselves_are_refused_without_secrets(
    make_settings: SettingsFactory, registry: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError, match="FRAUD_SCHEMA_REGISTRY") as raised:
        make_settings(schema_registry=registry)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "text", ["string", '"long"', ' {"type": "record", "name": "a", "fields": []}', '["null"]']
)
def test_an_avro_schema_is_avro(text: str) -> None:
    assert _kind(WriterSchema("AVRO", text)) == "AVRO"


@pytest.mark.parametrize("text", ['syntax = "proto3";', "CgZhLnByb3Rv"])
def test_a_proto_file_is_protobuf_whatever_type_its_subject_has(text: str) -> None:
    assert _kind(WriterSchema("AVRO", text)) == _kind(WriterSchema("PROTOBUF", text)) == "PROTOBUF"


def test_ids_that_nobody_registered_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a registry that knows one of many ids, and little room
    monkeypatch.setattr("fraud.messages.formats.payloads._MOST_ENTRIES", 10)
    payloads = RegistryPayloads(_OneSchema(), frozenset({"amount"}), 1_000)
    # when messages of a hundred ids come one by one
    for schema_id in range(1, 101):
        assert payloads.readable([framed(schema_id, b"{}")]) == 1
    # then what is kept stays small, and the known one is among it
    assert len(payloads._entries) <= 12
    assert 1 in payloads._entries


def test_many_ids_are_asked_for_in_several_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a clock on which every question takes a second, and twenty ids
    registry = _SlowRegistry(monkeypatch)
    payloads = RegistryPayloads(registry, frozenset({"amount"}), 1_000)
    values = [framed(schema_id, b"{}") for schema_id in range(1, 21)]
    # when they are read, then a call ends after some questions
    assert payloads.readable(values) == payloads.known(values) == 8
    # and although the first answers expire meanwhile, all messages become JSON
    found = require_json(payloads, values)
    assert len(found) == len(values)
    assert found[0] == b"{}"
    assert [getattr(one, "reason", "") for one in found[1:]] == [
        f"schema {schema_id}: no schema {schema_id}" for schema_id in range(2, 21)
    ]


def test_what_is_known_is_said_without_asking() -> None:
    # given a registry
    registry = MemoryRegistry(dict(SCHEMAS))
    payloads = payloads_with(registry)
    values = [b"{}", framed(3, b"{}"), framed(1, b"")]
    # then a message without an id is known, and the others are after a question
    assert payloads.known(values) == 1
    assert registry.asked == []
    payloads.readable(values)
    assert payloads.known(values) == 3


class _SlowRegistry:
    """Knows one id; every question takes a second of the clock that it sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def schema(self, schema_id: object) -> WriterSchema:
        self.now += 1
        return _OneSchema().schema(schema_id)

    def check(self) -> str:
        return "it answers"


class _OneSchema:
    def schema(self, schema_id: object) -> WriterSchema:
        if schema_id != 1:
            raise SchemaMissingError(f"no schema {schema_id}")
        return WriterSchema("JSON", "{}")

    def check(self) -> str:
        return "it answers"
