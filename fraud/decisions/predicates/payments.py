"""One payment's values, as the reference evaluation asks for them."""

import math
from collections.abc import Mapping
from functools import cached_property

from fraud.decisions.inputs import DecisionInputs
from fraud.decisions.list_index import ListIndex
from fraud.decisions.predicates.names import PAID, PaymentName, Source
from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import UNKNOWN
from fraud.money.currencies import minor_digits
from fraud.schema import FieldValue


class StoredPayment:
    """Payment `number` of inputs.

    Numbers come from its encoded values, texts from its texts.
    """

    def __init__(
        self, definitions: Definitions, inputs: DecisionInputs, index: ListIndex, number: int
    ) -> None:
        self._definitions = definitions
        self._inputs = inputs
        self._index = index
        self._number = number

    @cached_property
    def _texts(self) -> Mapping[str, FieldValue]:
        return self._inputs.texts_of(self._number)

    @cached_property
    def _values(self) -> list[int]:
        values: list[int] = self._inputs.events.values[self._number].tolist()
        return values

    @cached_property
    def _paid_digits(self) -> int:
        number = self._values[self._definitions.field_index["currency"]]
        return minor_digits(number.to_bytes(3, "big").decode()) if number > 0 else minor_digits("")

    def number(self, name: PaymentName) -> float | None:
        """A number; NaN is None."""
        value = self._number_of(name)
        return None if value is None or math.isnan(value) else value

    def _number_of(self, name: PaymentName) -> float | None:
        if name.source is Source.PROBABILITY:
            return float(self._inputs.probabilities[self._number])
        if name.source is Source.NUMBER:
            return float(self._inputs.events.values[self._number].view("f8")[name.column])
        amount = self._units(name)
        if name.source is Source.EXPECTED_COST and amount is not None:
            return float(self._inputs.probabilities[self._number]) * amount
        return amount

    def _units(self, name: PaymentName) -> float | None:
        """What is stored as a number of units, in whole ones."""
        if name.source is Source.FEATURE:
            stored = float(self._inputs.rows[self._number, name.column])
        elif name.source is Source.AMOUNT:
            stored = float(self._inputs.events.heads["amount"][self._number])
        else:
            stored = float(self._values[name.column])
        decimals = self._paid_digits if name.decimals == PAID else name.decimals
        return None if stored == UNKNOWN else stored / 10.0**decimals

    def truth(self, name: PaymentName) -> bool | None:
        """Of a field that is true or false."""
        value = self._values[name.column]
        return None if value == UNKNOWN else value == 1

    def text(self, name: PaymentName) -> str | None:
        """Of a field that is a text."""
        text = self._texts.get(name.name)
        return None if text is None else str(text)

    def is_on_list(self, list_name: str, value: str) -> bool:
        """Whether the list has the value at the payment's time."""
        time = int(self._inputs.events.heads["timestamp"][self._number])
        return self._index.holds(list_name, value, time)
