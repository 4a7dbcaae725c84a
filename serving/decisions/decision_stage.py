"""From scores to outcomes: by the policies in force, or by the model's threshold alone without any."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fraud.decisions.inputs import DecisionInputs
from fraud.decisions.outcomes import APPROVE, REVIEW, Outcome
from fraud.features.decoded_batch import DecodedBatch
from fraud.features.events import Events
from serving.decisions.active_policies import ActivePolicies
from serving.decisions.decision_fields import WITHOUT_POLICY, live_fields, outcome_names, shadow_fields
from serving.ops.metrics import Metrics
from serving.ops.stage_timer import StageTimer
from serving.pipeline.joined_payments import JoinedPayments

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DecisionColumns:
    """The decisions on n payments.

    Attributes:
        outcomes: n.
        shown: the indices of the payments that analysts are shown: not approved, or samples for review.
        fields: of `Prediction`, n values each, that say how a policy decided.
    """

    outcomes: list[Outcome]
    shown: npt.NDArray[np.intp]
    fields: Mapping[str, Iterable[Any]]


class DecisionStage:
    """Decides the payments of all partitions."""

    def __init__(self, policies: ActivePolicies, metrics: Metrics, timer: StageTimer) -> None:
        self._policies, self._metrics, self._timer = policies, metrics, timer

    def decide(
        self,
        decoded: Sequence[DecodedBatch],
        rows: npt.NDArray[np.float32],
        scores: Scores,
        threshold: float,
    ) -> DecisionColumns:
        """Decide n payments.

        Args:
            decoded: the payments.
            rows: their features, (n, F).
            scores: the probabilities of fraud, (n,).
            threshold: of the model that scored.
        """
        if self._policies.are_default:
            return self._by_threshold(scores, threshold)
        with self._timer.stage("decide"):
            return self._by_policy(_inputs(decoded, rows, scores, threshold))

    def _by_threshold(self, scores: Scores, threshold: float) -> DecisionColumns:
        """What the default policy decides while its lists are empty."""
        outcomes = (scores >= threshold).view(np.uint8) * np.uint8(REVIEW)
        self._metrics.decisions.count_outcomes(outcomes)
        return DecisionColumns(outcome_names(outcomes), outcomes.nonzero()[0], WITHOUT_POLICY)

    def _by_policy(self, inputs: DecisionInputs) -> DecisionColumns:
        live, shadow = self._policies.live, self._policies.shadow
        decided = live.decider.decide(inputs)
        shadowed = None if shadow is None else shadow.decider.decide(inputs)
        self._metrics.decisions.count_decided(live.policy, decided)
        if shadowed is not None:
            self._metrics.decisions.count_shadow(shadowed.outcomes)
        asks_lists = bool(live.policy.lists) or (shadow is not None and bool(shadow.policy.lists))
        position = self._policies.lists_position if asks_lists else None
        fields = live_fields(live, decided, position) | shadow_fields(shadow, shadowed)
        shown = np.flatnonzero((decided.outcomes != APPROVE) | decided.sampled)
        return DecisionColumns(outcome_names(decided.outcomes), shown, fields)


def _inputs(
    decoded: Sequence[DecodedBatch], rows: npt.NDArray[np.float32], scores: Scores, threshold: float
) -> DecisionInputs:
    events, payments = [batch.events for batch in decoded], JoinedPayments(decoded)
    hashes = [batch.category_hashes for batch in decoded]
    return DecisionInputs(
        events=events[0] if len(events) == 1 else Events.concatenate(events),
        rows=rows,
        probabilities=scores,
        model_threshold=np.full(len(scores), threshold),
        texts_of=payments.all_values,
        category_hashes=hashes[0] if len(hashes) == 1 else np.concatenate(hashes),
    )
