"""Amounts as people write them: decimal commas, signs between thousands, brackets, currencies' signs."""

import pyarrow as pa
import pyarrow.compute as pc

from producer.replay.forms.numbers import PLAIN
from producer.replay.mapping.columns import FieldSource
from producer.replay.rows.exact_numbers import Exact, as_minor
from producer.replay.rows.values import as_text

_SIGNS = "€$£¥₹₩₺₫₽₴₦฿₪"
_DOLLARS = "USD AUD CAD NZD SGD HKD TWD MXN CLP COP ARS UYU DOP BRL BBD BSD BZD FJD GYD JMD TTD"
_OWN_SIGNS = {
    "€": ["EUR"], "£": ["GBP", "EGP", "GIP", "FKP", "SHP"], "₹": ["INR"], "₩": ["KRW"], "₺": ["TRY"],
    "₫": ["VND"], "₽": ["RUB"], "₴": ["UAH"], "₦": ["NGN"], "฿": ["THB"], "₪": ["ILS"], "¥": ["JPY", "CNY"],
    "$": _DOLLARS.split(" "),
}  # fmt: skip
_CODE = r"[A-Z]{3}"
_SPACES = "\u00a0\u202f\u2009"


def written_amounts(column: pa.Array, origin: FieldSource, currencies: pa.Array) -> Exact:
    """Amounts in minor units (int64), and why those that are null could not be read."""
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return _minor(column, origin, currencies)
    text = pc.utf8_trim_whitespace(as_text(column))
    plain = pc.match_substring_regex(text, PLAIN)
    if origin.decimal is None and origin.thousands is None and pc.all(plain).as_py() is not False:
        return _minor(text, origin, currencies)
    tidy, wrong = _without_signs(text, currencies)
    tidy = without_thousands(tidy, origin)
    amounts, reasons = _minor(tidy, origin, currencies)
    reasons = {
        row: reason.replace(repr(tidy[row].as_py()), repr(text[row].as_py()))
        for row, reason in reasons.items()
    }
    if wrong:
        lost = pa.array([row in wrong for row in range(len(text))])
        amounts, reasons = pc.if_else(lost, None, amounts), reasons | wrong
    return amounts, reasons


def _minor(column: pa.Array, origin: FieldSource, currencies: pa.Array) -> Exact:
    if origin.unit == "minor":
        # A currency without decimals: the number counts as it is written.
        codes = pa.repeat(pa.scalar("JPY", pa.string()), len(column))
        amounts, reasons = as_minor(column, codes, rounded=origin.round)
        return amounts, {
            row: reason.replace("than JPY knows", "than minor units") for row, reason in reasons.items()
        }
    return as_minor(column, currencies, rounded=origin.round)


def _without_signs(text: pa.Array, currencies: pa.Array) -> tuple[pa.Array, dict[int, str]]:
    """Without currencies' signs and codes, brackets and minus signs to the left; rows of another currency."""
    text = pc.replace_substring_regex(text, "\u2212|\u2013", "-")
    wrong = _of_another_currency(text, currencies)
    text = pc.replace_substring_regex(text, r"^\((.*)\)$", r"-\1")
    text = pc.replace_substring_regex(text, rf"^([+-]?)\s*(?:[{_SIGNS}]|{_CODE})[\s{_SPACES}]*", r"\1")
    text = pc.replace_substring_regex(text, rf"[\s{_SPACES}]*(?:[{_SIGNS}]|{_CODE})([+-]?)$", r"\1")
    text = pc.replace_substring_regex(text, r"^([^+-].*?)\s*([+-])$", r"\2\1")
    return pc.replace_substring_regex(text, r"^([+-])\s+", r"\1"), wrong


def _of_another_currency(text: pa.Array, currencies: pa.Array) -> dict[int, str]:
    wrong: dict[int, str] = {}
    for sign, codes in _OWN_SIGNS.items():
        bears = pc.match_substring(text, sign)
        if pc.any(bears).as_py():
            other = pc.and_(bears, pc.invert(pc.is_in(currencies, pa.array(codes))))
            for row in pc.indices_nonzero(pc.fill_null(other, False)).to_pylist():
                wrong[row] = f"amount {text[row].as_py()!r} is not in its currency {currencies[row].as_py()}"
    codes = pc.struct_field(pc.extract_regex(text, rf"(?P<code>{_CODE})"), "code")
    other = pc.and_(pc.is_valid(codes), pc.not_equal(codes, currencies))
    for row in pc.indices_nonzero(pc.fill_null(other, False)).to_pylist():
        wrong[row] = f"amount {text[row].as_py()!r} is not in its currency {currencies[row].as_py()}"
    return wrong


def without_thousands(text: pa.Array, origin: FieldSource) -> pa.Array:
    """With a point before the decimals and nothing between the thousands, where the groups are right."""
    decimal, sign = origin.decimal or ".", origin.thousands
    # A space between thousands is nothing else; other signs are as the mapping says.
    signs = f" {_SPACES}" if sign in (None, " ") else f"{sign}\u2019" if sign == "'" else str(sign)
    if decimal != "." or sign is not None:
        grouped = (
            rf"^[+-]?\d{{1,3}}([{_escaped(signs)}]\d{{2,3}})*[{_escaped(signs)}]\d{{3}}(\{decimal}\d*)?$"
        )
        simple = rf"^[+-]?\d+(\{decimal}\d*)?$"
    else:
        grouped = rf"^[+-]?\d{{1,3}}([{signs}]\d{{3}})+(\.\d*)?$"
        simple = PLAIN
    fits = pc.or_(pc.match_substring_regex(text, grouped), pc.match_substring_regex(text, simple))
    # A point before one or two digits cannot be between thousands.
    fits = pc.fill_null(fits, False)
    bare = pc.replace_substring_regex(text, f"[{_escaped(signs)}]", "")
    bare = pc.replace_substring(bare, decimal, ".") if decimal != "." else bare
    return pc.if_else(fits, bare, text)


def _escaped(signs: str) -> str:
    return "".join(f"\\{sign}" if sign in ".^]\\-" else sign for sign in signs)
