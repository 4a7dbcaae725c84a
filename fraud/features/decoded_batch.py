"""Consecutive messages of a partition, decoded: records for the kernel, and the reasons of refusals."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import CORE_FIELDS
from fraud.features.events import Events, encode_as_paid
from fraud.features.field_tables import category_columns, field_table
from fraud.messages.admission import AdmissionFilter, Admitted, decoder_of_admitted, signed_hash
from fraud.money.batches import convert_money, rate_days
from fraud.money.rate_table import RateTable
from fraud.native.json_reader import (
    CORE_TEXTS,
    SEPARATOR,
    MessageKeys,
    Messages,
    Target,
    join_texts,
    mark_misplaced,
    read_simple_messages,
)

TEXTS = tuple(CORE_FIELDS[role] for role in CORE_TEXTS)
"""The fields whose text `DecodedBatch.texts` gives."""

_decoder = cache(decoder_of_admitted)


@dataclass(frozen=True)
class DecodedBatch:
    """Consecutive messages of a partition, decoded.

    Attributes:
        events: the n transactions that count, in their order.
        refused: of each other message its number among the messages, and the reason of the refusal.
        rates: by which amounts are in the base; None: they are as paid.
        unknown_amounts: how many decoded transactions have no amount in the base, for want of a rate.
        category_hashes: of the categories' texts, of which `events` has codes, as it has those of ids; 0 of
            absent ones; int64 (n, categories).
    """

    events: Events
    refused: list[tuple[int, str]]
    rates: RateTable | None
    unknown_amounts: int
    category_hashes: npt.NDArray[np.int64]
    _definitions: Definitions
    _messages: Messages
    _sources: npt.NDArray[np.int64]
    _text_spans: npt.NDArray[np.int64]
    _not_simple: dict[int, Admitted]

    def __len__(self) -> int:
        return len(self.events)

    @property
    def fast(self) -> int:
        """How many of the transactions compiled code read without admission."""
        return len(self) - len(self._not_simple)

    def offsets(self, messages: Sequence[Any]) -> npt.NDArray[np.int64]:
        """The offset of each transaction, (n,), of Kafka's messages that were decoded."""
        if not messages:
            return np.zeros(0, dtype=np.int64)
        first, last = messages[0].offset(), messages[-1].offset()
        if last - first == len(messages) - 1:
            return np.asarray(self._sources + first)
        return np.array([message.offset() for message in messages], dtype=np.int64)[self._sources]

    def texts(self) -> dict[str, list[str]]:
        """The fields `TEXTS` of each transaction, n texts each."""
        count = len(self)
        if not count:
            return {field: [] for field in TEXTS}
        spans = self._text_spans.transpose(1, 0, 2).reshape(-1, 2)
        joined = np.empty(len(spans) - 1 + int((spans[:, 1] - spans[:, 0]).sum()), dtype=np.uint8)
        join_texts(self._messages.data, spans, joined)
        pieces: list[str] = joined.tobytes().decode().split(SEPARATOR)
        texts = {field: pieces[count * at : count * (at + 1)] for at, field in enumerate(TEXTS)}
        for number, admitted in self._not_simple.items():
            for field in TEXTS:
                texts[field][number] = getattr(admitted.transaction, field)
        return texts

    def base_amounts(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """In the base: amounts (minor units or `UNKNOWN`), and the days of their rates (or -1), each (n,).

        Raises:
            ValueError: there is no base.
        """
        if self.rates is None:
            raise ValueError("the definitions have no base currency")
        values, index = self.events.values, self._definitions.field_index
        days = rate_days(self.rates, values[:, index["currency"]], values[:, index["timestamp"]])
        return values[:, index["amount"]], days

    def card_id(self, number: int) -> str:
        """The card_id of one transaction."""
        if number in self._not_simple:
            card: str = self._not_simple[number].transaction.card_id
            return card
        start, end = self._text_spans[number, TEXTS.index("card_id")]
        return self._messages.data[start:end].tobytes().decode()

    def field_values(self, number: int) -> dict[str, Any]:
        """What one transaction has of the fields that not every payment has, by name.

        Texts, numbers and booleans; amounts in minor units, times in ms, fixed-point numbers in units of
        10 ** -scale. It decodes the message again, so it is for a few transactions of a batch.
        """
        return {name: value for name, value in self.all_values(number).items() if name not in CORE_FIELDS}

    def all_values(self, number: int) -> dict[str, Any]:
        """What one transaction has of all fields, likewise."""
        named = zip(self._definitions.fields, self._admitted(number).values, strict=True)
        return {field.name: value for field, value in named if value is not None}

    def select(self, chosen: npt.NDArray[np.bool_]) -> "DecodedBatch":
        """The batch with those of its transactions that `chosen`, (n,), marks."""
        numbers = np.cumsum(chosen) - 1
        not_simple = {int(numbers[number]): one for number, one in self._not_simple.items() if chosen[number]}
        return replace(
            self,
            events=self.events[chosen],
            category_hashes=self.category_hashes[chosen],
            _sources=self._sources[chosen],
            _text_spans=self._text_spans[chosen],
            _not_simple=not_simple,
        )

    def _admitted(self, number: int) -> Admitted:
        if number in self._not_simple:
            return self._not_simple[number]
        return _decoder(self._definitions)(self._message(number))

    def _message(self, number: int) -> bytes:
        message = int(self._sources[number])
        start = int(self._messages.ends[message - 1]) + 1 if message else 0
        return self._messages.data[start : self._messages.ends[message]].tobytes()


def decode_batch(
    admission: AdmissionFilter,
    values: Sequence[bytes | None],
    times: npt.NDArray[np.int64],
    keys: Sequence[bytes | None] = (),
) -> DecodedBatch:
    """Decode and validate consecutive messages of one partition.

    Args:
        admission: of the partition; its state moves with the messages.
        values: of the N messages.
        times: Kafka's, ms, (N,).
        keys: of the messages; only needed if `admission.needs_keys`.
    """
    return _BatchDecoder(admission, values, times, keys if admission.needs_keys else ()).decode()


def keys_for(admission: AdmissionFilter, messages: Sequence[Any]) -> list[bytes | None]:
    """The keys of Kafka's messages, if `decode_batch` needs them; otherwise none."""
    return [message.key() for message in messages] if admission.needs_keys else []


def _message_keys(found: Sequence[bytes | None], admission: AdmissionFilter) -> MessageKeys:
    """The keys as compiled code reads them, those marked that are missing or in the wrong partition."""
    present = [key or b"" for key in found]
    keys = MessageKeys(
        np.frombuffer(b"".join(present), dtype=np.uint8),
        np.cumsum(np.fromiter(map(len, present), dtype=np.int64, count=len(present))),
        np.array([key is not None for key in found], dtype=np.bool_),
    )
    partitions = admission.partitions
    if found and partitions:
        mark_misplaced(keys, admission.partition, np.array(partitions, dtype=np.int64))
    return keys


class _BatchDecoder:
    """Messages on the way to a `DecodedBatch`.

    Compiled code reads as many simple messages in a row as there are; admission validates the one after them.
    """

    def __init__(
        self,
        admission: AdmissionFilter,
        values: Sequence[bytes | None],
        times: npt.NDArray[np.int64],
        keys: Sequence[bytes | None],
    ) -> None:
        self._admission, self._values, self._times, self._keys = admission, values, times, keys
        self._events = Events.empty(len(values), admission.definitions)
        self._sources = np.zeros(len(values), dtype=np.int64)
        # The texts of a message that admission has decoded are empty here, and come from `_not_simple`.
        self._text_spans = np.zeros((len(values), len(TEXTS), 2), dtype=np.int64)
        self._categories = category_columns(admission.definitions)
        self._category_hashes = np.zeros((len(values), len(self._categories)), dtype=np.int64)
        self._not_simple: dict[int, Admitted] = {}
        self._refused: list[tuple[int, str]] = []
        self._count = 0

    def decode(self) -> DecodedBatch:
        messages, number = self._joined_messages(), 0
        table = field_table(self._admission.definitions)
        target = self._target(len(table.kinds), len(table.parents))
        while number < len(self._values):
            state = np.array(self._admission.state, dtype=np.int64)
            number, self._count = read_simple_messages(
                table, self._admission.limits, messages, number, state, target, self._count
            )
            self._admission.state = state.tolist()
            if number < len(self._values):
                self._validate(number)
                number += 1
        count, definitions = self._count, self._admission.definitions
        events, rates = self._events[:count], definitions.rates
        unknown = convert_money(definitions, events.values, rates)
        return DecodedBatch(
            events, self._refused, rates, unknown, self._category_hashes[:count], definitions, messages,
            self._sources[:count], self._text_spans[:count], self._not_simple,
        )  # fmt: skip

    def _target(self, fields: int, objects: int) -> Target:
        values = self._events.values
        return Target(
            self._events.heads, values, values.view(np.float64), self._sources, self._text_spans,
            self._category_hashes, np.empty((fields + objects, 2), dtype=np.int64),
            np.zeros(fields, dtype=np.int64),
        )  # fmt: skip

    def _joined_messages(self) -> Messages:
        present = [value or b"" for value in self._values]
        lengths = np.fromiter(map(len, present), dtype=np.int64, count=len(present))
        data = np.frombuffer(b"\0".join(present) + b"\0", dtype=np.uint8)
        keys = _message_keys(self._keys, self._admission)
        return Messages(data, np.cumsum(lengths + 1) - 1, self._times, keys)

    def _validate(self, number: int) -> None:
        key = self._keys[number] if self._keys else None
        result = self._admission.validate(self._values[number], int(self._times[number]), key)
        if isinstance(result, Admitted):
            encoded = encode_as_paid(self._admission.definitions, [result])
            self._events.heads[self._count] = encoded.heads[0]
            self._events.values[self._count] = encoded.values[0]
            texts = (result.values[column] for column in self._categories.tolist())
            self._category_hashes[self._count] = [
                0 if text is None else signed_hash(str(text)) for text in texts
            ]
            self._not_simple[self._count] = result
            self._sources[self._count] = number
            self._count += 1
        else:
            self._refused.append((number, result.reason))
