"""JSON's texts and values, checked and passed over by compiled code.

It accepts no more than JSON and UTF-8 allow, and of that a little less than the full decoder: where the two
could differ it gives up, and the caller asks the full decoder. No function reads beyond the first zero byte,
which must be there: no part of JSON may contain one.
"""

from fraud.messages.decoding import MAX_DEPTH
from fraud.native.jit import inlined

GIVEN_UP = -1
"""Instead of a position."""

QUOTE, COLON, COMMA, OPEN, CLOSE, BACKSLASH, MINUS, PLUS, POINT = (ord(sign) for sign in '":,{}\\-+.')
ZERO, NINE, SPACE = (ord(sign) for sign in "09 ")
_OPEN_ARRAY, _CLOSE_ARRAY = (ord(sign) for sign in "[]")
_TAB, _LINE, _RETURN = (ord(sign) for sign in "\t\n\r")
_E, _F, _N, _T, _U, _CAPITAL_E = (ord(sign) for sign in "efntuE")
_LOW_A, _LOW_F, _CAPITAL_A, _CAPITAL_F = (ord(sign) for sign in "afAF")
_SHORT_ESCAPES = tuple(b'"\\/bfnrt')
_TRUE, _FALSE, _NULL = (tuple(literal) for literal in (b"true", b"false", b"null"))
NULL_BEGINS = _NULL[0]

_DEEPEST = (1 << MAX_DEPTH) - 1
_NOT_ASCII = 0x80
_CONTINUATION = (0x80, 0xBF)
_HIGH_SURROGATE, _LOW_SURROGATE, _AFTER_SURROGATES = 0xD800, 0xDC00, 0xE000


@inlined
def past_blanks(data, at):  # type: ignore[no-untyped-def]
    """The first position from `at` on without a blank."""
    while data[at] == SPACE or data[at] == _LINE or data[at] == _RETURN or data[at] == _TAB:
        at += 1
    return at


@inlined
def past_null(data, at):  # type: ignore[no-untyped-def]
    """What follows the null at `at`; given up if there is none."""
    return _past_literal(data, at, _NULL)


@inlined
def simple_text_end(data, at):  # type: ignore[no-untyped-def]
    """The closing quote of the text that begins at `at`, after its opening one; given up at an escape."""
    while data[at] != QUOTE:
        if SPACE <= data[at] < _NOT_ASCII and data[at] != BACKSLASH:
            at += 1
            continue
        at = _past_character(data, at)
        if at == GIVEN_UP:
            return GIVEN_UP
    return at


@inlined
def count_characters(data, begin, end):  # type: ignore[no-untyped-def]
    """How many characters the UTF-8 of `data[begin:end]` has."""
    first, last = _CONTINUATION
    count = 0
    for at in range(begin, end):
        count += data[at] < first or data[at] > last
    return count


@inlined
def past_member(data, at):  # type: ignore[no-untyped-def]
    """What follows the member whose name's quote is at `at`.

    It gives up at a name with an escape that may stand for a letter, since that may be any name.
    """
    at = _past_name(data, at, _NOT_ASCII)
    return GIVEN_UP if at == GIVEN_UP else _past_value(data, at)


@inlined
def _past_value(data, at):  # type: ignore[no-untyped-def]
    """What follows the value at `at`, one of an object that is itself in none."""
    levels = 1  # a bit for each level around, the innermost last: 1 is an object, 0 an array
    while True:
        is_opening = data[at] == OPEN or data[at] == _OPEN_ARRAY
        if is_opening:
            levels, at = levels << 1 | (data[at] == OPEN), at + 1
        else:
            at = _past_scalar(data, at)
        if at == GIVEN_UP or levels > _DEEPEST:
            return GIVEN_UP
        opened = levels
        at, levels = _past_closings(data, at, levels)
        if levels == 1:
            return at
        at = _to_next_value(data, at, levels, is_opening and levels == opened)
        if at == GIVEN_UP:
            return GIVEN_UP


@inlined
def _past_closings(data, at, levels):  # type: ignore[no-untyped-def]
    """What follows the brackets at `at` that close levels, and which levels are left."""
    while levels > 1:
        at = past_blanks(data, at)
        if data[at] != (CLOSE if levels & 1 else _CLOSE_ARRAY):
            break
        at, levels = at + 1, levels >> 1
    return at, levels


@inlined
def _to_next_value(data, at, levels, is_first):  # type: ignore[no-untyped-def]
    """Where the next value of the innermost level begins: unless it is the first, after a comma at `at`."""
    if not is_first:
        if data[at] != COMMA:
            return GIVEN_UP
        at = past_blanks(data, at + 1)
    return _past_name(data, at, 0) if levels & 1 else at


@inlined
def _past_name(data, at, least):  # type: ignore[no-untyped-def]
    """Where the value of the member begins whose name's quote is at `at`."""
    at = _past_text(data, at, least)
    if at == GIVEN_UP:
        return GIVEN_UP
    at = past_blanks(data, at)
    return past_blanks(data, at + 1) if data[at] == COLON else GIVEN_UP


@inlined
def _past_scalar(data, at):  # type: ignore[no-untyped-def]
    if data[at] == QUOTE:
        return _past_text(data, at, 0)
    if data[at] == _T:
        return _past_literal(data, at, _TRUE)
    if data[at] == _F:
        return _past_literal(data, at, _FALSE)
    if data[at] == _N:
        return _past_literal(data, at, _NULL)
    return _past_number(data, at)


@inlined
def _past_literal(data, at, literal):  # type: ignore[no-untyped-def]
    for sign in literal:
        if data[at] != sign:
            return GIVEN_UP
        at += 1
    return at


@inlined
def _past_number(data, at):  # type: ignore[no-untyped-def]
    at += data[at] == MINUS
    at = at + 1 if data[at] == ZERO else _past_digits(data, at)
    if at != GIVEN_UP and data[at] == POINT:
        at = _past_digits(data, at + 1)
    if at != GIVEN_UP and (data[at] == _E or data[at] == _CAPITAL_E):
        at += 1
        at = _past_digits(data, at + (data[at] == MINUS or data[at] == PLUS))
    return at


@inlined
def _past_digits(data, at):  # type: ignore[no-untyped-def]
    """What follows one digit or more."""
    begin = at
    while ZERO <= data[at] <= NINE:
        at += 1
    return at if at > begin else GIVEN_UP


@inlined
def _past_text(data, at, least):  # type: ignore[no-untyped-def]
    """What follows the text whose opening quote is at `at`; given up at an escaped code below `least`."""
    if data[at] != QUOTE:
        return GIVEN_UP
    at += 1
    while data[at] != QUOTE:
        if data[at] == BACKSLASH:
            at = _past_escape(data, at + 1, least)
        elif data[at] >= _NOT_ASCII:
            at = _past_character(data, at)
        elif data[at] < SPACE:
            return GIVEN_UP
        else:
            at += 1
        if at == GIVEN_UP:
            return GIVEN_UP
    return at + 1


@inlined
def _past_escape(data, at, least):  # type: ignore[no-untyped-def]
    """What follows the escape whose sign after the backslash is at `at`."""
    sign = data[at]
    if sign in _SHORT_ESCAPES:
        return at + 1
    code = _hexadecimal(data, at + 1) if sign == _U else GIVEN_UP
    if code == GIVEN_UP or code < least or _LOW_SURROGATE <= code < _AFTER_SURROGATES:
        return GIVEN_UP
    if not _HIGH_SURROGATE <= code < _LOW_SURROGATE:
        return at + 5
    if data[at + 5] != BACKSLASH or data[at + 6] != _U:
        return GIVEN_UP
    is_pair = _LOW_SURROGATE <= _hexadecimal(data, at + 7) < _AFTER_SURROGATES
    return at + 11 if is_pair else GIVEN_UP


@inlined
def _hexadecimal(data, at):  # type: ignore[no-untyped-def]
    """The number of four digits."""
    code = 0
    for place in range(at, at + 4):
        sign = data[place]
        if ZERO <= sign <= NINE:
            code = 16 * code + sign - ZERO
        elif _LOW_A <= sign <= _LOW_F:
            code = 16 * code + sign - _LOW_A + 10
        elif _CAPITAL_A <= sign <= _CAPITAL_F:
            code = 16 * code + sign - _CAPITAL_A + 10
        else:
            return GIVEN_UP
    return code


@inlined
def _past_character(data, at):  # type: ignore[no-untyped-def]
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
        return GIVEN_UP
    for place in range(at + 1, at + size):
        if not least <= data[place] <= most:
            return GIVEN_UP
        least, most = _CONTINUATION
    return at + size
