"""The text of a `.proto` file as the descriptor that the Protobuf library takes.

Registries keep the text (Confluent's can also give the descriptor, others cannot), and the library reads
descriptors alone. What does not change how a message is read is skipped: options, comments, reserved
numbers, services and extensions.
"""

import re
from collections.abc import Callable, Iterator

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

_TOKEN = re.compile(
    r"""\s+|//[^\n]*|/\*.*?\*/|(?P<token>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[\w.+-]+|[{}\[\]<>();=,:/])""",
    re.DOTALL,
)
_SCALARS = {
    name: getattr(FieldDescriptorProto, f"TYPE_{name.upper()}")
    for name in (
        "double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string", "bytes",
        "uint32", "sfixed32", "sfixed64", "sint32", "sint64",
    )
}  # fmt: skip
_LABELS = {
    "optional": FieldDescriptorProto.LABEL_OPTIONAL,
    "required": FieldDescriptorProto.LABEL_REQUIRED,
    "repeated": FieldDescriptorProto.LABEL_REPEATED,
}
_SKIPPED = ("option", "reserved", "extensions", "extend", "service")
_CLOSING = {"{": "}", "[": "]", "(": ")", "<": ">"}
_SUPPORTED_SYNTAX = ("proto2", "proto3")


def parse_proto(name: str, text: str) -> FileDescriptorProto:
    """The descriptor of a file.

    Type names that the file does not define are left as they stand, for the pool to find them by Protobuf's
    rules of scope.

    Raises:
        ValueError: the text is not what we can read; says why.
    """
    return _ProtoParser(name, text).parse()


class _ProtoParser:
    def __init__(self, name: str, text: str) -> None:
        self._tokens = [*_tokens(text)]
        self._at = 0
        self._file = FileDescriptorProto(name=name)

    def parse(self) -> FileDescriptorProto:
        statements: dict[str, Callable[[], None]] = {
            "syntax": self._read_syntax,
            "package": self._read_package,
            "import": self._read_import,
            "message": lambda: self._read_message(self._file.message_type.add()),
            "enum": lambda: self._read_enum(self._file.enum_type.add()),
            ";": lambda: None,
        }
        while self._at < len(self._tokens):
            word = self._next()
            if word in _SKIPPED:
                self._skip_statement()
            elif word in statements:
                statements[word]()
            else:
                raise ValueError(f"{word!r} is not the start of a statement of a .proto file")
        return self._file

    def _next(self) -> str:
        if self._at == len(self._tokens):
            raise ValueError("the .proto file ends within a statement")
        self._at += 1
        return self._tokens[self._at - 1]

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _expect(self, wanted: str) -> None:
        found = self._next()
        if found != wanted:
            raise ValueError(f"the .proto file has {found!r} where {wanted!r} belongs")

    def _take(self, word: str) -> bool:
        """Whether the next token is `word`, which is passed then."""
        is_next = self._peek() == word
        self._at += is_next
        return is_next

    def _read_syntax(self) -> None:
        self._expect("=")
        syntax = self._next()[1:-1]
        if syntax not in _SUPPORTED_SYNTAX:
            raise ValueError(f"the .proto file has the syntax {syntax}, which is not supported")
        # proto2 is the absence of a syntax.
        if syntax != "proto2":
            self._file.syntax = syntax
        self._expect(";")

    def _read_package(self) -> None:
        self._file.package = self._next()
        self._expect(";")

    def _read_import(self) -> None:
        word = self._next()
        if word in ("public", "weak"):
            if word == "public":
                self._file.public_dependency.append(len(self._file.dependency))
            word = self._next()
        self._file.dependency.append(word[1:-1])
        self._expect(";")

    def _read_message(self, message: DescriptorProto) -> None:
        message.name = self._next()
        self._expect("{")
        while not self._take("}"):
            self._read_member(message)
        _add_synthetic_oneofs(message)

    def _read_member(self, message: DescriptorProto) -> None:
        word = self._next()
        # A field may have a type of the name `message`; then a type's name follows, and no brace.
        if word == "message" and self._starts_block():
            self._read_message(message.nested_type.add())
        elif word == "enum" and self._starts_block():
            self._read_enum(message.enum_type.add())
        elif word == "oneof" and self._starts_block():
            self._read_oneof(message)
        elif word in _SKIPPED:
            self._skip_statement()
        elif word != ";":
            self._read_field(message, word)

    def _starts_block(self) -> bool:
        return self._at + 1 < len(self._tokens) and self._tokens[self._at + 1] == "{"

    def _read_oneof(self, message: DescriptorProto) -> None:
        index = len(message.oneof_decl)
        message.oneof_decl.add(name=self._next())
        self._expect("{")
        while not self._take("}"):
            word = self._next()
            if word == "option":
                self._skip_statement()
            elif word != ";":
                self._read_field(message, word).oneof_index = index

    def _read_field(self, message: DescriptorProto, word: str) -> FieldDescriptorProto:
        field = message.field.add(label=FieldDescriptorProto.LABEL_OPTIONAL)
        if word in _LABELS:
            field.label = _LABELS[word]
            field.proto3_optional = word == "optional" and self._file.syntax == "proto3"
            word = self._next()
        if word == "group":
            raise ValueError("the .proto file has a group, which is not supported")
        if word == "map" and self._peek() == "<":
            self._read_map(message.nested_type.add(), field)
        else:
            _set_type(field, word)
            field.name = self._next()
        self._finish_field(field)
        return field

    def _finish_field(self, field: FieldDescriptorProto) -> None:
        self._expect("=")
        field.number = _integer(self._next())
        if self._peek() == "[":
            self._skip_block()
        self._expect(";")

    def _read_map(self, entry: DescriptorProto, field: FieldDescriptorProto) -> None:
        """A map is a repeated message of a key and a value; `rate_by_day` has the type `RateByDayEntry`."""
        self._expect("<")
        entry.options.map_entry = True
        for number, (name, end) in enumerate((("key", ","), ("value", ">")), 1):
            part = entry.field.add(name=name, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
            _set_type(part, self._next())
            self._expect(end)
        field.label, field.name = FieldDescriptorProto.LABEL_REPEATED, self._next()
        entry.name = "".join(part[:1].upper() + part[1:] for part in field.name.split("_")) + "Entry"
        field.type_name = entry.name

    def _read_enum(self, enum: EnumDescriptorProto) -> None:
        enum.name = self._next()
        self._expect("{")
        while not self._take("}"):
            word = self._next()
            if word in ("option", "reserved"):
                if word == "option" and self._tokens[self._at : self._at + 2] == ["allow_alias", "="]:
                    enum.options.allow_alias = self._tokens[self._at + 2] == "true"
                self._skip_statement()
            elif word != ";":
                self._expect("=")
                enum.value.add(name=word, number=_integer(self._next()))
                if self._peek() == "[":
                    self._skip_block()
                self._expect(";")

    def _skip_statement(self) -> None:
        """Skip to a semicolon, or past the block of a service, an extension or an option's value."""
        while (word := self._peek()) != ";":
            if word in _CLOSING:
                self._skip_block()
                if word == "{" and self._peek() != ";":
                    return
            else:
                self._next()
        self._next()

    def _skip_block(self) -> None:
        opened = [_CLOSING[self._next()]]
        while opened:
            word = self._next()
            if word == opened[-1]:
                opened.pop()
            elif word in _CLOSING:
                opened.append(_CLOSING[word])


def _tokens(text: str) -> Iterator[str]:
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise ValueError(f"the .proto file has {text[position]!r}, which is no part of its language")
        if found["token"]:
            yield found["token"]
        position = found.end()


def _integer(word: str) -> int:
    digits = word.lstrip("+-")
    is_octal = digits.startswith("0") and digits.isdigit() and len(digits) > 1
    return int(word, 8) if is_octal else int(word, 0)


def _set_type(field: FieldDescriptorProto, word: str) -> None:
    """A scalar, or the name of a message or an enum: which of them it is the pool finds out."""
    if word in _SCALARS:
        field.type = _SCALARS[word]
    else:
        field.type_name = word


def _add_synthetic_oneofs(message: DescriptorProto) -> None:
    """Each `optional` field of proto3 is in a oneof of its own, behind those of the file."""
    for field in message.field:
        if field.proto3_optional:
            field.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{field.name}")
