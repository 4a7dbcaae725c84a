"""A micro-batch through the pipeline, without Kafka."""

import json
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from fraud.messages.admission import AdmissionFilter
from fraud.schema import Prediction
from fraud.settings import Settings
from serving.decisions.active_policies import ActivePolicies
from serving.models.serving_model import prepare_model
from serving.ops.metrics import Metrics
from serving.ops.stage_timer import StageTimer
from serving.pipeline.batch import Scorer
from serving.pipeline.profile_sources import ProfileSources
from serving.state.partition_state import PartitionState
from tests.definitions import V1
from tests.serving.world import tiny_bundle, transaction


@dataclass
class FakeMessage:
    """Kafka's message, as far as the pipeline reads it."""

    content: bytes
    at: int
    number: int
    time_ms: int

    def value(self) -> bytes:
        return self.content

    def key(self) -> bytes:
        return b"card"

    def topic(self) -> str:
        return "transactions"

    def headers(self) -> None:
        return None

    def timestamp(self) -> tuple[int, int]:
        return 1, self.time_ms

    def offset(self) -> int:
        return self.number

    def partition(self) -> int:
        return self.at


def messages(partition: int, payments: list[dict[str, Any]]) -> list[FakeMessage]:
    return [
        FakeMessage(
            json.dumps({name: value for name, value in payment.items() if value is not None}).encode(),
            partition,
            number,
            payment.get("timestamp", 0),
        )
        for number, payment in enumerate(payments)
    ]


def state(settings: Settings, partition: int) -> PartitionState:
    return PartitionState(partition, 0, AdmissionFilter(V1, settings.admission, partition=partition))


def scorer(settings: Settings, metrics: Metrics) -> Scorer:
    return Scorer(
        settings,
        ProfileSources(settings, metrics),
        ActivePolicies(settings, metrics),
        metrics,
        StageTimer(metrics),
    )


def test_each_message_becomes_a_prediction_a_dead_letter_or_is_a_repetition(local_settings: Settings) -> None:
    # given two partitions: a payment that comes twice, one that cannot be read, another one with a used id
    champion, challenger = (prepare_model(V1, tiny_bundle(local_settings, seed=seed)) for seed in (0, 1))
    metrics, first, second = Metrics(), state(local_settings, 0), state(local_settings, 1)
    payments = [transaction(number) for number in range(4)]
    reused = payments[1] | {"amount": "1.23"}
    batch = [
        (first, messages(0, [payments[0], payments[1], payments[1], {"card_id": "c"}, reused])),
        (second, messages(1, payments[2:])),
    ]

    # when
    outbox = scorer(local_settings, metrics).process(batch, champion, challenger)

    # then
    found = [
        [msgspec.json.decode(one["value"], type=Prediction) for one in part.predictions] for part in outbox
    ]
    assert [[one.transaction_id for one in part] for part in found] == [["t0", "t1"], ["t2", "t3"]]
    assert [(part.start, part.end, len(part.dead_letters)) for part in outbox] == [(0, 5, 2), (0, 2, 0)]
    assert (first.position, second.position) == (5, 2)
    assert [part.max_event_time for part in outbox] == [
        first.admission.max_event_time,
        second.admission.max_event_time,
    ]
    counts = {
        name: counted(metrics, name) for name in ("repeated_transactions", "reused_ids", "dead_letters")
    }
    assert counts == {"repeated_transactions": 1, "reused_ids": 1, "dead_letters": 2}
    # and every value is that of the payment and of both models
    assert [one.amount for part in found for one in part] == [
        round(float(payment["amount"]) * 100) for payment in payments
    ]
    assert {one.model_digest for part in found for one in part} == {champion.bundle.digest}
    assert {one.challenger_digest for part in found for one in part} == {challenger.bundle.digest}


def test_scores_and_reasons_are_those_of_the_logged_features(local_settings: Settings) -> None:
    # given a champion that flags everything, whose features are all logged
    settings = local_settings.model_copy(
        update={"serving": local_settings.serving.model_copy(update={"feature_sample": 1.0})}
    )
    champion = prepare_model(V1, tiny_bundle(settings, threshold=0.0))
    payments = [transaction(number) for number in range(30)]

    # when they are scored in one batch
    (outbox,) = scorer(settings, Metrics()).process([(state(settings, 0), messages(0, payments))], champion)

    # then each prediction's score and reasons are the model's for its row
    found = [msgspec.json.decode(one["value"], type=Prediction) for one in outbox.predictions]
    rows = np.array(
        [[np.nan if value is None else value for value in one.features or ()] for one in found], np.float32
    )
    assert [one.score for one in found] == champion.bundle.score(rows).tolist()
    assert {one.decision for one in found} == {"review"}
    strongest = champion.contributions(rows).max(axis=1)
    for one, contribution in zip(found, strongest.tolist(), strict=True):
        assert one.reasons
        assert one.reasons[0].contribution == round(contribution, 4)


def test_a_flagged_payment_always_carries_its_features_and_their_contributions(
    local_settings: Settings,
) -> None:
    # given a champion that flags some payments, and a sample of a few
    settings = local_settings.model_copy(
        update={"serving": local_settings.serving.model_copy(update={"feature_sample": 0.2})}
    )
    payments = [transaction(number) for number in range(300)]
    scores = sorted(one.score for one in scored(settings, payments, threshold=1.0))

    # when
    found = scored(settings, payments, threshold=scores[280])

    # then every flagged payment has all features and contributions, the others only in the sample
    flagged = [one for one in found if one.decision == "review"]
    assert 0 < len(flagged) < len(found)
    for one in flagged:
        assert len(one.features or ()) == len(one.contributions or ()) == len(V1.features)
    others = [one for one in found if one.decision == "approve"]
    assert {one.contributions is None for one in others} == {True}
    assert all(one.in_feature_sample for one in others)
    assert 0 < sum(one.features is not None for one in others) < 0.3 * len(others)
    # and the sample, flagged payments among it, depends on the ids alone
    sample = {one.transaction_id for one in found if one.features is not None and one.in_feature_sample}
    assert sample == {
        one.transaction_id for one in scored(settings, payments, threshold=1.0) if one.features is not None
    }
    assert 0 < sum(one.in_feature_sample for one in flagged) < len(flagged)


def scored(settings: Settings, payments: list[dict[str, Any]], *, threshold: float) -> list[Prediction]:
    champion = prepare_model(V1, tiny_bundle(settings, threshold=threshold))
    (outbox,) = scorer(settings, Metrics()).process([(state(settings, 0), messages(0, payments))], champion)
    return [msgspec.json.decode(one["value"], type=Prediction) for one in outbox.predictions]


def counted(metrics: Metrics, name: str) -> float:
    """The value of a counter without labels."""
    return sum(value for _, value in metrics.samples(f"fraud_{name}_total"))
