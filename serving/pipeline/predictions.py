"""From features to encoded predictions: profiles, scores, decisions, reasons."""

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

import msgspec
import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import V1_TAG, Definitions
from fraud.definitions.features import FEATURE_VERSION
from fraud.features.decoded_batch import TEXTS, DecodedBatch
from fraud.features.profiles import ProfileFeatures
from fraud.profiles.values import NO_MOMENT
from fraud.schema import FieldValue, Reason
from fraud.settings import Settings
from serving.decisions.active_policies import ActivePolicies
from serving.decisions.decision_stage import DecisionStage
from serving.models.serving_model import ServingModel
from serving.ops.metrics import Metrics
from serving.ops.stage_timer import StageTimer
from serving.pipeline.base_amounts import amounts_in_base, base_columns
from serving.pipeline.joined_payments import JoinedPayments
from serving.pipeline.profile_sources import ProfileSources
from serving.pipeline.reasons import CONTRIBUTION_DIGITS, explain
from serving.prediction_columns import ABSENT, build_predictions, spread

Rows = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Columns:
    """Fields of n transactions: `texts` by name, times in ms, amounts in minor units, hashes of the ids."""

    texts: Mapping[str, list[str]]
    timestamps: npt.NDArray[np.int64]
    amounts: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.uint64]

    @classmethod
    def of(cls, decoded: Sequence[DecodedBatch]) -> Self:
        """The columns of all batches, one after the other."""
        texts = [batch.texts() for batch in decoded]
        return cls(
            {name: [*chain.from_iterable(columns[name] for columns in texts)] for name in TEXTS},
            # To join whole records costs more than to score a few.
            *(
                np.concatenate([batch.events.heads[name] for batch in decoded])
                for name in ("timestamp", "amount", "transaction")
            ),
        )

    def by_field(self) -> dict[str, Iterable[Any]]:
        """The columns that predictions repeat, by field of `Prediction`."""
        texts = {name: self.texts[name] for name in ("transaction_id", "card_id", "currency")}
        return {**texts, "timestamp": self.timestamps.tolist(), "amount": self.amounts.tolist()}


@dataclass(frozen=True)
class _Explained:
    """Why each of n transactions has its score; None for those that analysts are not shown."""

    reasons: Iterable[list[Reason] | None]
    contributions: Iterable[list[float] | None]


class PredictionStage:
    """Predicts the transactions of all partitions."""

    def __init__(
        self,
        settings: Settings,
        profiles: ProfileSources,
        policies: ActivePolicies,
        metrics: Metrics,
        timer: StageTimer,
    ) -> None:
        self._settings = settings
        self._definitions = settings.loaded_definitions
        self._profiles = profiles
        self._daily_features = ProfileFeatures(settings.loaded_definitions)
        self._decisions = DecisionStage(policies, metrics, timer)
        self._metrics = metrics
        self._timer = timer
        self._encoder = msgspec.json.Encoder()

    def process(
        self,
        decoded: Sequence[DecodedBatch],
        card_rows: Rows,
        champion: ServingModel,
        challenger: ServingModel | None,
    ) -> list[dict[str, Any]]:
        """One prediction for each transaction, in the form that `Producer.produce_batch` takes.

        Args:
            decoded: the transactions, n altogether.
            card_rows: the features of their cards, shape (n, K).
            champion: the model that decides.
            challenger: the model that scores in shadow.
        """
        columns = _Columns.of(decoded)
        with self._timer.stage("profile"):
            dates, merchant_rows = self._daily(decoded, columns)
            moments, field_rows = self._of_fields(decoded, columns)
            rows = np.hstack([card_rows, merchant_rows, *field_rows])
        with self._timer.stage("score"):
            scores = champion.score(rows)
            challenger_scores = challenger.score(rows).tolist() if challenger else ABSENT
        self._metrics.pipeline.scores.observe_many(scores)
        decided = self._decisions.decide(decoded, rows, scores, champion.bundle.threshold)
        with self._timer.stage("reasons"):
            fields = _fields_of(decided.shown, decoded)
            explained = self._explain(decided.shown, columns.texts["currency"], rows, champion, fields)
        with self._timer.stage("encode"):
            features, in_sample = self._logged_features(columns.hashes, decided.shown, rows)
            results = {
                "score": scores.tolist(),
                "decision": decided.outcomes,
                "profile_date": dates,
                "reasons": explained.reasons,
                "features": features,
                "in_feature_sample": in_sample,
                "contributions": explained.contributions,
                "challenger_score": challenger_scores,
                "fields": spread(decided.shown, fields.values(), len(rows)),
                "profile_moment": moments,
                "profiles": self._shown_profiles(decided.shown, rows),
                **base_columns(decoded),
                **decided.fields,
            }
            constants = constants_of(self._definitions, champion, challenger)
            return self._encode(columns.by_field() | results, constants)

    def _daily(self, decoded: Sequence[DecodedBatch], columns: _Columns) -> tuple[list[str | None], Rows]:
        """The dates of the merchants' daily profiles, and the features of them, shape (n, M)."""
        profiles, dates = self._profiles.daily.lookup(columns.texts["merchant_id"])
        available_after = self._settings.profiles.available_after
        self._metrics.pipeline.count_profile_ages(dates, columns.timestamps, available_after)
        amounts = columns.amounts if self._definitions.money is None else amounts_in_base(decoded)
        return dates, self._daily_features.compute(amounts, profiles)

    def _of_fields(
        self, decoded: Sequence[DecodedBatch], columns: _Columns
    ) -> tuple[Iterable[int | None], list[Rows]]:
        """The moments (ms) of the profiles of ids and categories and the features that they yield, if any."""
        if self._profiles.of_fields is None:
            return ABSENT, []
        moments, rows = self._profiles.of_fields.compute([batch.events for batch in decoded])
        every_ms, delay = self._definitions.profile_every_ms, self._settings.profiles.delay
        self._metrics.field_profiles.count_ages(moments, columns.timestamps, every_ms, delay)
        return [None if one == NO_MOMENT else one * every_ms for one in moments.tolist()], [rows]

    def _shown_profiles(
        self, shown: npt.NDArray[np.intp], rows: Rows
    ) -> Iterable[dict[str, float | None] | None]:
        """The features of profiles, by name, of the transactions that are shown, None for the others."""
        features = self._definitions.profile_features
        if not features or not len(shown):
            return ABSENT
        names = [one.name for one in features]
        values = (_values_of(rows[number, -len(features) :]) for number in shown.tolist())
        return spread(shown, (dict(zip(names, one, strict=True)) for one in values), len(rows))

    def _explain(
        self,
        shown: npt.NDArray[np.intp],
        currencies: Sequence[str],
        rows: Rows,
        champion: ServingModel,
        fields: Mapping[int, dict[str, FieldValue]],
    ) -> _Explained:
        """Reasons and contributions for the transactions that are shown, None for the others."""
        if not len(shown):
            return _Explained(ABSENT, ABSENT)
        chosen, names = rows[shown], [currencies[one] for one in shown.tolist()]
        contributions = champion.contributions(chosen)
        reasons = explain(self._definitions, chosen, contributions, names, [*fields.values()])
        rounded = np.round(contributions.astype(np.float64), CONTRIBUTION_DIGITS).tolist()
        return _Explained(spread(shown, reasons, len(rows)), spread(shown, rounded, len(rows)))

    def _encode(
        self, columns: Mapping[str, Iterable[Any]], constants: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        values = map(self._encoder.encode, build_predictions(columns, constants))
        return [{"key": card, "value": value} for card, value in zip(columns["card_id"], values, strict=True)]

    def _logged_features(
        self, hashes: npt.NDArray[np.uint64], shown: npt.NDArray[np.intp], rows: Rows
    ) -> tuple[Iterable[list[float | None] | None], Iterable[bool]]:
        """The rows to be logged, None for the others; and false for those logged only because they are shown.

        What is in the sample depends on the transaction_id alone.
        """
        sampled = hashes.astype(np.float64) < self._settings.serving.feature_sample * 2.0**64
        further = shown[~sampled[shown]]
        logged = np.concatenate([np.flatnonzero(sampled), further])
        features = spread(logged, [_values_of(rows[index]) for index in logged.tolist()], len(rows))
        if not len(further):
            return features, ABSENT
        in_sample = np.ones(len(rows), dtype=np.bool_)
        in_sample[further] = False
        return features, in_sample.tolist()


def _values_of(row: npt.NDArray[np.float32]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in row.tolist()]


def constants_of(
    definitions: Definitions, champion: ServingModel, challenger: ServingModel | None
) -> dict[str, Any]:
    """The fields of `Prediction` that are the same in a whole batch."""
    return {
        "threshold": champion.bundle.threshold,
        "model_name": champion.bundle.metadata.model_name,
        "model_version": champion.version,
        "model_digest": champion.bundle.digest,
        "model_run": champion.bundle.run_id or None,
        "feature_version": FEATURE_VERSION,
        "scored_at": int(time.time() * 1_000),
        "challenger_version": challenger.version if challenger else None,
        "challenger_digest": challenger.bundle.digest if challenger else None,
        "definitions": None if definitions.tag == V1_TAG else definitions.digest,
    }


def _fields_of(
    shown: npt.NDArray[np.intp], decoded: Sequence[DecodedBatch]
) -> dict[int, dict[str, FieldValue]]:
    """The further fields of the transactions that analysts are shown, by their number."""
    payments = JoinedPayments(decoded)
    return {number: payments.field_values(number) for number in shown.tolist()}
