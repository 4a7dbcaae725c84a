"""Protobuf messages become the values that JSON would have had."""

import base64
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from google.type import money_pb2
from hypothesis import given
from hypothesis import strategies as st

from fraud.messages.decoding import MessageError
from fraud.messages.formats.proto_file import parse_proto
from fraud.messages.formats.protobuf import ProtobufDecoder
from tests.fraud.messages.formats.registries import PROTO, message_class, proto_message
from tests.fraud.messages.formats.test_avro import MS

TYPES = """
syntax = "proto3";
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto";
import "google/type/money.proto";
import "google/type/decimal.proto";
import "google/type/date.proto";
import "google/type/latlng.proto";

message Node { Node next = 1; int64 value = 2; }
message M {
  google.protobuf.Timestamp at = 1;
  google.protobuf.Duration took = 2;
  google.protobuf.Int64Value wrapped = 3;
  google.protobuf.Struct free = 4;
  google.type.Money price = 5;
  google.type.Decimal exact = 6;
  google.type.Date day = 7;
  google.type.LatLng place = 8;
  float narrow = 9;
  int64 wide = 10;
  uint64 widest = 11;
  optional string maybe = 12;
  oneof way { string phone = 13; int32 shop = 14; }
  enum Kind { NONE = 0; CHIP = 1; }
  Kind kind = 15;
  repeated Kind kinds = 16;
  map<int32, Node> nodes = 17;
  bytes raw = 18;
  Node node = 19;
  bool flag = 20;
}
"""
SHIPPED = (
    "google.protobuf.timestamp", "google.protobuf.duration", "google.protobuf.wrappers",
    "google.protobuf.struct", "google.type.money", "google.type.decimal", "google.type.date",
    "google.type.latlng",
)  # fmt: skip


@pytest.fixture(scope="module")
def kind() -> Any:
    """The class of `M`."""
    pool = DescriptorPool()
    for name in SHIPPED:
        module = __import__(f"{name}_pb2", fromlist=["DESCRIPTOR"])
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(parse_proto("m.proto", TYPES).SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName("M"))


def decode(message: Any, *names: str, indexes: bytes = b"\x02\x02") -> dict[str, Any]:
    return ProtobufDecoder(TYPES, {}, frozenset(names)).decode(indexes + message.SerializeToString())


def test_well_known_types_are_what_they_stand_for(kind: Any) -> None:
    # given a message with each of them
    message = kind(
        price={"currency_code": "EUR", "units": -12, "nanos": -300_000_000},
        exact={"value": "12.30"},
        day={"year": 1970, "month": 1, "day": 3},
        place={"latitude": 1.5, "longitude": -2.5},
    )
    message.at.FromNanoseconds(MS * 1_000_000 + 999_999)
    message.took.FromMilliseconds(1_500)
    message.wrapped.value = 0
    message.free.update({"a": [1, None]})
    # when it is decoded
    found = decode(message, "price", "exact", "day", "place", "at", "took", "wrapped", "free")
    # then money is a decimal number, and times and days are ms
    assert found == {
        "price": {"currency_code": "EUR", "amount": Decimal("-12.3")},
        "exact": Decimal("12.30"),
        "day": 2 * 86_400_000,
        "place": {"latitude": 1.5, "longitude": -2.5},
        "at": MS,
        "took": 1_500,
        "wrapped": 0,
        "free": {"a": [1.0, None]},
    }


def test_numbers_stay_numbers_and_enums_get_their_names(kind: Any) -> None:
    # given numbers at their limits, which Protobuf's own JSON writes as text
    message = kind(narrow=12.3, wide=-(2**63), widest=2**64 - 1, kinds=[1, 7], kind=1, flag=True)
    # then they are numbers; a value that the schema does not name is its number as text
    assert decode(message, "narrow", "wide", "widest", "kind", "kinds", "flag") == {
        "narrow": 12.3, "wide": -(2**63), "widest": 2**64 - 1, "kind": "CHIP", "kinds": ["CHIP", "7"],
        "flag": True,
    }  # fmt: skip


def test_absent_is_null_where_protobuf_knows_it(kind: Any) -> None:
    # given an empty message, and one whose optional field is empty
    names = ("maybe", "phone", "shop", "at", "price", "wide")
    # then fields with presence are null, others have their default
    assert decode(kind(), *names) == dict.fromkeys(names) | {"wide": 0}
    assert decode(kind(maybe="", shop=0), *names) == dict.fromkeys(names) | {
        "wide": 0,
        "maybe": "",
        "shop": 0,
    }


def test_maps_and_messages_are_objects(kind: Any) -> None:
    message = kind()
    message.nodes[7].value = 5
    message.node.next.value = 1

    assert decode(message, "nodes", "node") == {
        "nodes": {"7": {"next": None, "value": 5}},
        "node": {"next": {"next": None, "value": 1}, "value": 0},
    }


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 999_999_999))
def test_money_is_exact(units: int, nanos: int) -> None:
    # given any amount; both parts have one sign
    sign = -1 if units < 0 else 1
    price = money_pb2.Money(units=units, nanos=sign * nanos)
    schema = 'import "google/type/money.proto"; message M { optional google.type.Money price = 1; }'
    payload = b"\0\x0a" + bytes([len(price.SerializeToString())]) + price.SerializeToString()
    # when it is decoded
    found = ProtobufDecoder(schema, {}, frozenset({"price"})).decode(payload)["price"]["amount"]
    # then it is the sum of both
    assert Fraction(found) == units + Fraction(sign * nanos, 10**9)


def test_a_nested_type_is_found_by_its_indexes(kind: Any) -> None:
    # given a file whose first type holds another
    text = 'syntax = "proto3"; message A { message B { string x = 1; } } message C { string x = 1; }'
    # then the indexes lead to it
    decoder = ProtobufDecoder(text, {}, frozenset({"x"}))
    content = b"\x0a\x01q"
    assert decoder.decode(b"\x04\x00\x00" + content) == {"x": "q"}
    assert decoder.decode(b"\x02\x02" + content) == {"x": "q"}
    with pytest.raises(MessageError, match=r"no message type at \[2\]"):
        decoder.decode(b"\x02\x04" + content)
    with pytest.raises(MessageError, match=r"no message type at \[0, 1\]"):
        decoder.decode(b"\x04\x00\x02" + content)


def test_a_schema_may_be_a_descriptor_and_import_others() -> None:
    # given a file that imports another; both as Confluent's Python client registers them
    shared = 'syntax = "proto3"; package s; message Inner { int64 x = 1; }'
    whole = 'syntax = "proto3"; import "shared.proto"; message Outer { s.Inner inner = 1; }'
    texts = [
        base64.b64encode(parse_proto(name, text).SerializeToString()).decode()
        for name, text in (("other name.proto", shared), ("whole.proto", whole))
    ]
    # when a message is decoded
    decoder = ProtobufDecoder(texts[1], {"shared.proto": texts[0]}, frozenset({"inner"}))
    # then the type of the import is known
    assert decoder.decode(b"\0\x0a\x02\x08\x05") == {"inner": {"x": 5}}


def test_an_import_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match=r"imports lost\.proto"):
        ProtobufDecoder('import "lost.proto"; message M {}', {}, frozenset())


@pytest.mark.parametrize("value", ["twelve", "NaN", ""])
def test_a_decimal_that_is_none_is_refused(kind: Any, value: str) -> None:
    with pytest.raises(MessageError, match="no decimal number"):
        decode(kind(exact={"value": value}), "exact")


def test_bytes_of_another_schema_are_refused() -> None:
    with pytest.raises(MessageError, match=r"no Protobuf message shop\.Payment"):
        ProtobufDecoder(PROTO, {}, frozenset()).decode(b"\x02\x02\xff")


def test_the_payment_of_the_tests_is_read_as_it_is() -> None:
    payment = {"transaction_id": "t", "currency": "EUR", "timestamp": MS, "country": None, "latitude": 0.1}
    message = proto_message(payment, message_class(PROTO, "shop.Payment"))

    found = ProtobufDecoder(PROTO, {}, frozenset(payment)).decode(b"\x02\x02" + message.SerializeToString())

    assert found == payment


WIDE = f"""
syntax = "proto3";
message M {{ Device device = 1; }}
message Device {{ repeated App apps = 1; }}
message App {{ {" ".join(f"string f{number} = {number + 1};" for number in range(60))} }}
"""


def test_empty_objects_do_not_become_a_hundred_times_as_much_json() -> None:
    apps = b"\x0a\x00" * 8_000
    payload = b"\x00\x0a\x80\x7d" + apps

    with pytest.raises(MessageError, match="more than 65536 bytes as JSON"):
        ProtobufDecoder(WIDE, {}, frozenset({"device"}), 65_536).decode(payload)
    assert (
        len(ProtobufDecoder(WIDE, {}, frozenset({"device"}), 2_000_000).decode(payload)["device"]["apps"])
        == 8_000
    )


def test_the_text_of_a_decimal_that_is_none_is_not_repeated() -> None:
    schema = 'syntax = "proto3"; import "google/type/decimal.proto"; message M { google.type.Decimal a = 1; }'

    with pytest.raises(MessageError) as found:
        ProtobufDecoder(schema, {}, frozenset({"a"})).decode(b"\x00\x0a\x07\x0a\x05card9")

    assert "card9" not in str(found.value)
