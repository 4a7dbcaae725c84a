"""The newest predictions from Kafka, as columns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from confluent_kafka import Message

from fraud.decisions.outcomes import APPROVE, OUTCOMES, Outcome
from fraud.definitions.definitions import V1_TAG, Definitions
from fraud.definitions.features import DAY_MS, FEATURE_VERSION
from fraud.kafka.log import partition_logs
from fraud.kafka.permission_checks import require_readable
from fraud.labels.observation import decided_table, payment_keys
from fraud.messages.decoding import MessageReader
from fraud.profiles.values import NO_MOMENT
from fraud.registry.bundle import ModelBundle
from fraud.schema import Millis, Probability, SmallCount
from fraud.settings import Settings


class MonitoredPrediction(msgspec.Struct, frozen=True, gc=False):
    """The fields of a `Prediction` that monitoring reads."""

    transaction_id: str
    card_id: str
    timestamp: Millis
    score: Probability
    decision: Outcome
    model_version: str
    feature_version: SmallCount
    profile_date: str | None = None
    features: list[float | None] | None = None
    model_digest: str | None = None
    definitions: str | None = None
    profile_moment: Millis | None = None
    rules: list[str] | None = None
    would_be: Outcome | None = None
    control_share: Probability | None = None
    is_sample: bool = False
    threshold: float | None = None
    in_feature_sample: bool = True


@dataclass(frozen=True)
class Predictions:
    """N predictions, the first of each payment; card and transaction_id identify a payment.

    Attributes:
        ids: transaction_id, N.
        cards: card_id, N.
        timestamps: event times in ms, int64 (N,).
        scores: float64 (N,).
        outcomes: indices in `OUTCOMES`, uint8 (N,).
        reviews: payments that analysts were given to review, samples among them, bool (N,).
        by_model: whether the score reached the model's threshold, whatever a policy decided, bool (N,).
        rules: the indices of the predictions for which a live rule fired, int64, by its name.
        versions: the model's version, N.
        digests: the model's digest, N; empty in predictions of earlier versions, which had none.
        sampled: indices of the predictions in the sample of those with features, of the same definitions,
            int64 (M,); flagged payments outside the sample carry features too, and would shift distributions.
        rows: features of the sampled, float32 (M, F), NaN = unknown.
        profile_dates: dates of the merchant profiles of the sampled, M.
        profile_moments: moments of the profiles of fields, ms or `NO_MOMENT`, int64 (N,).
        comparable: which were made with these definitions, bool (N,).
        decisions: those that did not approve and those of the control group, as
            `fraud.labels.observation.observe` takes them.
        would_be: as `outcomes`, without a control group.
        for_review: approved payments that analysts are given at random, bool (N,).
        repeated: further predictions on the same payment.
        unreadable: messages that are not predictions.
        other_definitions: predictions with features that other definitions computed.
        cut: whether older predictions of the window were left out, because there were too many.
    """

    ids: pa.Array
    cards: pa.Array
    timestamps: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    outcomes: npt.NDArray[np.uint8]
    versions: npt.NDArray[np.str_]
    sampled: npt.NDArray[np.int64]
    rows: npt.NDArray[np.float32]
    profile_dates: pa.Array
    digests: npt.NDArray[np.str_]
    profile_moments: npt.NDArray[np.int64]
    comparable: npt.NDArray[np.bool_]
    reviews: npt.NDArray[np.bool_]
    by_model: npt.NDArray[np.bool_]
    rules: Mapping[str, npt.NDArray[np.int64]]
    decisions: pa.Table
    would_be: npt.NDArray[np.uint8]
    for_review: npt.NDArray[np.bool_]
    repeated: int = 0
    unreadable: int = 0
    other_definitions: int = 0
    cut: bool = False

    def __len__(self) -> int:
        return len(self.timestamps)

    @property
    def alerts(self) -> npt.NDArray[np.bool_]:
        """Whether the decision was anything but `approve`, bool (N,)."""
        return np.asarray(self.outcomes != APPROVE, dtype=np.bool_)

    @property
    def flagged(self) -> npt.NDArray[np.bool_]:
        """Whether the outcome, without a control group, was anything but `approve`, bool (N,)."""
        return np.asarray(self.would_be != APPROVE, dtype=np.bool_)

    @property
    def payments(self) -> pa.Table:
        """The payments, to which labels are joined: transaction_id, card_id and timestamp (ms), N rows."""
        return pa.table({"transaction_id": self.ids, "card_id": self.cards, "timestamp": self.timestamps})

    @property
    def keys(self) -> pa.Array:
        """The key of each payment, N; see `payment_keys`."""
        return payment_keys(self.cards, self.ids)

    def of_model(self, model: ModelBundle | None) -> npt.NDArray[np.bool_]:
        """Which predictions the model made, bool (N,): by digest, or by version where there is none."""
        if model is None:
            return np.zeros(len(self), dtype=np.bool_)
        by_version = (self.digests == "") & (self.versions == model.version)
        return np.asarray(by_version | (self.digests == model.digest), dtype=np.bool_)


@dataclass
class _Collected:
    """Decoded messages that are not columns yet."""

    scored: dict[tuple[str, str], MonitoredPrediction] = field(default_factory=dict)
    repeated: int = 0
    cut: bool = False

    def add(self, messages: Iterable[Message], reader: MessageReader[MonitoredPrediction]) -> None:
        for one in filter(None, map(reader.read, messages)):
            payment = (one.card_id, one.transaction_id)
            if payment in self.scored:
                self.repeated += 1
            else:
                self.scored[payment] = one


def read_predictions(settings: Settings, now_ms: int) -> Predictions:
    """The predictions of the last days of `settings.monitoring`.

    By scoring time, which limits what is read, the days end at `now_ms`. By event time they end at the newest
    transaction, so that a replayed history is monitored as it would have been at its time.

    Raises:
        UnreachableError: no broker answers, or there is no such topic.
    """
    window_ms = settings.monitoring.window_days * DAY_MS
    collected, reader = _Collected(), MessageReader(MonitoredPrediction)
    topic = settings.topics.predictions
    limit = settings.monitoring.max_predictions // require_readable(settings, topic)
    for log in partition_logs(settings, topic):
        low, end = log.bounds()
        start = max(low, log.first_at(now_ms - window_ms, end))
        collected.cut |= end - start > limit
        for batch in log.read(max(start, end - limit), end):
            collected.add(batch, reader)
    newest = max((one.timestamp for one in collected.scored.values()), default=0)
    recent = [one for one in collected.scored.values() if one.timestamp > newest - window_ms]
    definitions = settings.loaded_definitions
    return to_columns(definitions, recent, collected.repeated, reader.refused, cut=collected.cut)


def to_columns(
    definitions: Definitions,
    scored: list[MonitoredPrediction],
    repeated: int = 0,
    unreadable: int = 0,
    *,
    cut: bool = False,
) -> Predictions:
    """Columns of decoded predictions, with features where these definitions computed them."""
    comparable = [_is_of(definitions, one) for one in scored]
    sampled = [
        index for index, one in enumerate(scored)
        if one.in_feature_sample
        and comparable[index]
        and len(one.features or ()) == len(definitions.features)
    ]  # fmt: skip
    rows = [scored[index].features for index in sampled]
    return Predictions(
        ids=pa.array([one.transaction_id for one in scored], pa.string()),
        cards=pa.array([one.card_id for one in scored], pa.string()),
        timestamps=np.array([one.timestamp for one in scored], dtype=np.int64),
        scores=np.array([one.score for one in scored], dtype=np.float64),
        outcomes=np.array([OUTCOMES.index(one.decision) for one in scored], dtype=np.uint8),
        versions=np.array([one.model_version for one in scored], dtype=np.str_),
        sampled=np.array(sampled, dtype=np.int64),
        # None becomes NaN.
        rows=np.array(rows, dtype=np.float32).reshape(len(sampled), len(definitions.features)),
        profile_dates=pa.array([scored[index].profile_date for index in sampled], pa.string()),
        digests=np.array([one.model_digest or "" for one in scored], dtype=np.str_),
        profile_moments=np.array([_moment(one) for one in scored], dtype=np.int64),
        comparable=np.array(comparable, dtype=np.bool_),
        reviews=np.array([one.is_sample or one.decision == "review" for one in scored], dtype=np.bool_),
        by_model=np.array([_is_flagged_by_model(one) for one in scored], dtype=np.bool_),
        rules=_indices_by_rule(scored),
        decisions=decided_table(scored),
        would_be=np.array([OUTCOMES.index(one.would_be or one.decision) for one in scored], dtype=np.uint8),
        for_review=np.array([one.is_sample for one in scored], dtype=np.bool_),
        repeated=repeated,
        unreadable=unreadable,
        other_definitions=sum(one.in_feature_sample and one.features is not None for one in scored)
        - len(sampled),
        cut=cut,
    )


def _is_flagged_by_model(one: MonitoredPrediction) -> bool:
    return one.decision != "approve" if one.threshold is None else one.score >= one.threshold


def _indices_by_rule(scored: Sequence[MonitoredPrediction]) -> dict[str, npt.NDArray[np.int64]]:
    """Of a rule all versions count as one."""
    found: dict[str, list[int]] = {}
    for index, one in enumerate(scored):
        for rule in one.rules or ():
            found.setdefault(rule.partition("@")[0], []).append(index)
    return {name: np.array(indices, dtype=np.int64) for name, indices in found.items()}


def _is_of(definitions: Definitions, one: MonitoredPrediction) -> bool:
    digest = None if definitions.tag == V1_TAG else definitions.digest
    return one.feature_version == FEATURE_VERSION and one.definitions == digest


def _moment(one: MonitoredPrediction) -> int:
    return NO_MOMENT if one.profile_moment is None else one.profile_moment
