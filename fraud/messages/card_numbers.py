"""Card numbers in decoded messages: refused, or replaced by pseudonyms, as the rule says.

What is decided is a function of the message and the keys alone, so that the engine and the ingest agree.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from fraud.cards.numbers import holds_card_number, is_card_number
from fraud.cards.rule import CardRule
from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import Field, FieldType
from fraud.messages.decoding import MessageError
from fraud.messages.transaction import new_transaction
from fraud.native.issuers import FEWEST_DIGITS
from fraud.schema import Label

CARD_NUMBER_REASON = "holds a card number"
"""Part of the reason of every such refusal."""

_CHECKED = (FieldType.ID, FieldType.CATEGORY, FieldType.NUMBER)
"""What can hold one: amounts and fixed-point numbers have too few digits, times begin with others."""
_LABEL_IDS = ("transaction_id", "card_id")


class PaymentCardNumbers:
    """Finds and replaces the card numbers in payments of the definitions.

    Attributes:
        checks: of each field whether it may not hold a card number, bool (F,).
    """

    def __init__(self, definitions: Definitions, rule: CardRule) -> None:
        self._definitions, self._rule = definitions, rule
        checks = [one.type in _CHECKED and one.name not in rule.exempt for one in definitions.fields]
        self.checks: npt.NDArray[np.bool_] = np.array(checks, dtype=np.bool_)
        self._columns = np.flatnonzero(self.checks).tolist()

    def find(self, values: Sequence[Any]) -> list[Field]:
        """The fields of a payment that hold a card number; `values` are of all fields, in their order."""
        fields = self._definitions.fields
        return [fields[column] for column in self._columns if _is_card(values[column])]

    def replace(self, transaction: Any, found: Sequence[Field]) -> Any:
        """The payment with pseudonyms in these fields.

        Raises:
            MessageError: the rule refuses it, or a field cannot hold a pseudonym.
        """
        values = {one.name: getattr(transaction, one.name) for one in self._definitions.fields}
        for one in found:
            if not one.is_text:
                raise MessageError(_refusal(one.name, "; declare it as an id and send it as a text"))
            values[one.name] = replaced_text(self._rule, one.name, values[one.name])
        try:
            return new_transaction(self._definitions, values)
        except msgspec.ValidationError:
            names = ", ".join(one.name for one in found)
            raise MessageError(_refusal(names, ", and a pseudonym is too long for it")) from None


def replace_in_label(rule: CardRule, label: Label) -> Label:
    """The label with pseudonyms in the place of card numbers.

    Raises:
        MessageError: the rule refuses it.
    """
    changed = {
        name: replaced_text(rule, name, text)
        for name in _LABEL_IDS
        if name not in rule.exempt and holds_card_number(text := getattr(label, name))
    }
    return msgspec.structs.replace(label, **changed) if changed else label


def replaced_text(rule: CardRule, name: str, text: str) -> str:
    """What stands for a field's text that holds a card number.

    Raises:
        MessageError: the rule refuses it.
    """
    if rule.action == "refuse" or rule.keys is None:
        advice = "; send a pseudonym, as the gateway and `fraud replay` do, or set FRAUD_CARDS__ADMISSION"
        raise MessageError(_refusal(name, advice))
    return rule.keys.replace(text)


def _refusal(name: str, advice: str) -> str:
    return f"{name} {CARD_NUMBER_REASON}{advice}"


def _is_card(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) >= FEWEST_DIGITS and holds_card_number(value)
    return isinstance(value, float) and value.is_integer() and is_card_number(str(int(value)))
