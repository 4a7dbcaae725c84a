"""Logged predictions as columns: what was scored and decided."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from confluent_kafka import Message

from fraud.decisions.outcomes import OUTCOMES, Outcome
from fraud.definitions.features import DAY_MS
from fraud.features.events import hash_texts
from fraud.kafka.log import partition_logs
from fraud.kafka.permission_checks import require_readable
from fraud.messages.decoding import MessageReader
from fraud.schema import Millis, Probability
from fraud.settings import Settings

Keys = npt.NDArray[np.uint64]

_CARD_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_CODES: dict[Outcome | None, int] = {name: code for code, name in enumerate(OUTCOMES)}


class LoggedDecision(msgspec.Struct, frozen=True, gc=False):
    """The fields of a `Prediction` that say how its payment was scored and decided."""

    transaction_id: str
    card_id: str
    timestamp: Millis
    score: Probability
    threshold: float
    decision: Outcome
    would_be: Outcome | None = None
    decided_by: str | None = None


@dataclass(frozen=True)
class LoggedDecisions:
    """N predictions.

    Attributes:
        keys: of the payments, see `payment_hashes`, uint64 (N,).
        timestamps: event times in ms, int64 (N,).
        scores: probabilities of fraud, float64 (N,).
        thresholds: of the models that scored, float64 (N,).
        outcomes: indices in `OUTCOMES`, uint8 (N,).
        would_be: the outcomes without the control group, uint8 (N,).
        control: payments of the control group, bool (N,).
        by_list: payments that a list decided, bool (N,).
    """

    keys: Keys
    timestamps: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    thresholds: npt.NDArray[np.float64]
    outcomes: npt.NDArray[np.uint8]
    would_be: npt.NDArray[np.uint8]
    control: npt.NDArray[np.bool_]
    by_list: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, chosen: npt.NDArray[Any]) -> Self:
        """Some of them: a mask or indices."""
        return type(self)(**{one.name: getattr(self, one.name)[chosen] for one in fields(self)})

    @classmethod
    def of(cls, decoded: Sequence[LoggedDecision]) -> "LoggedDecisions":
        """Columns of decoded predictions."""
        decided = [_CODES[one.decision] for one in decoded]
        would_be = [_CODES.get(one.would_be, -1) for one in decoded]
        alone, outcomes = np.array(would_be, dtype=np.int16), np.array(decided, dtype=np.uint8)
        return cls(
            keys=payment_hashes(
                pa.chunked_array([pa.array([one.card_id for one in decoded], pa.string())]),
                pa.chunked_array([pa.array([one.transaction_id for one in decoded], pa.string())]),
            ),
            timestamps=np.array([one.timestamp for one in decoded], dtype=np.int64),
            scores=np.array([one.score for one in decoded], dtype=np.float64),
            thresholds=np.array([one.threshold for one in decoded], dtype=np.float64),
            outcomes=outcomes,
            would_be=np.where(alone < 0, outcomes, alone).astype(np.uint8),
            control=alone >= 0,
            by_list=np.array([(one.decided_by or "").startswith("list ") for one in decoded], dtype=np.bool_),
        )

    @classmethod
    def concatenate(cls, parts: Sequence["LoggedDecisions"]) -> "LoggedDecisions":
        """All parts, one after another."""
        every = [*parts, cls.of([])]
        return cls(
            **{one.name: np.concatenate([getattr(part, one.name) for part in every]) for one in fields(cls)}
        )


@dataclass(frozen=True)
class ReadDecisions:
    """What was read of the topic of predictions.

    Attributes:
        decisions: the first of each payment.
        repeated: further predictions on the same payments.
        unreadable: messages that are not predictions.
        cut: whether older predictions of the days were left out, because there were too many.
    """

    decisions: LoggedDecisions
    repeated: int = 0
    unreadable: int = 0
    cut: bool = False


def payment_hashes(cards: pa.ChunkedArray, ids: pa.ChunkedArray) -> Keys:
    """A hash of each payment's card and transaction_id, uint64 (N,).

    Among two million payments the chance of any collision is one in ten million.
    """
    return np.asarray(hash_texts(cards) * _CARD_FACTOR + hash_texts(ids), dtype=np.uint64)


def read_decisions(settings: Settings, days: int, now_ms: int, most: int) -> ReadDecisions:
    """The predictions of the last days, the newest `most` of them.

    By scoring time, which limits what is read, the days end at `now_ms`. By event time they end at the newest
    payment, so that a replayed history counts as it would have at its time.

    Raises:
        UnreachableError: no broker answers, or there is no such topic.
        RefusedError: this identity may not read the topic.
    """
    topic, reader = settings.topics.predictions, BatchReader()
    parts: list[LoggedDecisions] = []
    limit, cut = max(most // require_readable(settings, topic), 1), False
    for log in partition_logs(settings, topic):
        low, end = log.bounds()
        start = max(low, log.first_at(max(now_ms - days * DAY_MS, 0), end))
        cut |= end - start > limit
        parts += map(reader.read, log.read(max(start, end - limit), end))
    found = LoggedDecisions.concatenate(parts)
    first = _first_of_each(found.keys)
    kept = found[first]
    recent = kept.timestamps > kept.timestamps.max(initial=0) - days * DAY_MS
    return ReadDecisions(kept[recent], len(found) - len(kept), reader.refused, cut)


def _first_of_each(keys: Keys) -> npt.NDArray[np.int64]:
    """Indices of the first of each key, ascending."""
    _, first = np.unique(keys, return_index=True)
    return np.sort(first)


class BatchReader:
    """Decodes batches of predictions: all at once, or where that fails one by one."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(list[LoggedDecision]).decode
        self._single = MessageReader(LoggedDecision)

    @property
    def refused(self) -> int:
        """The number of messages that are not predictions."""
        return self._single.refused

    def read(self, batch: Sequence[Message]) -> LoggedDecisions:
        """The predictions among the messages."""
        return LoggedDecisions.of(self._all_at_once(batch) or list(self._one_by_one(batch)))

    def _all_at_once(self, batch: Sequence[Message]) -> list[LoggedDecision] | None:
        """All of them; None where one is not a prediction."""
        try:
            found = self._decode(b"[" + b",".join([one.value() for one in batch]) + b"]")
        except (msgspec.DecodeError, TypeError, UnicodeDecodeError, RecursionError):
            return None
        # A message may hold a comma between two predictions.
        return found if len(found) == len(batch) else None

    def _one_by_one(self, batch: Sequence[Message]) -> Iterator[LoggedDecision]:
        yield from filter(None, map(self._single.read, batch))
