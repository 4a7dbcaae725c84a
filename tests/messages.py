"""Messages that no reader of any topic can use, one or two for each way to be wrong.

The list is our own; it follows the kinds that public suites of JSON tests have.
"""

from collections.abc import Iterator

MOST_BYTES = 900_000
"""The broker itself refuses more."""

BAD: dict[str, bytes | None] = {
    "none": None,
    "empty": b"",
    "blanks": b" \n\t",
    "a zero byte": b"\0",
    "text": b"not json",
    "not an object": b'[1, "a"]',
    "null": b"null",
    "a number": b"1e5",
    "empty object": b"{}",
    "cut off": b'{"transaction_id": "t", "card_id": "c',
    "two objects": b"{}{}",
    "UTF-16": '{"transaction_id": "t"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    "Avro with a schema's number": b"\x00\x00\x00\x00\x01\x06t-1",
    "1,000 levels of arrays": b"[" * 1_000 + b"]" * 1_000,
    "100,000 levels of objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "levels that do not end": b"[{" * 300_000,
    "more bytes than any message": b" " * ((1 << 20) + 1),
    "a text of escaped quotes": b'"' + b'\\"' * 50_000 + b"{" * 50,
    "a digit after the other": b"1" * 100_000,
}
"""By kind; for every type."""


def bad_variants(valid: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    """The message `valid`, which has the text field `name`, spoilt in one place; by kind.

    `valid` is a compact object.
    """
    inside = valid[1:-1]
    yield "cut off", valid[:-1]
    yield "trailing bytes", valid + b"}"
    yield "trailing zero", valid + b"\0"
    yield "a byte order mark", b"\xef\xbb\xbf" + valid
    yield "a trailing comma", b"{" + inside + b",}"
    yield "nested deeper than allowed", b"{" + inside + b',"x":' + b"[" * 1_000 + b"]" * 1_000 + b"}"
    yield "nested by one too many", b"{" + inside + b',"x":' + b'{"a":' * 32 + b"1" + b"}" * 33
    for kind, text in BAD_TEXTS.items():
        yield f"{kind} in an undeclared value", b"{" + inside + b',"x":"' + text + b'"}'
        yield f"{kind} in an undeclared name", b"{" + inside + b',"' + text + b'":1}'
        yield f"{kind} in a declared value", _with_text(valid, name, text)
    for kind, value in BAD_VALUES.items():
        yield f"{kind} in an undeclared value", b"{" + inside + b',"x":' + value + b"}"
        yield f"{kind} in a declared value", _with_value(valid, name, value)
    declared = f'"{name}":'.encode()
    for kind, again in (("null", b"null"), ("a value", b'"again"')):
        yield f"{kind} after the value", b"{" + inside + b"," + declared + again + b"}"
        yield f"{kind} before the value", b"{" + declared + again + b"," + inside + b"}"
    escaped = f'"\\u{ord(name[0]):04x}{name[1:]}":"again"'.encode()
    yield "a repeated name, escaped", b"{" + inside + b"," + escaped + b"}"


BAD_TEXTS = {
    "a byte that is not UTF-8": b"a\xff",
    "Latin-1": "Zoë".encode("latin-1"),
    "an overlong form": b"\xc0\xaf",
    "a surrogate in UTF-8": b"\xed\xa0\x80",
    "beyond Unicode": b"\xf4\x90\x80\x80",
    "half a character": b"a\xe2\x82",
    "a lone high surrogate": b"\\ud800",
    "a lone low surrogate": b"\\udc00 and more",
    "surrogates in the wrong order": b"\\udc00\\ud800",
    "a high surrogate and a letter": b"\\ud800\\u0041",
    "a control sign": b"a\x01",
    "an unknown escape": b"\\q",
    "half an escape": b"\\u12",
}
"""What is between quotes."""

BAD_VALUES = {
    "nothing": b"",
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "a leading zero": b"01",
    "a bare point": b"1.",
    "a bare exponent": b"1e",
    "a plus": b"+1",
    "hexadecimal": b"0x1F",
    "half a literal": b"tru",
    "single quotes": b"'a'",
    "a trailing comma": b"[1,]",
    "an unclosed array": b"[1",
    "closed by the wrong bracket": b'{"a":1]',
    "a member without a value": b'{"a"}',
    "a name that is no text": b"{1:2}",
    "a comment": b"/* */1",
}


def _with_text(valid: bytes, name: str, text: bytes) -> bytes:
    return _with_value(valid, name, b'"' + text + b'"')


def _with_value(valid: bytes, name: str, value: bytes) -> bytes:
    before, rest = valid.split(f'"{name}":"'.encode(), 1)
    return before + f'"{name}":'.encode() + value + rest.split(b'"', 1)[1]
