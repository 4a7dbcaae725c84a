"""What a run of a partition's messages became: records for the kernel, and why the others do not count."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from fraud.features.events import EVENT, Events, encode_transactions
from fraud.messages.admission import AdmissionFilter, Admitted
from fraud.native.json_reader import (
    FIELDS,
    SEPARATOR,
    TEXTS,
    Grammar,
    Keys,
    gather,
    grammar,
    mark_misplaced,
    read,
)

_grammar = cache(grammar)


@dataclass(frozen=True)
class DecodedBatch:
    """Transactions that count, n of them in their order, as records of `EVENT`.

    `refused` has the number of each other message in the run, and why it does not count.
    """

    events: Events
    refused: list[tuple[int, str]]
    _data: npt.NDArray[np.uint8]
    _spans: npt.NDArray[np.int64]
    _odd: dict[int, Admitted]

    def __len__(self) -> int:
        return len(self.events)

    @property
    def fast(self) -> int:
        """How many of them compiled code read without admission."""
        return len(self) - len(self._odd)

    def texts(self) -> dict[str, list[str]]:
        """What `fraud.native.json_reader.TEXTS` names, of each transaction."""
        count = len(self)
        if not count:
            return {field: [] for field in TEXTS}
        spans = self._spans.transpose(1, 0, 2).reshape(-1, 2)
        gathered = np.empty(len(spans) - 1 + int((spans[:, 1] - spans[:, 0]).sum()), dtype=np.uint8)
        gather(self._data, spans, gathered)
        pieces: list[str] = gathered.tobytes().decode().split(SEPARATOR)
        texts = {field: pieces[count * at : count * (at + 1)] for at, field in enumerate(TEXTS)}
        for number, admitted in self._odd.items():
            for field in TEXTS:
                texts[field][number] = getattr(admitted.transaction, field)
        return texts

    def card(self, number: int) -> str:
        """The card_id of one transaction."""
        if number in self._odd:
            return self._odd[number].transaction.card_id
        begin, end = self._spans[number, TEXTS.index("card_id")]
        return self._data[begin:end].tobytes().decode()

    def only(self, chosen: npt.NDArray[np.bool_]) -> "DecodedBatch":
        """Those of the transactions."""
        numbers = np.cumsum(chosen) - 1
        odd = {int(numbers[number]): one for number, one in self._odd.items() if chosen[number]}
        return DecodedBatch(self.events[chosen], self.refused, self._data, self._spans[chosen], odd)


def decode_batch(
    admission: AdmissionFilter,
    values: Sequence[bytes | None],
    times: npt.NDArray[np.int64],
    keys: Sequence[bytes | None] = (),
) -> DecodedBatch:
    """Let messages of one partition through admission, in order; `times` are Kafka's, in ms.

    `keys` are the messages'; they may be left out unless `admission.needs_keys`.
    """
    return _Run(admission, values, times, keys if admission.needs_keys else ()).read()


def keys_for(admission: AdmissionFilter, messages: Sequence[Any]) -> list[bytes | None]:
    """The keys of Kafka's messages as `decode_batch` needs them: none where they do not matter."""
    return [message.key() for message in messages] if admission.needs_keys else []


def _joined(found: Sequence[bytes | None], admission: AdmissionFilter) -> Keys:
    """The keys as compiled code reads them, those marked that admission refuses for their place."""
    there = [key or b"" for key in found]
    keys = Keys(
        np.frombuffer(b"".join(there), dtype=np.uint8),
        np.cumsum(np.fromiter(map(len, there), dtype=np.int64, count=len(there))),
        np.array([key is not None for key in found], dtype=np.bool_),
    )
    partitions = admission.partitions
    if found and partitions:
        mark_misplaced(keys, admission.partition, np.array(partitions, dtype=np.int64))
    return keys


class _Run:
    """Messages on their way: in strides of what compiled code takes, and one by one between them."""

    def __init__(
        self,
        admission: AdmissionFilter,
        values: Sequence[bytes | None],
        times: npt.NDArray[np.int64],
        keys: Sequence[bytes | None],
    ) -> None:
        self._admission, self._values, self._times, self._keys = admission, values, times, keys
        self._events = np.zeros(len(values), dtype=EVENT)
        # Of those that admission has judged, all texts are taken to be empty.
        self._spans = np.zeros((len(values), len(TEXTS), 2), dtype=np.int64)
        self._odd: dict[int, Admitted] = {}
        self._refused: list[tuple[int, str]] = []
        self._count = 0

    def read(self) -> DecodedBatch:
        known: Grammar = _grammar()
        places = np.empty((len(FIELDS), 2), dtype=np.int64)
        there = [value or b"" for value in self._values]
        ends = np.cumsum(np.fromiter(map(len, there), dtype=np.int64, count=len(there)) + 1) - 1
        data, at = np.frombuffer(b"\0".join(there) + b"\0", dtype=np.uint8), 0
        keys = _joined(self._keys, self._admission)
        while at < len(ends):
            state = np.array(self._admission.state, dtype=np.int64)
            at, self._count = read(
                known, self._admission.bounds, data, ends, self._times, keys, at, state,
                self._events, self._spans, self._count, places,
            )  # fmt: skip
            self._admission.state = state.tolist()
            if at < len(ends):
                self._judge(at)
                at += 1
        count = self._count
        return DecodedBatch(self._events[:count], self._refused, data, self._spans[:count], self._odd)

    def _judge(self, number: int) -> None:
        key = self._keys[number] if self._keys else None
        verdict = self._admission.validate(self._values[number], int(self._times[number]), key)
        if isinstance(verdict, Admitted):
            self._events[self._count] = encode_transactions([verdict])[0]
            self._odd[self._count] = verdict
            self._count += 1
        else:
            self._refused.append((number, verdict.reason))
