"""Protobuf: messages of the writer's schema as plain values."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib import import_module
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import Default, DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from fraud.messages.decoding import MAX_BYTES, MessageError
from fraud.messages.formats.proto_file import parse_proto
from fraud.messages.formats.values import DAY_MS, Converter, decimal_of_bytes, shortest_float
from fraud.messages.formats.wire import split_message_indexes

_SHIPPED = (
    *(f"google.protobuf.{name}_pb2" for name in (
        "any", "api", "duration", "empty", "field_mask", "source_context", "struct", "timestamp", "type",
        "wrappers",
    )),
    *(f"google.type.{name}_pb2" for name in (
        "calendar_period", "color", "date", "datetime", "dayofweek", "decimal", "expr", "fraction", "latlng",
        "money", "month", "postal_address", "quaternion", "timeofday",
    )),
    "confluent_kafka.schema_registry.confluent.meta_pb2",
    "confluent_kafka.schema_registry.confluent.type.decimal_pb2",
)  # fmt: skip
"""Modules of the files that a schema may import without a reference."""

_LEAST_JSON = 4
"""Bytes of the shortest member of an object and its comma, without its name."""

_EPOCH = date(1970, 1, 1)


class ProtobufDecoder:
    """Decodes messages whose type is in one file.

    Args:
        schema: the file's text, or its descriptor in Base64.
        references: likewise of the files that it imports, by the name under which it does.
        wanted: names of top-level fields; the others are dropped.
        max_bytes: what would be longer as JSON may be refused before it is made.

    Raises:
        ValueError: the file cannot be read, or imports one that is not there.
    """

    def __init__(
        self, schema: str, references: Mapping[str, str], wanted: frozenset[str], max_bytes: int = MAX_BYTES
    ) -> None:
        self._wanted, self._max_bytes = wanted, max_bytes
        self._types: dict[tuple[int, ...], Descriptor] = {}
        pool = DescriptorPool()
        added: set[str] = set()
        for name, text in references.items():
            _add(pool, _read_file(name, text), added)
        file = _read_file("", schema)
        file.name = "the schema"
        _add(pool, file, added)
        self._file = pool.FindFileByName(file.name)
        self._top_types = [one.name for one in file.message_type]

    def decode(self, payload: bytes) -> dict[str, Any]:
        """The wanted fields of a message, with the names that they have in the file.

        Raises:
            MessageError: the payload is not of this schema.
        """
        indexes, content = split_message_indexes(payload)
        kind = self._types.get(indexes) or self._type_at(indexes)
        try:
            message = GetMessageClass(kind).FromString(content)
        except DecodeError as error:
            raise MessageError(f"it is no Protobuf message {kind.full_name} ({error})") from None
        fields = (field for field in kind.fields if field.name in self._wanted)
        room = _Room(self._max_bytes)
        return {field.name: _plain_field(message, field, room) for field in fields}

    def _type_at(self, indexes: tuple[int, ...]) -> Descriptor:
        """The type that is the i-th of the file, then the j-th within it, and so on."""
        kinds = [self._file.message_types_by_name[name] for name in self._top_types]
        for index in indexes:
            if not 0 <= index < len(kinds):
                raise MessageError(f"its schema has no message type at {list(indexes)}")
            kind = kinds[index]
            kinds = [*kind.nested_types]
        self._types[indexes] = kind
        return kind


def _read_file(name: str, schema: str) -> FileDescriptorProto:
    """From text, or from the descriptor in Base64 as Confluent's Python client registers it."""
    try:
        found = FileDescriptorProto.FromString(base64.b64decode(schema, validate=True))
    except (binascii.Error, ValueError, DecodeError):
        return parse_proto(name, schema)
    found.name = name
    return found


def _add(pool: DescriptorPool, file: FileDescriptorProto, added: set[str]) -> None:
    """Add a file to the pool, after those of the shipped ones that it imports."""
    for name in file.dependency:
        if name not in added:
            _add(pool, _shipped_file(name), added)
    added.add(file.name)
    try:
        pool.AddSerializedFile(file.SerializeToString())
    except TypeError as error:
        raise ValueError(f"its .proto file cannot be used: {error}") from None


@cache
def _shipped_file(name: str) -> FileDescriptorProto:
    for module in _SHIPPED:
        import_module(module)
    found = FileDescriptorProto()
    try:
        Default().FindFileByName(name).CopyToProto(found)
    except KeyError:
        raise ValueError(f"it imports {name}, for which it has no reference") from None
    return found


class _Room:
    """How long the JSON of a message may get: two bytes of an empty object stand for all its fields."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = self._left = max_bytes

    def take(self, members: int) -> None:
        """Room for so many members of an object."""
        self._left -= _LEAST_JSON * members
        if self._left < 0:
            raise MessageError(f"the message would have more than {self._max_bytes} bytes as JSON")


def _plain_field(message: Message, field: FieldDescriptor, room: _Room) -> Any:
    """The value; None for one that is known to be absent."""
    if field.has_presence and not message.HasField(field.name):
        return None
    value = getattr(message, field.name)
    if not field.is_repeated:
        return _plain_value(value, field, room)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        inner = field.message_type.fields_by_name["value"]
        return {str(key): _plain_value(value[key], inner, room) for key in value}
    return [_plain_value(one, field, room) for one in value]


def _plain_value(value: Any, field: FieldDescriptor, room: _Room) -> Any:
    if field.message_type is not None:
        return _plain_message(value, room)
    return _plain_scalar(value, field)


def _plain_scalar(value: Any, field: FieldDescriptor) -> Any:
    if field.enum_type is not None:
        named = field.enum_type.values_by_number.get(value)
        return str(value) if named is None else named.name
    return shortest_float(value) if field.type == FieldDescriptor.TYPE_FLOAT else value


def _plain_message(message: Any, room: _Room) -> Any:
    kind = message.DESCRIPTOR
    convert = _WELL_KNOWN.get(kind.full_name)
    if convert is not None:
        return convert(message)
    room.take(len(kind.fields))
    return {field.name: _plain_field(message, field, room) for field in kind.fields}


def _milliseconds(message: Any) -> int:
    return int(message.seconds * 1_000 + message.nanos // 1_000_000)


def _money(message: Any) -> dict[str, Any]:
    """With the amount that `units` and `nanos` are together."""
    nanos = message.units * 1_000_000_000 + message.nanos
    length = max(1, (nanos.bit_length() + 8) // 8)
    amount = decimal_of_bytes(nanos.to_bytes(length, "big", signed=True), 9)
    return {"currency_code": message.currency_code, "amount": amount}


def _decimal_of_text(message: Any) -> Decimal:
    try:
        found = Decimal(message.value)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        # Without the text, which may be anything.
        raise MessageError("a google.type.Decimal is no decimal number")
    return found


def _midnight(message: Any) -> int:
    try:
        return (date(message.year, message.month, message.day) - _EPOCH).days * DAY_MS
    except ValueError:
        raise MessageError(f"{message.year}-{message.month}-{message.day} is no date") from None


def _wrapped(message: Any) -> Any:
    return _plain_scalar(message.value, message.DESCRIPTOR.fields_by_name["value"])


def _of_bytes(message: Any) -> Decimal:
    return decimal_of_bytes(message.value, message.scale)


def _named(package: str, names: Iterable[str], convert: Converter) -> dict[str, Converter]:
    return {f"{package}.{name}": convert for name in names}


_WRAPPERS = ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
_WELL_KNOWN: dict[str, Converter] = {
    **_named("google.protobuf", ("Timestamp", "Duration"), _milliseconds),
    **_named("google.protobuf", (f"{name}Value" for name in _WRAPPERS), _wrapped),
    **_named("google.protobuf", ("Struct", "Value", "ListValue"), json_format.MessageToDict),
    **_named("google.type", ("Money",), _money),
    **_named("google.type", ("Decimal",), _decimal_of_text),
    **_named("google.type", ("Date",), _midnight),
    **_named("confluent.type", ("Decimal",), _of_bytes),
}
"""Messages of well-known types as the values that they stand for."""
