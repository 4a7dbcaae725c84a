"""From the messages of one partition to admitted transactions with their features, in the log's order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fraud.features.decoded_batch import DecodedBatch, decode_batch, keys_for
from fraud.messages.dead_letters import DeadLetter, dead_letter
from fraud.messages.formats.payloads import Payloads
from fraud.native import id_index
from serving.ops.metrics import Metrics
from serving.ops.stage_timer import StageTimer
from serving.pipeline.base_amounts import RateWatch
from serving.pipeline.key_sampling import KeySampler
from serving.state.partition_state import AdmissionState, PartitionState, ReplayPoints

Rows = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PartitionFeatures:
    """The results for messages of one partition, from offset `start` to before `end`.

    Attributes:
        max_event_time: in ms, after the messages, as are `admission` and `replay_points`.
        kafka_timestamps: of all messages, shape (n,), in ms.
        dead_letters: of the refused messages.
        decoded: the transactions to be scored.
        rows: the features of their cards, shape (len(decoded), K).
    """

    partition: int
    start: int
    end: int
    max_event_time: int
    admission: AdmissionState
    replay_points: ReplayPoints
    kafka_timestamps: npt.NDArray[np.int64]
    dead_letters: list[DeadLetter]
    decoded: DecodedBatch
    rows: Rows


class FeatureStage:
    """Takes messages through admission and the feature kernel."""

    def __init__(self, metrics: Metrics, timer: StageTimer, payloads: Payloads) -> None:
        self._metrics = metrics
        self._timer = timer
        self._payloads = payloads
        self._key_sampler = KeySampler()
        self._rate_watch = RateWatch()

    def process(self, state: PartitionState, messages: Sequence[Any]) -> PartitionFeatures:
        """Advance the state over the messages, which start at its position and are readable."""
        start, low_watermark = state.position, state.admission.low_watermark
        with self._timer.stage("admit"):
            kafka_timestamps = np.array([message.timestamp()[1] for message in messages], dtype=np.int64)
            decoded = self._decode(state, messages, kafka_timestamps)
        with self._timer.stage("features"):
            rows, outcomes = state.cards.process(decoded.events, low_watermark, decoded.offsets(messages))
        refused, is_accepted = decoded.refused, outcomes == id_index.ACCEPTED
        if not is_accepted.all():
            refused = sorted([*refused, *_conflicts(decoded, len(messages), outcomes)])
            self._count_repeated(outcomes)
            decoded, rows = decoded.select(is_accepted), rows[is_accepted]
        state.position = messages[-1].offset() + 1
        state.mark_replay_point()
        return PartitionFeatures(
            partition=state.partition,
            start=start,
            end=state.position,
            max_event_time=state.admission.max_event_time,
            admission=tuple(state.admission.state),
            replay_points=state.replay_points,
            kafka_timestamps=kafka_timestamps,
            dead_letters=[self._dead_letter(state, messages[number], reason) for number, reason in refused],
            decoded=decoded,
            rows=rows,
        )

    def _decode(
        self, state: PartitionState, messages: Sequence[Any], kafka_timestamps: npt.NDArray[np.int64]
    ) -> DecodedBatch:
        values = self._payloads.to_json([message.value() for message in messages])
        keys = keys_for(state.admission, messages)
        decoded = decode_batch(state.admission, values, kafka_timestamps, keys)
        sampled = self._key_sampler.sample(messages, decoded, state.partitions, state.admission.cards)
        self._metrics.pipeline.count_keys(sampled)
        self._metrics.pipeline.unknown_amounts.inc(decoded.unknown_amounts)
        self._rate_watch.observe(state.admission.definitions, decoded, state.admission.max_event_time)
        state.rates_used.observe(state.admission.max_event_time)
        return decoded

    def _count_repeated(self, outcomes: npt.NDArray[np.uint8]) -> None:
        self._metrics.pipeline.repeated.inc(int((outcomes == id_index.REPEATED).sum()))
        self._metrics.pipeline.reused_ids.inc(int((outcomes == id_index.CONFLICT).sum()))

    def _dead_letter(self, state: PartitionState, message: Any, reason: str) -> DeadLetter:
        self._metrics.pipeline.dead_letters.inc()
        return dead_letter(message, reason, state.admission.cards)


def _conflicts(
    decoded: DecodedBatch, messages: int, outcomes: npt.NDArray[np.uint8]
) -> Iterator[tuple[int, str]]:
    """The number of each message whose transaction_id belongs to another payment, and the reason."""
    admitted = np.delete(np.arange(messages), [number for number, _ in decoded.refused])
    return ((number, id_index.CONFLICT_REASON) for number in admitted[outcomes == id_index.CONFLICT].tolist())
