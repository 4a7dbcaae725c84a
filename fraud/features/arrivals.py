"""What a run of a partition's messages became: records for the kernel, and why the others do not count."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from fraud.admission import Admitted, Door
from fraud.features.events import EVENT, Events, encode_transactions
from fraud.features.reading import TEXTS, Grammar, grammar, read

_grammar = cache(grammar)


@dataclass(frozen=True)
class Arrivals:
    """Transactions that count, n of them in their order, as records of `EVENT`.

    `refused` has the number of each other message in the run, and why it does not count.
    """

    events: Events
    refused: list[tuple[int, str]]
    _text: str
    _spans: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.events)

    def texts(self, field: str) -> list[str]:
        """A field of each transaction, one of `fraud.features.reading.TEXTS`."""
        text, places = self._text, self._spans[:, TEXTS.index(field)].tolist()
        return [text[begin:end] for begin, end in places]

    def only(self, chosen: npt.NDArray[np.bool_]) -> "Arrivals":
        """Those of the transactions."""
        return Arrivals(self.events[chosen], self.refused, self._text, self._spans[chosen])


def read_messages(door: Door, values: Sequence[bytes | None], times: npt.NDArray[np.int64]) -> Arrivals:
    """Let messages of one partition through its door, in order; `times` are Kafka's, in ms."""
    return _Run(door, values, times).read()


class _Run:
    """Messages on their way: in strides of what compiled code takes, and one by one between them."""

    def __init__(self, door: Door, values: Sequence[bytes | None], times: npt.NDArray[np.int64]) -> None:
        self._door, self._values, self._times = door, values, times
        self._events = np.zeros(len(values), dtype=EVENT)
        self._spans = np.empty((len(values), len(TEXTS), 2), dtype=np.int64)
        self._refused: list[tuple[int, str]] = []
        self._count = 0

    def read(self) -> Arrivals:
        known: Grammar = _grammar()
        lengths = [len(value) if value else 0 for value in self._values]
        ends = np.cumsum(np.array(lengths, dtype=np.int64) + 1) - 1
        joined = b"\0".join([value or b"" for value in self._values]) + b"\0"
        data, at, self._text = np.frombuffer(joined, dtype=np.uint8), 0, joined.decode("latin-1")
        while at < len(ends):
            at, self._count, self._door.newest = read(
                known, self._door.bounds, data, ends, self._times, at, self._door.newest,
                self._events, self._spans, self._count,
            )  # fmt: skip
            if at < len(ends):
                self._judge(at)
                at += 1
        return Arrivals(self._events[: self._count], self._refused, self._text, self._spans[: self._count])

    def _judge(self, number: int) -> None:
        verdict = self._door.admit(self._values[number], int(self._times[number]))
        if isinstance(verdict, Admitted):
            self._enter(verdict)
        else:
            self._refused.append((number, verdict.reason))

    def _enter(self, admitted: Admitted) -> None:
        """Its texts are not in the messages as they are meant, so they are added behind them."""
        self._events[self._count] = encode_transactions([admitted])[0]
        for number, field in enumerate(TEXTS):
            begin = len(self._text)
            self._text += getattr(admitted.transaction, field)
            self._spans[self._count, number] = begin, len(self._text)
        self._count += 1
