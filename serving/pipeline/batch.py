"""One micro-batch: messages in, answers out.

Every message ends up in exactly one of three places: a prediction, a dead letter, or the count of repeated
transactions. Partitions keep their own state; what they yield is scored together.
"""

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from fraud.features.decoded_batch import DecodedBatch, decode_batch, keys_for
from fraud.features.profiles import profile_features
from fraud.features.spec import FEATURE_VERSION
from fraud.messages.dead_letters import DeadLetter, dead_letter
from fraud.native import id_index
from fraud.native.json_reader import TEXTS
from fraud.schema import Prediction, Reason
from fraud.settings import Settings
from serving.delivery.protocol import OutboxBatch
from serving.models.serving_model import ServingModel
from serving.ops.metrics import Metrics
from serving.ops.stage_timer import StageTimer
from serving.pipeline.decide import decide
from serving.pipeline.key_sampling import KeySampler
from serving.pipeline.profiles import ProfileTable
from serving.pipeline.reasons import explain
from serving.state.partition_state import AdmissionState, PartitionState, ReplayPoints

Rows = npt.NDArray[np.float32]


@dataclass
class _Passed:
    """What one partition's messages became at admission and in the kernel."""

    partition: int
    start: int
    end: int
    newest: int
    admission: AdmissionState
    replay_points: ReplayPoints
    arrived: npt.NDArray[np.int64]
    dead_letters: list[DeadLetter]
    fresh: DecodedBatch
    features: Rows


class Scorer:
    """Turns messages into answers."""

    def __init__(
        self, settings: Settings, profiles: ProfileTable, metrics: Metrics, timer: StageTimer
    ) -> None:
        self._settings = settings
        self._profiles = profiles
        self._metrics = metrics
        self._timer = timer
        self._encoder = msgspec.json.Encoder()
        self._keys = KeySampler()

    def answer(
        self,
        batch: Iterable[tuple[PartitionState, Sequence[Any]]],
        champion: ServingModel,
        challenger: ServingModel | None = None,
    ) -> list[OutboxBatch]:
        """Advance each state over its messages and answer them."""
        passed = [self._pass(state, messages) for state, messages in batch]
        fresh = [one.fresh for one in passed if len(one.fresh)]
        rows = [one.features for one in passed if len(one.fresh)]
        predictions = iter(self._predict(fresh, np.concatenate(rows), champion, challenger) if fresh else ())
        return [
            OutboxBatch(one.partition, one.start, one.end, one.newest, [*islice(predictions, len(one.fresh))],
                    one.dead_letters, one.arrived, one.admission, one.replay_points)
            for one in passed
        ]  # fmt: skip

    def _pass(self, state: PartitionState, messages: Sequence[Any]) -> _Passed:
        """Through admission and the kernel, in the order of arrival."""
        start, low_watermark = state.position, state.admission.low_watermark
        with self._timer.stage("admit"):
            arrived = np.array([message.timestamp()[1] for message in messages], dtype=np.int64)
            values, keys = [message.value() for message in messages], keys_for(state.admission, messages)
            fresh = decode_batch(state.admission, values, arrived, keys)
            self._metrics.keyed(self._keys.look(messages, fresh, state.partitions))
        with self._timer.stage("features"):
            features, outcomes = state.cards.process(fresh.events, low_watermark)
        refused = fresh.refused
        if (outcomes != id_index.ACCEPTED).any():
            refused = sorted([*refused, *_conflicts(fresh, len(messages), outcomes)])
            self._metrics.repeated.inc(int((outcomes == id_index.REPEATED).sum()))
            self._metrics.reused_ids.inc(int((outcomes == id_index.CONFLICT).sum()))
            fresh, features = (
                fresh.only(outcomes == id_index.ACCEPTED),
                features[outcomes == id_index.ACCEPTED],
            )
        letters = [self._dead_letter(messages[number], reason) for number, reason in refused]
        state.position = messages[-1].offset() + 1
        state.mark()
        return _Passed(
            state.partition, start, state.position,
            state.admission.max_event_time, tuple(state.admission.state), state.replay_points,
            arrived, letters, fresh, features,
        )  # fmt: skip

    def _dead_letter(self, message: Any, reason: str) -> DeadLetter:
        self._metrics.dead_letters.inc()
        return dead_letter(message, reason)

    def _predict(
        self,
        fresh: list[DecodedBatch],
        kernel_rows: Rows,
        champion: ServingModel,
        challenger: ServingModel | None,
    ) -> list[dict[str, Any]]:
        """One encoded prediction for each of `fresh`."""
        texts = _texts(fresh)
        times, amounts, hashes = (_column(fresh, name) for name in ("timestamp", "amount", "transaction"))
        with self._timer.stage("profile"):
            profiles, dates = self._profiles.find(texts["merchant_id"])
            self._metrics.profiled(dates, times, self._settings.profiles.available_after)
            rows = np.hstack([kernel_rows, profile_features(amounts, profiles)])
        with self._timer.stage("score"):
            scores = champion.score(rows)
            shadow = challenger.score(rows).tolist() if challenger else repeat(None)
        self._metrics.scores.observe_many(scores)
        with self._timer.stage("reasons"):
            reasons = self._explain(texts["currency"], rows, scores, champion)
        with self._timer.stage("encode"):
            decisions = decide(scores, champion.bundle.threshold)
            self._metrics.decided(decisions)
            predictions = map(
                Prediction, texts["transaction_id"], texts["card_id"], times.tolist(),
                amounts.tolist(), texts["currency"], scores.tolist(), decisions,
                repeat(champion.bundle.threshold), repeat(champion.bundle.metadata.model_name),
                repeat(champion.version), repeat(FEATURE_VERSION), repeat(int(time.time() * 1_000)), dates,
                reasons, self._sampled(hashes, rows),
                repeat(challenger.version if challenger else None), shadow,
                repeat(champion.bundle.digest), repeat(champion.bundle.run_id or None),
                repeat(challenger.bundle.digest if challenger else None),
            )  # fmt: skip
            values = map(self._encoder.encode, predictions)
            return [
                {"key": card, "value": value} for card, value in zip(texts["card_id"], values, strict=True)
            ]

    def _explain(
        self, currencies: list[str], rows: Rows, scores: npt.NDArray[np.float64], champion: ServingModel
    ) -> list[list[Reason] | None]:
        """Reasons for those that are flagged, None for the others."""
        told: list[list[Reason] | None] = [None] * len(rows)
        flagged = np.flatnonzero(scores >= champion.bundle.threshold)
        if len(flagged):
            chosen = rows[flagged]
            found = explain(chosen, champion.contributions(chosen), [currencies[index] for index in flagged])
            for index, reasons in zip(flagged.tolist(), found, strict=True):
                told[index] = reasons
        return told

    def _sampled(self, hashes: npt.NDArray[np.uint64], rows: Rows) -> list[list[float | None] | None]:
        """The rows to be logged, None for the others: it depends on the transaction_id alone."""
        told: list[list[float | None] | None] = [None] * len(rows)
        rate = self._settings.serving.feature_sample
        for index in np.flatnonzero(hashes.astype(np.float64) < rate * 2.0**64).tolist():
            told[index] = [None if math.isnan(value) else value for value in rows[index].tolist()]
        return told


def _conflicts(
    fresh: DecodedBatch, messages: int, outcomes: npt.NDArray[np.uint8]
) -> Iterator[tuple[int, str]]:
    """The number of each message whose id is another payment's, and the sentence that says so."""
    admitted = np.delete(np.arange(messages), [number for number, _ in fresh.refused])
    return ((number, id_index.CONFLICT_REASON) for number in admitted[outcomes == id_index.CONFLICT].tolist())


def _texts(fresh: list[DecodedBatch]) -> dict[str, list[str]]:
    """What `TEXTS` names, of all."""
    parts = [one.texts() for one in fresh]
    return {field: list(chain.from_iterable(part[field] for part in parts)) for field in TEXTS}


def _column(fresh: list[DecodedBatch], name: str) -> npt.NDArray[Any]:
    """One field of all events: to join whole records costs more than to score a few."""
    return np.concatenate([one.events[name] for one in fresh])
