"""What the tests of formats share: schemas of payments, a registry in memory, and serialised payments."""

import io
import json
import threading
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import fastavro
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from fraud.errors import UnreachableError
from fraud.messages.formats.payloads import RegistryPayloads
from fraud.messages.formats.proto_file import parse_proto
from fraud.messages.formats.registry import SchemaMissingError, WriterSchema
from fraud.messages.formats.wire import CONFLUENT_FRAMING, Framing, SchemaId
from tests.definitions import V1

WANTED = frozenset(one.path[0] for one in V1.fields)

AVRO: dict[str, Any] = {
    "type": "record", "name": "Payment", "namespace": "shop",
    "fields": [
        {"name": "transaction_id", "type": "string"},
        {"name": "card_id", "type": "string"},
        {"name": "merchant_id", "type": "string"},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 2}},
        {"name": "currency", "type": {"type": "enum", "name": "Currency", "symbols": ["EUR", "USD"]}},
        {"name": "timestamp", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "merchant_category", "type": ["null", "string"], "default": None},
        {"name": "channel", "type": ["null", "string"], "default": None},
        {"name": "country", "type": ["null", "string"], "default": None},
        {"name": "latitude", "type": ["null", "double"], "default": None},
        {"name": "longitude", "type": ["null", "double"], "default": None},
        {"name": "basket", "type": {"type": "map", "values": "long"}, "default": {}},
    ],
}  # fmt: skip

PROTO = """
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";

message Refund { string reason = 1; }

message Payment {
  string transaction_id = 1;
  string card_id = 2;
  string merchant_id = 3;
  string amount = 4;  // a decimal number
  enum Currency { UNKNOWN = 0; EUR = 1; USD = 2; }
  Currency currency = 5;
  google.protobuf.Timestamp timestamp = 6;
  optional string merchant_category = 7;
  optional string channel = 8;
  optional string country = 9;
  optional double latitude = 10;
  optional double longitude = 11;
  map<string, int64> basket = 12;
}
"""

JSON_SCHEMA: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "Payment",
    "type": "object",
    "required": ["transaction_id", "card_id", "merchant_id", "amount", "currency", "timestamp"],
}


def opened() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


@dataclass
class MemoryRegistry:
    """Schemas by their ids; with `is_down` it does not answer; it waits while `gate` is cleared."""

    schemas: dict[Any, WriterSchema] = field(default_factory=dict)
    is_down: bool = False
    asked: list[SchemaId] = field(default_factory=list)
    gate: threading.Event = field(default_factory=opened)

    def check(self) -> str:
        return "it answers"

    def schema(self, schema_id: SchemaId) -> WriterSchema:
        self.asked.append(schema_id)
        self.gate.wait(10)
        if self.is_down:
            raise UnreachableError("the schema registry at http://r does not answer as one (down)")
        if schema_id not in self.schemas:
            raise SchemaMissingError(f"the schema registry has no schema {schema_id}")
        return self.schemas[schema_id]


def payloads_with(registry: MemoryRegistry, framing: Framing = CONFLUENT_FRAMING) -> RegistryPayloads:
    return RegistryPayloads(registry, WANTED, 65_536, framing)


def framed(schema_id: int, payload: bytes) -> bytes:
    return b"\0" + schema_id.to_bytes(4, "big") + payload


def avro_bytes(record: dict[str, Any], schema: Any = None) -> bytes:
    """The record, whose decimals and times are Python's or already numbers."""
    sink = io.BytesIO()
    fastavro.schemaless_writer(sink, fastavro.parse_schema(json.loads(json.dumps(schema or AVRO))), record)
    return sink.getvalue()


def avro_record(payment: dict[str, Any]) -> dict[str, Any]:
    """A payment of JSON as a record of `AVRO`."""
    return payment | {"amount": Decimal(payment["amount"]), "basket": {"apples": 3}}


def message_class(text: str, name: str) -> Any:
    """The class of a message of a `.proto` file whose imports are Protobuf's own."""
    from google.protobuf import timestamp_pb2

    pool = DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(parse_proto("payment.proto", text).SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName(name))


def proto_message(payment: dict[str, Any], kind: Any = None) -> Any:
    """A payment of JSON as a message of `PROTO`."""
    made = (kind or message_class(PROTO, "shop.Payment"))(basket={"apples": 3})
    for name, value in payment.items():
        if name == "timestamp":
            made.timestamp.FromMilliseconds(value)
        elif name == "currency":
            made.currency = made.Currency.Value(value)
        elif value is not None:
            setattr(made, name, value)
    return made
