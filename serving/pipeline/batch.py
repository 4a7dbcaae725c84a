"""One micro-batch: messages in, outbox batches out.

Every message ends up in exactly one of three places: a prediction, a dead letter, or the count of repeated
transactions. Each partition has its own state; the transactions of all partitions are scored together.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from fraud.messages.formats.payloads import JSON_PAYLOADS, Payloads
from fraud.settings import Settings
from serving.decisions.active_policies import ActivePolicies
from serving.delivery.protocol import OutboxBatch
from serving.models.serving_model import ServingModel
from serving.ops.metrics import Metrics
from serving.ops.stage_timer import StageTimer
from serving.pipeline.partition_features import FeatureStage, PartitionFeatures
from serving.pipeline.predictions import PredictionStage
from serving.pipeline.profile_sources import ProfileSources
from serving.state.partition_state import PartitionState


class Scorer:
    """Computes the features of each partition's transactions and predicts all of them at once."""

    def __init__(
        self,
        settings: Settings,
        profiles: ProfileSources,
        policies: ActivePolicies,
        metrics: Metrics,
        timer: StageTimer,
        payloads: Payloads = JSON_PAYLOADS,
    ) -> None:
        self._features = FeatureStage(metrics, timer, payloads)
        self._predictions = PredictionStage(settings, profiles, policies, metrics, timer)

    def process(
        self,
        batch: Iterable[tuple[PartitionState, Sequence[Any]]],
        champion: ServingModel,
        challenger: ServingModel | None = None,
    ) -> list[OutboxBatch]:
        """Advance each state over its messages; returns their predictions and dead letters.

        Args:
            batch: states, each with Kafka's messages from its position on.
            champion: the model that decides.
            challenger: the model that scores in shadow.
        """
        computed = [self._features.process(state, messages) for state, messages in batch]
        predictions = iter(
            self._predict([part for part in computed if len(part.decoded)], champion, challenger)
        )
        return [_outbox_batch(part, [*islice(predictions, len(part.decoded))]) for part in computed]

    def _predict(
        self,
        computed: Sequence[PartitionFeatures],
        champion: ServingModel,
        challenger: ServingModel | None,
    ) -> list[dict[str, Any]]:
        """The predictions of all partitions, one after the other."""
        if not computed:
            return []
        decoded, rows = [part.decoded for part in computed], [part.rows for part in computed]
        return self._predictions.process(decoded, np.concatenate(rows), champion, challenger)


def _outbox_batch(part: PartitionFeatures, predictions: list[dict[str, Any]]) -> OutboxBatch:
    return OutboxBatch(
        partition=part.partition,
        start=part.start,
        end=part.end,
        max_event_time=part.max_event_time,
        predictions=predictions,
        dead_letters=part.dead_letters,
        kafka_timestamps=part.kafka_timestamps,
        admission=part.admission,
        replay_points=part.replay_points,
    )
