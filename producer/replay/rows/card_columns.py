"""Card numbers in files: pseudonyms stand for them before a row is kept or sent."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fraud.cards.numbers import holds_card_number
from fraud.cards.pseudonyms import CardKeys, new_key
from fraud.cards.rule import CardRule
from fraud.definitions.fields import Field, FieldType
from fraud.errors import ConfigurationError
from fraud.settings import Settings
from producer.replay.rows.findings import Findings
from producer.replay.rows.values import as_text

_POSSIBLE = r"[0-9](?:[ .-]?[0-9]){12}"
_LEAST_NUMBER = 10**12


def rule_of_nothing_kept(settings: Settings) -> CardRule:
    """The rule for what keeps and sends nothing; where there is no key, with one of this process alone."""
    rule = settings.card_rule
    return rule if rule.keys else replace(rule, keys=_own_keys())


@cache
def _own_keys() -> CardKeys:
    return CardKeys.parse([new_key()])


@dataclass(frozen=True)
class CardColumns:
    """Replaces card numbers in rows; only those of `fields` that are not exempt are kept at all."""

    rule: CardRule
    fields: Sequence[Field]

    def clean_fields(self, rows: pa.RecordBatch, findings: Findings) -> pa.RecordBatch:
        """Conformed rows with pseudonyms in their texts.

        A number that is a card number, and a text that has no room for a pseudonym, reject their rows.

        Raises:
            ConfigurationError: there are card numbers, and no key.
        """
        columns = {name: rows.column(name) for name in rows.schema.names}
        for one in self.fields:
            if one.name not in columns or one.name in self.rule.exempt:
                continue
            if one.type is FieldType.NUMBER:
                _reject_numbers(one.name, columns[one.name], findings)
            elif one.is_text:
                columns[one.name] = self._clean(one.name, columns[one.name])
                _reject_long(one, columns[one.name], findings)
        return pa.RecordBatch.from_arrays([*columns.values()], schema=rows.schema)

    def clean_source(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """The rows of a file, so that nothing is made of a card number, such as the hash of a row.

        Raises:
            ConfigurationError: there are card numbers, and no key.
        """
        columns = [self._clean(name, rows.column(name)) for name in rows.schema.names]
        return pa.record_batch(columns, names=rows.schema.names)

    def _clean(self, name: str, column: pa.Array) -> pa.Array:
        column = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        if not _may_hold_card_numbers(column):
            return column
        encoded = as_text(column).dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        if not any(map(holds_card_number, texts)):
            return column
        if self.rule.keys is None:
            raise ConfigurationError(
                f"{name} holds card numbers, and there is no key to make pseudonyms of them; make one with "
                "`fraud cards new-key` and name its file in FRAUD_CARDS__KEY_FILE"
            )
        return pa.array([self.rule.replace(text) for text in texts], pa.string()).take(encoded.indices)


def _reject_numbers(name: str, column: pa.Array, findings: Findings) -> None:
    if not _may_hold_card_numbers(column):
        return
    found = [text is not None and holds_card_number(text) for text in as_text(column).to_pylist()]
    findings.reject(
        np.array(found), lambda _: f"{name} holds a card number and is a number; declare it as an id"
    )


def _reject_long(field: Field, column: pa.Array, findings: Findings) -> None:
    too_long = pc.fill_null(pc.greater(pc.utf8_length(column), field.max_length), False)
    findings.reject(
        too_long.to_numpy(zero_copy_only=False),
        lambda _: f"{field.name} holds a card number, and a pseudonym is too long for it",
    )


def _may_hold_card_numbers(column: pa.Array) -> bool:
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return bool((pc.max(column).as_py() or 0) >= _LEAST_NUMBER)
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind)):
        return False
    return bool(pc.any(pc.match_substring_regex(column, _POSSIBLE)).as_py())
