"""JSON's texts, numbers and values, checked, read and skipped by compiled code.

It accepts only what JSON and UTF-8 allow, and a little less than the full decoder: where the two could differ
the result is `NOT_SIMPLE`, and the caller uses the full decoder. No function reads beyond the first zero
byte, which must be there: no part of JSON may contain one.
"""

import numpy as np

from fraud.messages.decoding import MAX_DEPTH
from fraud.native.jit import inlined

NOT_SIMPLE = -1
"""Instead of a position."""

QUOTE, COLON, COMMA, OPEN, CLOSE, BACKSLASH, MINUS, PLUS, POINT = (
    ord(character) for character in '":,{}\\-+.'
)
ZERO, NINE, SPACE = (ord(character) for character in "09 ")
_OPEN_ARRAY, _CLOSE_ARRAY = (ord(character) for character in "[]")
_TAB, _LINE, _RETURN = (ord(character) for character in "\t\n\r")
_E, _F, _N, _T, _U, _CAPITAL_E = (ord(character) for character in "efntuE")
TRUE_START, FALSE_START, NULL_START = _T, _F, _N
_LOW_A, _LOW_F, _CAPITAL_A, _CAPITAL_F = (ord(character) for character in "afAF")
_SHORT_ESCAPES = tuple(b'"\\/bfnrt')
_TRUE, _FALSE, _NULL = (tuple(literal) for literal in (b"true", b"false", b"null"))

_IS_PLAIN = np.array(
    [code >= SPACE and code not in (QUOTE, BACKSLASH) and code < 0x80 for code in range(256)]
)

MAX_DIGITS = 15
"""Such a number, and the power of ten that it is divided by, are exact as doubles; so the quotient is the
nearest double (Clinger 1990)."""

POWERS = 10 ** np.arange(MAX_DIGITS + 1, dtype=np.int64)
_FACTORS = 10**18 // POWERS
"""What a number may be so that its product with a power of ten is an int64."""

_MAX_LEVELS = (1 << MAX_DEPTH) - 1
_NOT_ASCII = 0x80
_CONTINUATION = (0x80, 0xBF)
_HIGH_SURROGATE, _LOW_SURROGATE, _AFTER_SURROGATES = 0xD800, 0xDC00, 0xE000


@inlined
def skip_whitespace(data, at):  # type: ignore[no-untyped-def]
    """The first position from `at` on without a blank."""
    while data[at] <= SPACE and (
        data[at] == SPACE or data[at] == _LINE or data[at] == _RETURN or data[at] == _TAB
    ):
        at += 1
    return at


@inlined
def skip_null(data, at):  # type: ignore[no-untyped-def]
    """What follows the null at `at`; not simple if there is none."""
    return _skip_literal(data, at, _NULL)


@inlined
def skip_boolean(data, at):  # type: ignore[no-untyped-def]
    """What follows the true or false at `at`; not simple if there is none."""
    return _skip_literal(data, at, _TRUE) if data[at] == _T else _skip_literal(data, at, _FALSE)


@inlined
def read_decimal(data, at):  # type: ignore[no-untyped-def]
    """Read the number at `at`, or its beginning.

    Returns:
        The number without its point; how many decimals it has; and what follows it, not simple if there is no
        number, or one of more than `MAX_DIGITS` digits or zero with a sign.
    """
    is_negative = data[at] == MINUS
    start = at + is_negative
    point, units = _read_digits(data, start, 0)
    stop, decimals = point, 0
    if data[point] == POINT:
        stop, units = _read_digits(data, point + 1, units)
        decimals = stop - point - 1
        if decimals == 0:
            return 0, 0, NOT_SIMPLE
    whole = point - start
    if whole == 0 or (data[start] == ZERO and whole > 1) or whole + decimals > MAX_DIGITS:
        return 0, 0, NOT_SIMPLE
    if is_negative and units == 0:
        return 0, 0, NOT_SIMPLE
    return -units if is_negative else units, decimals, stop


@inlined
def _read_digits(data, at, units):  # type: ignore[no-untyped-def]
    """What follows the digits at `at`, and the number that they make after those of `units`."""
    while ZERO <= data[at] <= NINE:
        units = 10 * units + (np.int64(data[at]) - ZERO)
        at += 1
    return at, units


@inlined
def scale_decimal(units, decimals, digits):  # type: ignore[no-untyped-def]
    """A number with so many decimals in units of 10 ** -digits; and whether it has no fraction of a unit."""
    missing = digits - decimals
    if missing >= 0:
        return units * POWERS[missing], abs(units) <= _FACTORS[missing]
    return units // POWERS[-missing], units % POWERS[-missing] == 0


@inlined
def find_text_end(data, at):  # type: ignore[no-untyped-def]
    """The closing quote of the text that starts at `at`, after its opening one; not simple at an escape."""
    # Comparisons are faster for declared texts, which are short; `skip_plain` for whatever else there is.
    while data[at] != QUOTE:
        if SPACE <= data[at] < _NOT_ASCII and data[at] != BACKSLASH:
            at += 1
            continue
        at = _skip_character(data, at)
        if at == NOT_SIMPLE:
            return NOT_SIMPLE
    return at


@inlined
def skip_plain(data, at):  # type: ignore[no-untyped-def]
    """The first position from `at` on with a quote, a backslash, or no printable character of ASCII."""
    while _IS_PLAIN[data[at]]:
        at += 1
    return at


@inlined
def count_characters(data, start, end):  # type: ignore[no-untyped-def]
    """How many characters the UTF-8 of `data[start:end]` has."""
    first, last = _CONTINUATION
    count = 0
    for at in range(start, end):
        count += data[at] < first or data[at] > last
    return count


@inlined
def skip_value(data, at, around):  # type: ignore[no-untyped-def]
    """What follows the value at `at`; `around` has a bit, 1, for each object around it."""
    levels = around  # a bit for each level around, the innermost last: 1 is an object, 0 an array
    while True:
        is_opening = data[at] == OPEN or data[at] == _OPEN_ARRAY
        if is_opening:
            levels, at = levels << 1 | (data[at] == OPEN), at + 1
        else:
            at = _skip_scalar(data, at)
        if at == NOT_SIMPLE or levels > _MAX_LEVELS:
            return NOT_SIMPLE
        opened = levels
        at, levels = _close_levels(data, at, levels, around)
        if levels == around:
            return at
        at = _find_next_value(data, at, levels, is_opening and levels == opened)
        if at == NOT_SIMPLE:
            return NOT_SIMPLE


@inlined
def _close_levels(data, at, levels, around):  # type: ignore[no-untyped-def]
    """What follows the brackets at `at` that close levels, and which levels are left."""
    while levels > around:
        at = skip_whitespace(data, at)
        if data[at] != (CLOSE if levels & 1 else _CLOSE_ARRAY):
            break
        at, levels = at + 1, levels >> 1
    return at, levels


@inlined
def _find_next_value(data, at, levels, is_first):  # type: ignore[no-untyped-def]
    """Where the next value of the innermost level starts: unless it is the first, after a comma at `at`."""
    if not is_first:
        if data[at] != COMMA:
            return NOT_SIMPLE
        at = skip_whitespace(data, at + 1)
    return skip_name(data, at, 0) if levels & 1 else at


@inlined
def skip_name(data, at, least):  # type: ignore[no-untyped-def]
    """Where the value of the member starts whose name's quote is at `at`.

    Not simple is a name with an escaped code below `least`, since that may be any name.
    """
    at = _skip_text(data, at, least)
    return NOT_SIMPLE if at == NOT_SIMPLE else skip_colon(data, at)


@inlined
def skip_colon(data, at):  # type: ignore[no-untyped-def]
    """Where the value starts that follows the colon at `at`, or after blanks."""
    at = skip_whitespace(data, at)
    return skip_whitespace(data, at + 1) if data[at] == COLON else NOT_SIMPLE


@inlined
def _skip_scalar(data, at):  # type: ignore[no-untyped-def]
    if data[at] == QUOTE:
        return _skip_text(data, at, 0)
    if data[at] == _T:
        return _skip_literal(data, at, _TRUE)
    if data[at] == _F:
        return _skip_literal(data, at, _FALSE)
    if data[at] == _N:
        return _skip_literal(data, at, _NULL)
    return _skip_number(data, at)


@inlined
def _skip_literal(data, at, literal):  # type: ignore[no-untyped-def]
    for character in literal:
        if data[at] != character:
            return NOT_SIMPLE
        at += 1
    return at


@inlined
def _skip_number(data, at):  # type: ignore[no-untyped-def]
    at += data[at] == MINUS
    at = at + 1 if data[at] == ZERO else _skip_digits(data, at)
    if at != NOT_SIMPLE and data[at] == POINT:
        at = _skip_digits(data, at + 1)
    if at != NOT_SIMPLE and (data[at] == _E or data[at] == _CAPITAL_E):
        at += 1
        at = _skip_digits(data, at + (data[at] == MINUS or data[at] == PLUS))
    return at


@inlined
def _skip_digits(data, at):  # type: ignore[no-untyped-def]
    """What follows one digit or more."""
    start = at
    while ZERO <= data[at] <= NINE:
        at += 1
    return at if at > start else NOT_SIMPLE


@inlined
def _skip_text(data, at, least):  # type: ignore[no-untyped-def]
    """What follows the text whose opening quote is at `at`; not simple at an escaped code below `least`."""
    if data[at] != QUOTE:
        return NOT_SIMPLE
    at = skip_plain(data, at + 1)
    while data[at] != QUOTE:
        at = _skip_escape(data, at + 1, least) if data[at] == BACKSLASH else _skip_character(data, at)
        if at == NOT_SIMPLE:
            return NOT_SIMPLE
        at = skip_plain(data, at)
    return at + 1


@inlined
def _skip_escape(data, at, least):  # type: ignore[no-untyped-def]
    """What follows the escape whose sign after the backslash is at `at`."""
    character = data[at]
    if character in _SHORT_ESCAPES:
        return at + 1
    code = _read_hexadecimal(data, at + 1) if character == _U else NOT_SIMPLE
    if code == NOT_SIMPLE or code < least or _LOW_SURROGATE <= code < _AFTER_SURROGATES:
        return NOT_SIMPLE
    if not _HIGH_SURROGATE <= code < _LOW_SURROGATE:
        return at + 5
    if data[at + 5] != BACKSLASH or data[at + 6] != _U:
        return NOT_SIMPLE
    is_pair = _LOW_SURROGATE <= _read_hexadecimal(data, at + 7) < _AFTER_SURROGATES
    return at + 11 if is_pair else NOT_SIMPLE


@inlined
def _read_hexadecimal(data, at):  # type: ignore[no-untyped-def]
    """The number of four digits."""
    code = 0
    for position in range(at, at + 4):
        character = data[position]
        if ZERO <= character <= NINE:
            code = 16 * code + character - ZERO
        elif _LOW_A <= character <= _LOW_F:
            code = 16 * code + character - _LOW_A + 10
        elif _CAPITAL_A <= character <= _CAPITAL_F:
            code = 16 * code + character - _CAPITAL_A + 10
        else:
            return NOT_SIMPLE
    return code


@inlined
def _skip_character(data, at):  # type: ignore[no-untyped-def]
    """What follows the character of two to four bytes at `at`: the shortest form, and no surrogate."""
    first = data[at]
    least, most = _CONTINUATION
    if 0xC2 <= first <= 0xDF:
        size = 2
    elif 0xE0 <= first <= 0xEF:
        size = 3
        least, most = 0xA0 if first == 0xE0 else least, 0x9F if first == 0xED else most
    elif 0xF0 <= first <= 0xF4:
        size = 4
        least, most = 0x90 if first == 0xF0 else least, 0x8F if first == 0xF4 else most
    else:
        return NOT_SIMPLE
    for position in range(at + 1, at + size):
        if not least <= data[position] <= most:
            return NOT_SIMPLE
        least, most = _CONTINUATION
    return at + size
