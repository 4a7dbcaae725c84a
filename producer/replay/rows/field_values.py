"""One field's values: read by its type, and held against what the definitions let it hold.

The bounds are those of the messages, so that a row that is accepted here is not a dead letter there.
"""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.fields import Field, FieldType
from producer.inspection.masking import masked
from producer.replay.forms.amounts import without_thousands, written_amounts
from producer.replay.forms.texts import clean_text, may_have_exponents, without_markers
from producer.replay.forms.times import read_times
from producer.replay.mapping.columns import FieldSource
from producer.replay.rows.bounds import violations
from producer.replay.rows.exact_numbers import as_fixed
from producer.replay.rows.findings import Findings, Mask, is_nan, is_null, mask_of, value_text
from producer.replay.rows.values import as_bool, as_float, as_text

_MARKED_TYPES = (FieldType.MONEY, FieldType.TIME, FieldType.NUMBER, FieldType.FIXED)
"""Not booleans: `none` may mean no."""
_SCIENTIFIC = r"^[+-]?\d+([.,]\d+)?[eE][+-]?\d+$"
_EXACT_FLOATS = {16: 2.0**11, 32: 2.0**24, 64: 2.0**53}
"""From these values on, floats of so many bits skip whole numbers."""


@dataclasses.dataclass
class FieldReader:
    """Reads one column for one field.

    Attributes:
        field: what is wanted.
        origin: how the values are written.
        source: the values as the file and the mapping give them.
        currencies: the currency of each row, for amounts.
        choices: the words that the field holds, if they are few; none for any.
        found: what is wrong, by row.
    """

    field: Field
    origin: FieldSource
    source: pa.Array
    currencies: pa.Array | None = None
    choices: tuple[str, ...] = ()
    found: Findings = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.found = Findings(len(self.source))
        if self.field.type in _MARKED_TYPES:
            self.source = without_markers(self.source)

    def read(self) -> pa.Array:
        """The values in the field's Arrow type, wrong ones too where they are known; null is none."""
        column = self._by_type()
        if not self.field.is_optional:
            nothing = is_null(self.source) | is_nan(self.source) | self.field.is_text
            self.found.reject(is_null(column) & nothing, lambda _: f"{self.field.name} is missing")
        if not self.field.is_text:
            self._reject_unreadable(column)
        # Units are no numbers that the user has seen.
        shown = self.source if self.field.type in (FieldType.MONEY, FieldType.FIXED) else column
        for wrong, words in violations(self.field, column, self.currencies):
            self._reject(mask_of(wrong), shown, words)
        return column

    def _by_type(self) -> pa.Array:
        match self.field.type:
            case FieldType.MONEY:
                return self._amounts()
            case FieldType.TIME:
                return self._times()
            case FieldType.NUMBER:
                return self._numbers()
            case FieldType.FIXED:
                return self._fixed()
            case FieldType.BOOLEAN:
                return as_bool(self.source)
            case _:
                return self._texts()

    def _texts(self) -> pa.Array:
        text = self.source
        if pa.types.is_binary(text.type):
            text = as_text(text)
            self._reject_unreadable(text)
        column = clean_text(text, self.field)
        if self.field.type is FieldType.ID:
            self._reject_rounded(column)
        return self._chosen(column) if self.choices else column

    def _chosen(self, column: pa.Array) -> pa.Array:
        """One of a few words; others are the mapping's default, if it has one."""
        column, known = pc.utf8_lower(column), pa.array(self.choices, pa.string())
        if self.origin.default is not None:
            column = pc.if_else(pc.fill_null(pc.is_in(column, known), False), column, self.origin.default)
        unknown = pc.and_(pc.is_valid(column), pc.invert(pc.is_in(column, known)))
        self._reject(mask_of(unknown), column, f"is none of {', '.join(self.choices)}")
        return column

    def _times(self) -> pa.Array:
        times = read_times(self.source, self.origin)
        self._reject_each(
            times.reasons,
            lambda row: f"{self.field.name} {value_text(self.source, row)} {times.reasons[row]}",
        )
        return times.millis

    def _numbers(self) -> pa.Array:
        column = as_float(self._with_point())
        self._reject(mask_of(pc.is_inf(column)), self.source, "is not a finite number")
        return column

    def _fixed(self) -> pa.Array:
        name, scale = self.field.name, self.field.scale
        column, reasons = as_fixed(name, self._with_point(), scale, rounded=self.origin.round)
        self._reject_each(reasons, lambda row: masked(reasons[row]))
        return column

    def _amounts(self) -> pa.Array:
        column, reasons = written_amounts(self.source, self.origin, self.currencies)
        self._reject_each(reasons, lambda row: masked(self.field.name + reasons[row].removeprefix("amount")))
        return column

    def _with_point(self) -> pa.Array:
        """Numbers with a decimal point and nothing between the thousands."""
        if self.origin.decimal is None and self.origin.thousands is None:
            return self.source
        if pa.types.is_floating(self.source.type):
            return self.source
        return without_thousands(pc.utf8_trim_whitespace(as_text(self.source)), self.origin)

    def _reject_rounded(self, column: pa.Array) -> None:
        """Identifiers that a spreadsheet or a double has rounded."""
        if pa.types.is_floating(self.source.type):
            rounded = pc.greater_equal(pc.abs(self.source), _EXACT_FLOATS[self.source.type.bit_width])
        elif may_have_exponents(column):
            rounded = pc.match_substring_regex(column, _SCIENTIFIC)
        else:
            return
        words = "is a rounded number, so that several become one: export the column as text"
        self._reject(mask_of(rounded), self.source, words)

    def _reject_unreadable(self, column: pa.Array) -> None:
        lost = is_null(column) & ~is_null(self.source) & ~is_nan(self.source)
        self._reject(lost, self.source, "cannot be read")

    def _reject(self, rows: Mask, shown: pa.Array, words: str) -> None:
        self.found.reject(rows, lambda row: f"{self.field.name} {value_text(shown, row)} {words}")

    def _reject_each(self, reasons: Mapping[int, str], sentence: Callable[[int], str]) -> None:
        rows = np.zeros(self.found.count, dtype=bool)
        rows[list(reasons)] = True
        self.found.reject(rows, sentence)
