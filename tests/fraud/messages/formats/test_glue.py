"""Schemas of AWS Glue, with answers as its API gives them."""

import json
import zlib
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from fraud.errors import RefusedError, UnreachableError
from fraud.messages.formats.glue import GlueRegistry
from fraud.messages.formats.payloads import payloads_of
from fraud.messages.formats.registry import SchemaMissingError, WriterSchema
from fraud.messages.formats.wire import GLUE_FRAMING
from fraud.settings import SchemaRegistrySettings
from tests.conftest import SettingsFactory
from tests.fraud.messages.formats.registries import (
    AVRO,
    MemoryRegistry,
    avro_bytes,
    avro_record,
    payloads_with,
)
from tests.fraud.messages.formats.test_payloads import as_json, validate
from tests.serving.world import transaction

UUID_TEXT = "4c1a9f4e-7f0e-4d0b-8a53-2c5c8a7f0c11"
UUID_BYTES = bytes.fromhex(UUID_TEXT.replace("-", ""))


@pytest.fixture
def client() -> Any:
    """A client of Glue that reaches nothing."""
    return boto3.client("glue", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")


@pytest.fixture
def glue(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber


def registry(client: Any) -> GlueRegistry:
    return GlueRegistry(SchemaRegistrySettings(), client)


@pytest.mark.parametrize(
    ("kind", "expected"), [("AVRO", "AVRO"), ("JSON", "JSON"), ("PROTOBUF", "PROTOBUF of Glue")]
)
def test_a_version_has_its_schema(client: Any, glue: Stubber, kind: str, expected: str) -> None:
    answer = {"SchemaVersionId": UUID_TEXT, "SchemaDefinition": "{}", "DataFormat": kind}
    glue.add_response("get_schema_version", answer, {"SchemaVersionId": UUID_TEXT})

    assert registry(client).schema(UUID_TEXT) == WriterSchema(expected, "{}")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("EntityNotFoundException", SchemaMissingError),
        ("AccessDeniedException", RefusedError),
        ("InternalServiceException", UnreachableError),
        ("ThrottlingException", UnreachableError),
    ],
)
def test_an_error_says_whether_to_wait(client: Any, glue: Stubber, code: str, error: type[Exception]) -> None:
    glue.add_client_error("get_schema_version", code)

    with pytest.raises(error) as raised:
        registry(client).schema(UUID_TEXT)
    assert type(raised.value) is error


def test_the_check_needs_only_the_permission_to_read_versions(client: Any, glue: Stubber) -> None:
    glue.add_client_error("get_schema_version", "EntityNotFoundException")

    assert registry(client).check() == "AWS Glue in eu-central-1 answers"


@pytest.mark.parametrize("compression", [0, 5])
def test_a_payment_is_the_same_as_in_json(compression: int) -> None:
    # given a payment in Avro, framed by Glue's serialiser
    payment, content = transaction(1), avro_bytes(avro_record(transaction(1)))
    if compression:
        content = zlib.compress(content)
    value = bytes([3, compression]) + UUID_BYTES + content
    # when it is decoded
    schemas = {UUID_TEXT: WriterSchema("AVRO", json.dumps(AVRO))}
    payloads = payloads_with(MemoryRegistry(schemas), GLUE_FRAMING)
    assert payloads.readable([value]) == 1
    # then admission decides as on JSON
    assert validate(payloads.to_json([value])[0]) == validate(as_json(payment))


def test_the_setting_leads_to_glue(make_settings: SettingsFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    made = payloads_of(make_settings(kafka={"payload_format": "glue"}))

    # A message of Confluent's needs no question.
    assert made.readable([b"\0\0\0\0\1", None]) == 2
