"""Card numbers in texts and bytes, masked: at most the first six digits and the last four are kept."""

import re
from collections.abc import Callable, Iterator

from fraud.cards.numbers import Span, find_card_numbers

_FIRST, _LAST, _FEWEST_HIDDEN = 6, 4, 5
_ESCAPE = re.compile(r"\\u00([0-7][0-9a-fA-F])")
"""JSON's escape of an ASCII character."""
_MASK_CODE = f"{ord('*'):02x}"


def mask_text(text: str) -> str:
    """The text with `411111******1111` in the place of each card number; separators stay."""
    return replace_card_numbers(text, _masked)


def replace_card_numbers(text: str, replace: Callable[[str], str]) -> str:
    """The text with what `replace` makes of each card number, which it is given with its separators."""
    pieces, after = [], 0
    for start, end in find_card_numbers(text):
        pieces += [text[after:start], replace(text[start:end])]
        after = end
    return "".join([*pieces, text[after:]]) if pieces else text


def mask_bytes(data: bytes) -> bytes:
    r"""As `mask_text`, for bytes of any kind, which keep their length.

    Digits that JSON has escaped (`\u0034`), and those of UTF-16 and UTF-32, are found as well.
    """
    text, places = _plain(data)
    spans = find_card_numbers(text)
    if not spans:
        return data
    found = bytearray(data)
    for start, end in spans:
        for at in _hidden(text, start, end):
            first, last = places[at] if places else (at, at + 1)
            found[first:last] = b"*" if last - first == 1 else data[first : last - 2] + _MASK_CODE.encode()
    return bytes(found)


def _masked(number: str) -> str:
    hidden = set(_hidden(number, 0, len(number)))
    return "".join("*" if at in hidden else letter for at, letter in enumerate(number))


def _hidden(text: str, start: int, end: int) -> Iterator[int]:
    """Which positions of a card number are masked: of short numbers fewer of the first digits are kept."""
    digits = [at for at in range(start, end) if text[at].isdigit()]
    kept = min(_FIRST, len(digits) - _LAST - _FEWEST_HIDDEN)
    yield from digits[kept:-_LAST]


def _plain(data: bytes) -> tuple[str, list[Span]]:
    """A text without escapes and zero bytes, and where each character was; no places: each in its own."""
    text = data.decode("latin-1")
    if b"\0" not in data and b"\\u00" not in data:
        return text, []
    letters, places, at = [], [], 0
    while at < len(text):
        escape = _ESCAPE.match(text, at)
        end = escape.end() if escape else at + 1
        if text[at] != "\0":
            letters.append(chr(int(escape[1], 16)) if escape else text[at])
            places.append((at, end))
        at = end
    return "".join(letters), places
