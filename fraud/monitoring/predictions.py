"""The newest predictions from Kafka, as columns."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import Message

from fraud.features.spec import DAY_MS, FEATURE_NAMES, FEATURE_VERSION
from fraud.kafka.log import partition_logs
from fraud.kafka.permission_checks import require_readable
from fraud.messages.decoding import MessageReader
from fraud.registry.bundle import ModelBundle
from fraud.schema import Decision, Millis, Probability, SmallCount
from fraud.settings import Settings


class Scored(msgspec.Struct, frozen=True, gc=False):
    """What watching needs of a `Prediction`."""

    transaction_id: str
    card_id: str
    timestamp: Millis
    score: Probability
    decision: Decision
    model_version: str
    feature_version: SmallCount
    profile_date: str | None = None
    features: list[float | None] | None = None
    model_digest: str | None = None


@dataclass(frozen=True)
class Predictions:
    """N predictions, each payment's first; a payment is known by its card and its transaction_id.

    Attributes:
        ids: transaction_id, N.
        cards: card_id, N.
        timestamps: event times in ms, int64 (N,).
        scores: float64 (N,).
        alerts: which were to be reviewed, bool (N,).
        versions: the model's version, N.
        digests: what identifies the model, N; empty in predictions of before there were digests.
        sampled: places of those with features of this code's version, int64 (M,).
        rows: their features, float32 (M, F), NaN = unknown.
        profile_dates: of the sampled, M.
        repeated: further predictions on a transaction that has one.
        unreadable: messages that are no predictions.
        cut: older ones within the window were left out, because there were too many.
    """

    ids: pa.Array
    cards: pa.Array
    timestamps: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    alerts: npt.NDArray[np.bool_]
    versions: npt.NDArray[np.str_]
    sampled: npt.NDArray[np.int64]
    rows: npt.NDArray[np.float32]
    profile_dates: pa.Array
    digests: npt.NDArray[np.str_]
    repeated: int = 0
    unreadable: int = 0
    cut: bool = False

    def __len__(self) -> int:
        return len(self.timestamps)

    @property
    def payments(self) -> pa.Table:
        """What labels are joined to: transaction_id, card_id and timestamp (ms), N rows."""
        return pa.table({"transaction_id": self.ids, "card_id": self.cards, "timestamp": self.timestamps})

    @property
    def keys(self) -> pa.Array:
        """What each prediction is on, N; see `payment_keys`."""
        return payment_keys(self.cards, self.ids)

    def of_model(self, model: ModelBundle | None) -> npt.NDArray[np.bool_]:
        """Which the model has made, shape (N,): by its digest; by its version where there is no digest."""
        if model is None:
            return np.zeros(len(self), dtype=np.bool_)
        by_version = (self.digests == "") & (self.versions == model.version)
        return np.asarray(by_version | (self.digests == model.digest), dtype=np.bool_)


def payment_keys(cards: pa.Array | pa.ChunkedArray, ids: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Text that identifies each payment: two cards may have used one transaction_id, shape (N,)."""
    return pc.binary_join_element_wise(cards.cast(pa.string()), ids.cast(pa.string()), "\0")


@dataclass
class _Collected:
    """Decoded messages, not yet columns."""

    scored: dict[tuple[str, str], Scored] = field(default_factory=dict)
    repeated: int = 0
    cut: bool = False

    def add(self, messages: Iterable[Message], reader: MessageReader[Scored]) -> None:
        for one in filter(None, map(reader.read, messages)):
            payment = (one.card_id, one.transaction_id)
            if payment in self.scored:
                self.repeated += 1
            else:
                self.scored[payment] = one


def read_predictions(settings: Settings, now_ms: int) -> Predictions:
    """The predictions of the last days of `settings.monitoring`.

    The days end at `now_ms` for the time of scoring, which bounds what is read, and at the newest
    transaction for event time, so that a replayed history is watched as it would have been then.

    Raises:
        UnreachableError: no broker answers, or there is no such topic.
    """
    window_ms = settings.monitoring.window_days * DAY_MS
    collected, reader = _Collected(), MessageReader(Scored)
    topic = settings.topics.predictions
    most = settings.monitoring.max_predictions // require_readable(settings, topic)
    for log in partition_logs(settings, topic):
        low, end = log.bounds()
        start = max(low, log.first_at(now_ms - window_ms, end))
        collected.cut |= end - start > most
        for batch in log.read(max(start, end - most), end):
            collected.add(batch, reader)
    newest = max((one.timestamp for one in collected.scored.values()), default=0)
    recent = [one for one in collected.scored.values() if one.timestamp > newest - window_ms]
    return as_columns(recent, collected.repeated, reader.refused, cut=collected.cut)


def as_columns(
    scored: list[Scored], repeated: int = 0, unreadable: int = 0, *, cut: bool = False
) -> Predictions:
    """Columns of decoded predictions."""
    sampled = [place for place, one in enumerate(scored) if _has_our_features(one)]
    rows = [scored[place].features for place in sampled]
    return Predictions(
        ids=pa.array([one.transaction_id for one in scored], pa.string()),
        cards=pa.array([one.card_id for one in scored], pa.string()),
        timestamps=np.array([one.timestamp for one in scored], dtype=np.int64),
        scores=np.array([one.score for one in scored], dtype=np.float64),
        alerts=np.array([one.decision == "review" for one in scored], dtype=np.bool_),
        versions=np.array([one.model_version for one in scored], dtype=np.str_),
        sampled=np.array(sampled, dtype=np.int64),
        # None becomes NaN.
        rows=np.array(rows, dtype=np.float32).reshape(len(sampled), len(FEATURE_NAMES)),
        profile_dates=pa.array([scored[place].profile_date for place in sampled], pa.string()),
        digests=np.array([one.model_digest or "" for one in scored], dtype=np.str_),
        repeated=repeated,
        unreadable=unreadable,
        cut=cut,
    )


def _has_our_features(one: Scored) -> bool:
    return one.feature_version == FEATURE_VERSION and len(one.features or ()) == len(FEATURE_NAMES)
