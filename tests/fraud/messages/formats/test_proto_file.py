"""Our reader of `.proto` files against Protobuf's own compiler, on the files that Google publishes."""

from pathlib import Path
from typing import Any

import google.type
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from fraud.messages.formats.proto_file import parse_proto

ROOT = Path(next(iter(google.type.__path__))).parent.parent
FILES = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("google/**/*.proto"))


def simplified(file: FileDescriptorProto) -> FileDescriptorProto:
    """Without what is not needed to read messages."""
    made = FileDescriptorProto()
    made.CopyFrom(file)
    for name in ("options", "service", "extension", "source_code_info", "weak_dependency"):
        made.ClearField(name)
    for message in made.message_type:
        _simplify(message)
    for enum in made.enum_type:
        _simplify_enum(enum)
    return made


def _simplify(message: Any) -> None:
    is_entry = message.options.map_entry
    for name in ("reserved_range", "reserved_name", "extension_range", "extension", "options"):
        message.ClearField(name)
    if is_entry:
        message.options.map_entry = True
    for field in message.field:
        for name in ("options", "json_name", "default_value"):
            field.ClearField(name)
    for inner in message.nested_type:
        _simplify(inner)
    for enum in message.enum_type:
        _simplify_enum(enum)


def _simplify_enum(enum: Any) -> None:
    is_aliased = enum.options.allow_alias
    for name in ("reserved_range", "reserved_name", "options"):
        enum.ClearField(name)
    if is_aliased:
        enum.options.allow_alias = True
    for value in enum.value:
        value.ClearField("options")


def with_imports(pool: DescriptorPool, file: Any) -> None:
    for needed in file.dependencies:
        with_imports(pool, needed)
        pool.AddSerializedFile(needed.serialized_pb)


def test_there_are_files_to_compare() -> None:
    assert len(FILES) > 40


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_as_the_compiler_reads_it(name: str) -> None:
    # given a file, and what Protobuf's compiler made of it
    module = pytest.importorskip(name.removesuffix(".proto").replace("/", ".") + "_pb2")
    compiled = FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(compiled)
    # when we read its text, and the library finds the types that it names
    pool = DescriptorPool()
    with_imports(pool, module.DESCRIPTOR)
    found = FileDescriptorProto()
    parsed = parse_proto(module.DESCRIPTOR.name, (ROOT / name).read_text())
    pool.AddSerializedFile(parsed.SerializeToString()).CopyToProto(found)
    # then both are the same
    assert simplified(found) == simplified(compiled)


@pytest.mark.parametrize(
    "text",
    [
        'syntax = "proto3"; message M { string a = 1',
        'edition = "2023"; message M {}',
        'syntax = "proto9";',
        "message M { group G = 1 { } }",
        "message M { string a 1; }",
        "hello",
        "message M { string a = x; }",
        "message M { ~ }",
    ],
)
def test_a_file_that_is_none_says_why(text: str) -> None:
    with pytest.raises(ValueError):
        parse_proto("m.proto", text)
