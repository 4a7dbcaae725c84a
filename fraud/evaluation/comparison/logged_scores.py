"""The champion's scores in its logged predictions, for a model that cannot be loaded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.kafka.log import read_topic
from fraud.messages.decoding import MessageReader
from fraud.settings import Settings
from fraud.training.dataset import Dataset
from fraud.training.splits import TimeRange, milliseconds

Floats = npt.NDArray[np.float64]


class LoggedScore(msgspec.Struct, frozen=True, gc=False):
    """The fields of a `Prediction` that a comparison needs."""

    transaction_id: str
    card_id: str
    timestamp: int
    score: float
    threshold: float
    model_name: str
    model_version: str
    model_digest: str | None = None

    def is_of(self, version: str, digest: str) -> bool:
        """Whether the model made it: by its digest, or by its version where one of the two has no digest."""
        if self.model_digest and digest:
            return self.model_digest == digest
        return self.model_version == version


@dataclass(frozen=True)
class LoggedScores:
    """N scores of one version, in the order of the topic.

    Attributes:
        keys: card and transaction of each, N.
        scores: float64 (N,).
        threshold: from which on the version had payments reviewed; NaN where N is 0.
    """

    keys: pa.Array
    scores: Floats
    threshold: float

    def __len__(self) -> int:
        return len(self.scores)


def read_logged_scores(settings: Settings, version: str, period: TimeRange, digest: str = "") -> LoggedScores:
    """The scores that the model `version` with `digest` gave the payments of `period` (event time).

    Memory grows with the payments of the period, of which the caller holds the training rows already.

    Raises:
        UnreachableError: no broker answers, or there is no such topic.
        RefusedError: this identity may not read the topic.
    """
    return as_logged(
        one
        for one in _predictions(settings, period)
        if one.is_of(version, digest)
        and one.model_name == settings.registry.model_name
        and period.start <= one.timestamp < period.end
    )


def as_logged(scores: Iterable[LoggedScore]) -> LoggedScores:
    """Columns of decoded predictions of one version."""
    keys, values, threshold = [], [], float("nan")
    for one in scores:
        keys.append(_key(one.card_id, one.transaction_id))
        values.append(one.score)
        threshold = one.threshold
    return LoggedScores(pa.array(keys, pa.string()), np.array(values, dtype=np.float64), threshold)


def on_logged_rows(window: Dataset, logged: LoggedScores) -> tuple[Dataset, Floats]:
    """The rows of the window that have a logged score, and these scores, shape (N,).

    Card and transaction must agree; of several predictions of one payment the first counts.
    """
    index = pc.index_in(_keys(window), value_set=logged.keys)
    rows = np.flatnonzero(index.is_valid().to_numpy(zero_copy_only=False))
    found = index.drop_null().to_numpy(zero_copy_only=False)
    return window.take(rows), logged.scores[found]


def _predictions(settings: Settings, period: TimeRange) -> Iterator[LoggedScore]:
    """Every readable prediction that was sent since the period began."""
    topic, reader = settings.topics.predictions, MessageReader(LoggedScore)
    # A prediction is not older than its payment, except for clock skew.
    since = period.start - milliseconds(settings.admission.clock_skew)
    for batch in read_topic(settings, topic, since):
        yield from filter(None, map(reader.read, batch))


def _keys(window: Dataset) -> pa.Array:
    identity = window.identity
    columns = [identity[name].cast(pa.string()).combine_chunks() for name in ("card_id", "transaction_id")]
    lengths = pc.cast(pc.utf8_length(columns[0]), pa.string())
    return pc.binary_join_element_wise(lengths, *columns, ":")


def _key(card_id: str, transaction_id: str) -> str:
    # The length keeps "a:b" and "c" apart from "a" and "b:c".
    return f"{len(card_id)}:{card_id}:{transaction_id}"
