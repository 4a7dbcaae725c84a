"""Messages for fuzzing: JSON with anything anywhere, valid messages that were damaged, and bytes.

The edge cases are our own list, after the kinds that public suites of JSON tests have.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from random import Random

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import Field, FieldType
from fraud.messages.decoding import MAX_DEPTH
from tests.definitions import V1

NOW = 1_700_000_000_000
DAY_MS = 86_400_000

TEXTS = (
    "", "a", "t-1", "card 7", "x" * 3, "x" * 4, "x" * 32, "x" * 33, "x" * 64, "x" * 65, "x" * 200,
    "ü" * 32, "ü" * 33, "ü" * 64, "ü" * 65, "€" * 42, "€" * 43, "€" * 64, "🙂" * 16, "🙂" * 32,
    "🙂" * 33, "🙂" * 64, "Bäckerei Müller", "花屋", "\u202eright to left", "\ufeffmark", "\u2028",
    "\x7f", "\x80", "\x9f", "\u07ff\u0800\ud7ff\ue000\uffff", "\U00010000\U0010ffff", "card_id",
    '":{', "\u0000", "a\nb", 'a"b', "a\\b", "EUR", "JPY", "KWD", "eur", "E1R", "ÄUR", "EURO", "DE",
    "D", "4111111111111111", "4111111111111112", "pan 3782 822463 10005", "4111.1111.1111.1111",
)  # fmt: skip

RAW_TEXTS = (
    rb"\u0041", rb"\u00fc", rb"\u00FC", rb"\u0000", rb"\ud83d\ude42", rb"\uD83D\uDE42", rb"\ud800",
    rb"\udc00", rb"\ud800\ud800", rb"\udc00\ud800", rb"\ud800\u0041", rb"\ud800\\", rb"\ud800x",
    rb"\ud800\n", rb"\udbff\udfff", rb"\u12", rb"\u123", rb"\u12g4", rb"\u", rb"\U0041", rb"\x41",
    rb"\a", rb"\0", rb"\ ", b"\\", rb"\\", rb"\/", rb"\b\f\n\r\t", rb"\"", b"\t", b"\n", b"\x00",
    b"\x1f", b"\x7f", b"\x80", b"\xbf", b"\xc0\x80", b"\xc1\xbf", b"\xc2", b"\xc2\x80", b"\xc2\xc0",
    b"\xdf\xbf", b"\xe0\x80\x80", b"\xe0\x9f\xbf", b"\xe0\xa0\x80", b"\xe1\x80", b"\xed\x9f\xbf",
    b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xee\x80\x80", b"\xef\xbb\xbf", b"\xef\xbf\xbf",
    b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf", b"\xf0\x90\x80\x80", b"\xf0\x90\x80",
    b"\xf4\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfe",
    b"\xff", b"\xe9",
)  # fmt: skip
"""What stands between quotes, well or badly."""

NUMBERS = (
    "0", "-0", "0.0", "-0.0", "1", "-1", "12", "12.3", "12.34", "12.345", "12.340", "0.5", "0.01",
    "-12.34", "00", "01", "-01", ".5", "5.", "+1", "1e2", "1E2", "1e+2", "1e-2", "1.5e1", "1e",
    "1e+", "1e5.5", "0e0", "0e", "-", "--1", "1-2", "1.2.3", "1..2", "1_000", "1,5", "0x1F", "NaN",
    "nan", "Infinity", "-Infinity", "inf", "1e308", "1e309", "-1e309", "1e-400", "1e999999999",
    "1e-999999999", "1e99999999999999999999", "9" * 15, "9" * 16, "9" * 18, "9" * 19, "9" * 20,
    "1" * 309, "1" * 4_301, "0." + "1" * 14, "0." + "1" * 15, "0." + "1" * 17,
    "0." + "0" * 400 + "1", "9007199254740993", "9223372036854775807", "9223372036854775808",
    "18446744073709551616", "999999.99", "1000000", "1000000.01", "90", "90.00001", "-90", "180",
    "-180", "180.000001", "45.123456789012345", "2.2250738585072011e-308", "\u0661", "\uff11\uff12", "1 2",
    " 1", "1 ", "378282246310005", "4111111111111111", "378282246310005.0",
)  # fmt: skip

OTHER_VALUES = (
    "null", "true", "false", "nul", "nulll", "Null", "tru", "falsee", "undefined", "[]", "{}",
    "[[]]", "[{}]", '{"a":[]}', "[1,2]", "[1,]", "[,1]", "[1 2]", "[1", "1]", "]", "[}", '{"a":1',
    '{"a"}', '{"a":}', '{"a":1,}', '{,"a":1}', "{1:2}", "{null:1}", '{"a":1 "b":2}', '{"a"::1}',
    '{"a":1]', "'a'", "/**/1", "#1", "", " ", '"', '""', '"" ""', '"a":1', "}", ",", ":", "\x00",
    "\x0b1", "\u00a01", "\ufeff1",
)  # fmt: skip

BLANKS = ("", "", "", " ", "  ", "\t", "\n", "\r\n", " \t\r\n", "\v", "\f", "\u00a0", "\u2028", "/**/", "\0")
TAILS = (b"", b" ", b"\n", b"\r\n", b"\0", b"}", b"]", b",", b"x", b"{}", b"\xef\xbb\xbf", b"null", b"\xff")
HEADS = (b"", b" ", b"\n", b"\0", b"{", b"[", b"\xef\xbb\xbf", b"\xff\xfe", b")]}',\n", b"x", b",")
ALPHABET = b'{}[]":,\\u0123456789aeEfnrlst.+- \t\n\xc3\xbc\xf0\x9f\x99\x82\x00\xff'
UNDECLARED = (
    "device_id", "x", "", "card", "card_i", "card_idx", "Card_id", "CARD_ID", "card_id ", "ü",
    "timestamp_ms", "a" * 100,
)  # fmt: skip

Write = Callable[[Random, Definitions], bytes]


def message(random: Random, definitions: Definitions = V1) -> bytes:
    """A message of any sort; about half of them count as transactions."""
    return random.choices(_SORTS, _WEIGHTS)[0](random, definitions)


def simple(random: Random, definitions: Definitions = V1) -> bytes:
    """A valid message as producers write it; now and then with further fields."""
    fields = _usual(random, definitions)
    for _ in range(random.choice((0, 0, 0, 1, 3))):
        members = random.choice([*_objects(fields)])
        members.insert(random.randrange(len(members) + 1), (_name(random), _valid_value(random, 0)))
    return _written(random, fields, ("", " "))


def spoilt(random: Random, definitions: Definitions = V1) -> bytes:
    """A message of which a few parts are from the lists of edge cases."""
    fields = _usual(random, definitions)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        random.choice(_CHANGES)(random, random.choice([*_objects(fields)]))
    if random.random() < 0.1:
        random.shuffle(random.choice([*_objects(fields)]))
    blanks = BLANKS if random.random() < 0.1 else ("", " ")
    head = random.choice(HEADS) if random.random() < 0.05 else b""
    tail = random.choice(TAILS) if random.random() < 0.05 else b""
    return head + _written(random, fields, blanks) + tail


def damaged(random: Random, definitions: Definitions = V1) -> bytes:
    """A message of which bytes are changed, lost, doubled, moved or taken from another."""
    return bytes(damage(random, bytearray(random.choice((simple, simple, spoilt))(random, definitions))))


def damage(random: Random, content: bytearray) -> bytearray:
    """Damages it in up to four places."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        random.choice(_DAMAGES)(random, content)
    return content


def anything(random: Random, definitions: Definitions = V1) -> bytes:
    """Bytes, mostly of those that JSON is made of."""
    size = random.randrange(120)
    return random.randbytes(size) if random.random() < 0.3 else bytes(random.choices(ALPHABET, k=size))


def nested(random: Random, depth: int) -> bytes:
    """A value of that many levels."""
    opened = [random.choice((b"[", b'{"a":', b"[1,", b'{"b":[],"a":')) for _ in range(depth)]
    closing = [b"]" if one.startswith(b"[") else b"}" for one in reversed(opened)]
    return b"".join(opened) + (b"1" if depth else b"[]") + b"".join(closing)


_STEPS = (-DAY_MS, -DAY_MS - 1, DAY_MS, 300_000, 300_001, -(10**12), 10**13, -NOW, -NOW - 1)
_SORTS: Sequence[Write] = (simple, spoilt, damaged, anything)
_WEIGHTS = (30, 40, 25, 5)
Fields = list[tuple[bytes, "bytes | Fields"]]
"""Members of an object: their names, and their values or members."""


def _usual(random: Random, definitions: Definitions) -> Fields:
    message: Fields = []
    for field in definitions.fields:
        if field.is_optional and random.random() < 0.1:
            continue
        members = message
        for name in field.path[:-1]:
            members = _inner(members, name.encode())
        members.append((field.path[-1].encode(), _usual_value(random, field).encode()))
    return message


def _inner(members: Fields, name: bytes) -> Fields:
    for own, value in members:
        if own == name and isinstance(value, list):
            return value
    members.append((name, []))
    return _inner(members, name)


def _objects(fields: Fields) -> Iterator[Fields]:
    """The message and all declared objects in it."""
    yield fields
    for _, value in fields:
        if isinstance(value, list):
            yield from _objects(value)


def _usual_value(random: Random, field: Field) -> str:
    least, most = max(field.lowest, -1e4), min(field.highest, 1e5)
    if field.type is FieldType.CURRENCY:
        return random.choice(('"EUR"', '"EUR"', '"JPY"', '"KWD"')) if field.name != "currency" else '"EUR"'
    if field.is_text:
        fitting = [text for text in _USUAL_TEXTS if field.min_length <= len(text) <= field.max_length]
        return json.dumps(random.choice(fitting), ensure_ascii=random.random() < 0.1)
    if field.type is FieldType.BOOLEAN:
        return random.choice(("true", "false"))
    if field.type is FieldType.TIME:
        return str(NOW + random.randrange(-1_000, 1_000) * 60_000)
    if field.type is FieldType.NUMBER:
        return f"{random.uniform(least, most):.{random.randrange(8)}f}"
    if field.name == "amount":
        least = 0.0
    decimals = random.randrange(3 if field.type is FieldType.MONEY else field.scale + 1)
    number = f"{random.uniform(least, most):.{decimals}f}"
    return random.choice((number, f'"{number}"'))


_USUAL_TEXTS = ("t-1", "t-2", "abc", "DE", "c-7", "m-1", "Zoë", "花屋", "grocery", "chip", "x" * 32, "a", "")


def _name(random: Random) -> bytes:
    return random.choice(UNDECLARED).encode()


def _valid_value(random: Random, depth: int) -> bytes:
    kind = random.randrange(8 if depth < 4 else 5)
    if kind <= 1:
        return json.dumps(random.choice(TEXTS), ensure_ascii=kind == 0).encode()
    if kind == 2:
        return random.choice(("0", "-1.5", "1e5", "12.25E-3", "123456789012345678901")).encode()
    if kind <= 4:
        return random.choice((b"null", b"true", b"false", b'""', b"[]", b"{}"))
    members = [_valid_value(random, depth + 1) for _ in range(random.randrange(4))]
    if kind == 5:
        return b"[" + b", ".join(members) + b"]"
    return b"{" + b",".join(b'"%s": %s' % (_name(random), one) for one in members) + b"}"


def _value(random: Random) -> bytes:
    kind = random.randrange(6)
    if kind == 0:
        return json.dumps(random.choice(TEXTS), ensure_ascii=random.random() < 0.5).encode()
    if kind == 1:
        number = random.choice(NUMBERS).encode()
        return number if random.random() < 0.7 else b'"' + number + b'"'
    if kind == 2:
        return random.choice(OTHER_VALUES).encode()
    if kind == 3:
        return (
            b'"' + b"a" * random.randrange(3) + random.choice(RAW_TEXTS) + b"b" * random.randrange(10) + b'"'
        )
    if kind == 4:
        return nested(random, random.choice((1, 2, 5, MAX_DEPTH - 2, MAX_DEPTH - 1, MAX_DEPTH, 200)))
    return _valid_value(random, 0)


def _change_value(random: Random, fields: Fields) -> None:
    if fields:
        place = random.randrange(len(fields))
        fields[place] = (fields[place][0], _value(random))


def _change_to_own_kind(random: Random, fields: Fields) -> None:
    """A number for a number, a text for a text, a time for a time."""
    if not fields:
        return
    place = random.randrange(len(fields))
    name, value = fields[place]
    if isinstance(value, list):
        return
    if name == b"timestamp":
        value = str(NOW + random.choice(_STEPS)).encode()
    elif value.startswith(b'"'):
        value = json.dumps(random.choice(TEXTS), ensure_ascii=random.random() < 0.2).encode()
    else:
        value = random.choice(NUMBERS).encode()
    fields[place] = (name, value)


def _add(random: Random, fields: Fields) -> None:
    fields.insert(random.randrange(len(fields) + 1), (_name(random), _value(random)))


def _repeat(random: Random, fields: Fields) -> None:
    if not fields:
        return
    name, value = random.choice(fields)
    if name and random.random() < 0.2:
        place = random.randrange(len(name))
        name = name[:place] + b"\\u%04x" % name[place] + name[place + 1 :]
    fields.insert(random.randrange(len(fields) + 1), (name, random.choice((value, b"null", _value(random)))))


def _rename(random: Random, fields: Fields) -> None:
    if not fields:
        return
    place = random.randrange(len(fields))
    name, value = fields[place][0] or b"x", fields[place][1]
    cut = random.randrange(len(name))
    escaped = name[:cut] + b"\\u%04X" % name[cut] + name[cut + 1 :]
    other = (escaped, name + random.choice(RAW_TEXTS), random.choice(RAW_TEXTS), name[:-1], name.upper())
    fields[place] = (random.choice(other), value)


def _remove(random: Random, fields: Fields) -> None:
    if len(fields) > 1:
        del fields[random.randrange(len(fields))]


_CHANGES = (_change_value, _change_to_own_kind, _change_to_own_kind, _add, _add, _repeat, _rename, _remove)


def _written(random: Random, fields: Fields, blanks: Sequence[str]) -> bytes:
    blank = random.choice(blanks).encode()
    members = (
        b'"%s"%s:%s%s'
        % (name, blank, blank, _written(random, value, blanks) if isinstance(value, list) else value)
        for name, value in fields
    )
    return b"{" + blank + (b"," + blank).join(members) + blank + b"}"


def _flip(random: Random, content: bytearray) -> None:
    if content:
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)


def _insert(random: Random, content: bytearray) -> None:
    place = random.randrange(len(content) + 1)
    content[place:place] = bytes([random.choice(ALPHABET)])


def _lose(random: Random, content: bytearray) -> None:
    place = random.randrange(len(content) + 1)
    del content[place : place + random.choice((1, 1, 2, 10, 200))]


def _double(random: Random, content: bytearray) -> None:
    place = random.randrange(len(content) + 1)
    part = content[place : place + random.randrange(1, 40)]
    content[place:place] = part


def _move(random: Random, content: bytearray) -> None:
    place = random.randrange(len(content) + 1)
    part = content[place : place + random.randrange(1, 20)]
    del content[place : place + len(part)]
    place = random.randrange(len(content) + 1)
    content[place:place] = part


def _splice(random: Random, content: bytearray) -> None:
    other = simple(random)
    content[random.randrange(len(content) + 1) :] = other[random.randrange(len(other) + 1) :]


_DAMAGES = (_flip, _flip, _insert, _lose, _double, _move, _splice)
