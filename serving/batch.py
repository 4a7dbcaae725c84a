"""One micro-batch: messages in, answers out.

Every message ends up in exactly one of three places: a prediction, a dead letter, or the count of repeated
transactions. Partitions keep their own state; what they yield is scored together.
"""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from fraud.admission import Admitted, dead_letter_headers
from fraud.features.events import encode_transactions
from fraud.features.profiles import profile_features
from fraud.features.spec import FEATURE_VERSION
from fraud.schema import Prediction, Reason
from fraud.settings import Settings
from serving.decide import decide
from serving.delivery import Answers, DeadLetter
from serving.metrics import Metrics
from serving.models import Served
from serving.profiles import ProfileTable
from serving.reasons import explain
from serving.state import PartitionState

Rows = npt.NDArray[np.float32]


@dataclass
class _Passed:
    """What one partition's messages became at the door and in the kernel."""

    partition: int
    start: int
    end: int
    newest: int
    arrived: npt.NDArray[np.int64]
    dead_letters: list[DeadLetter]
    fresh: list[Admitted]
    hashes: npt.NDArray[np.uint64]
    features: Rows


class Scorer:
    """Turns messages into answers."""

    def __init__(self, settings: Settings, profiles: ProfileTable, metrics: Metrics) -> None:
        self._settings = settings
        self._profiles = profiles
        self._metrics = metrics
        self._encoder = msgspec.json.Encoder()

    def answer(
        self,
        batch: Iterable[tuple[PartitionState, Sequence[Any]]],
        champion: Served,
        challenger: Served | None = None,
    ) -> list[Answers]:
        """Advance each state over its messages and answer them."""
        passed = [self._pass(state, messages) for state, messages in batch]
        fresh = list(chain.from_iterable(one.fresh for one in passed))
        predictions = self._predict(fresh, passed, champion, challenger) if fresh else []
        answers, begin = [], 0
        for one in passed:
            end = begin + len(one.fresh)
            answers.append(
                Answers(one.partition, one.start, one.end, one.newest, predictions[begin:end],
                        one.dead_letters, one.arrived)
            )  # fmt: skip
            begin = end
        return answers

    def _pass(self, state: PartitionState, messages: Sequence[Any]) -> _Passed:
        """Through the door and the kernel, in the order of arrival."""
        oldest_possible = state.door.oldest_possible
        with self._metrics.timed("admit"):
            start, arrived, admitted, letters = self._admit(state, messages)
        with self._metrics.timed("features"):
            events = encode_transactions(admitted)
            features, is_fresh = state.cards.process(events, oldest_possible)
        hashes = events["transaction"]
        if not is_fresh.all():
            self._metrics.repeated.inc(len(admitted) - int(is_fresh.sum()))
            admitted = [one for one, fresh in zip(admitted, is_fresh.tolist(), strict=True) if fresh]
            hashes, features = hashes[is_fresh], features[is_fresh]
        return _Passed(
            state.partition, start, state.position, state.door.newest,
            np.array(arrived, dtype=np.int64), letters, admitted, hashes, features,
        )  # fmt: skip

    def _admit(
        self, state: PartitionState, messages: Sequence[Any]
    ) -> tuple[int, list[int], list[Admitted], list[DeadLetter]]:
        start, admit = state.position, state.door.admit
        arrived: list[int] = []
        admitted: list[Admitted] = []
        letters: list[DeadLetter] = []
        for message in messages:
            value, time_ms = message.value(), message.timestamp()[1]
            verdict = admit(value, time_ms)
            arrived.append(time_ms)
            if isinstance(verdict, Admitted):
                admitted.append(verdict)
            else:
                letters.append(self._dead_letter(message, verdict.reason))
        state.position = messages[-1].offset() + 1
        return start, arrived, admitted, letters

    def _dead_letter(self, message: Any, reason: str) -> DeadLetter:
        self._metrics.dead_letters.inc()
        told = dead_letter_headers(
            reason, message.topic(), message.partition(), message.offset(), message.timestamp()[1]
        )
        return DeadLetter(message.key(), message.value(), message.headers() or [], [*told.items()])

    def _predict(
        self,
        fresh: list[Admitted],
        passed: list[_Passed],
        champion: Served,
        challenger: Served | None,
    ) -> list[dict[str, Any]]:
        """One encoded prediction for each of `fresh`."""
        timed = self._metrics.timed
        with timed("profile"):
            profiles, dates = self._profiles.find([one.transaction.merchant_id for one in fresh])
            self._metrics.profiled(dates, [one.transaction.timestamp for one in fresh])
            amounts = np.array([one.amount for one in fresh], dtype=np.int64)
            kernel_rows = np.concatenate([one.features for one in passed])
            rows = np.hstack([kernel_rows, profile_features(amounts, profiles)])
        with timed("score"):
            scores = champion.score(rows)
            shadow = challenger.score(rows).tolist() if challenger else None
        self._metrics.scores.observe_many(scores)
        with timed("reasons"):
            reasons = self._explain(fresh, rows, scores, champion)
        with timed("encode"):
            logged = self._sampled(np.concatenate([one.hashes for one in passed]), rows)
            return self._encode(fresh, scores, dates, reasons, logged, champion, challenger, shadow)

    def _explain(
        self, fresh: list[Admitted], rows: Rows, scores: npt.NDArray[np.float64], champion: Served
    ) -> dict[int, list[Reason]]:
        flagged = np.flatnonzero(scores >= champion.bundle.threshold)
        currencies = [fresh[index].transaction.currency for index in flagged]
        if not len(flagged):
            return {}
        chosen = rows[flagged]
        reasons = explain(chosen, champion.contributions(chosen), currencies)
        return dict(zip(flagged.tolist(), reasons, strict=True))

    def _sampled(self, hashes: npt.NDArray[np.uint64], rows: Rows) -> dict[int, list[float | None]]:
        """The rows to be logged: whether one is depends on its transaction_id alone."""
        rate = self._settings.serving.feature_sample
        chosen = np.flatnonzero(hashes.astype(np.float64) < rate * 2.0**64)
        return {
            int(index): [None if math.isnan(value) else value for value in rows[index].tolist()]
            for index in chosen
        }

    def _encode(
        self,
        fresh: list[Admitted],
        scores: npt.NDArray[np.float64],
        dates: list[str | None],
        reasons: dict[int, list[Reason]],
        logged: dict[int, list[float | None]],
        champion: Served,
        challenger: Served | None,
        shadow: list[float] | None,
    ) -> list[dict[str, Any]]:
        encode, now_ms, threshold = self._encoder.encode, int(time.time() * 1_000), champion.bundle.threshold
        name, version = champion.bundle.metadata.model_name, champion.version
        decisions = decide(scores, threshold)
        self._metrics.decided(decisions)
        messages = []
        for index, (one, score, decision, date) in enumerate(
            zip(fresh, scores.tolist(), decisions, dates, strict=True)
        ):
            transaction = one.transaction
            prediction = Prediction(
                transaction.transaction_id, transaction.card_id, transaction.timestamp, one.amount,
                transaction.currency, score, decision, threshold, name, version, FEATURE_VERSION, now_ms,
                date, reasons.get(index), logged.get(index),
                challenger.version if challenger else None, shadow[index] if shadow else None,
            )  # fmt: skip
            messages.append({"key": transaction.card_id, "value": encode(prediction)})
        return messages
