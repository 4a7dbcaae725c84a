"""A challenger agrees or disagrees with the champion, each at its own threshold."""

import itertools

import pytest

from fraud.errors import UnreachableError
from serving.dashboard.api import cached_sources
from serving.dashboard.api.cached_sources import ModelThresholds
from serving.dashboard.feed.recorder import Batch, Recorder
from serving.dashboard.feed.shadow import SCORE_BINS, score_bin, shadow_agreement
from tests.serving.dashboard.feed.writing import recorder_for
from tests.serving.dashboard.support import DashboardServer, payment, prediction_for

SCORES = (0.05, 0.29, 0.3, 0.49, 0.5, 0.95)


@pytest.fixture
def recorder(offline_dashboard: DashboardServer) -> Recorder:
    return recorder_for(offline_dashboard)


@pytest.mark.parametrize("challenger_threshold", [0.1, 0.3, 0.5, 0.9])
def test_each_model_decides_at_its_own_threshold(
    offline_dashboard: DashboardServer, recorder: Recorder, challenger_threshold: float
) -> None:
    # given payments that a champion with the threshold 0.5 and a challenger have scored
    pairs = list(itertools.product(SCORES, SCORES))
    predictions = [
        prediction_for(payment(number), score, challenger_version="4", challenger_score=challenger_score)
        for number, (score, challenger_score) in enumerate(pairs)
    ]
    recorder.write(Batch(predictions=predictions))
    # then the decisions are compared at 0.5 and at the challenger's threshold
    with offline_dashboard.context.store.reading() as connection:
        (found,) = shadow_agreement(connection, lambda _: challenger_threshold)
    decisions = [(score >= 0.5, other >= challenger_threshold) for score, other in pairs]
    assert found["both"] == decisions.count((True, True))
    assert found["champion_only"] == decisions.count((True, False))
    assert found["challenger_only"] == decisions.count((False, True))
    assert found["agreement"] == sum(one == other for one, other in decisions) / len(pairs)
    assert found["difference"] == pytest.approx(sum(abs(one - other) for one, other in pairs))
    assert (found["scored"], found["challenger_threshold"]) == (len(pairs), challenger_threshold)


def test_without_the_threshold_no_decision_is_made_up(
    offline_dashboard: DashboardServer, recorder: Recorder
) -> None:
    recorder.write(
        Batch(predictions=[prediction_for(payment(1), challenger_version="4", challenger_score=0.2)])
    )
    # when the registry does not answer
    with offline_dashboard.context.store.reading() as connection:
        (found,) = shadow_agreement(connection, lambda _: None)
    # then the payments are counted, and nothing is said about decisions
    assert (found["scored"], found["challenger_threshold"], found["agreement"]) == (1, None, None)


def test_bins_cover_every_score() -> None:
    assert [score_bin(score) for score in (0.0, 0.00009, 0.0001, 0.5, 0.99999, 1.0)] == [
        0, 0, 1, SCORE_BINS // 2, SCORE_BINS - 1, SCORE_BINS - 1,
    ]  # fmt: skip


def test_a_threshold_is_loaded_once_and_asked_again_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def load(version: str) -> float:
        calls.append(version)
        if len(calls) == 1:
            raise UnreachableError("MLflow does not answer")
        return 0.25

    thresholds = ModelThresholds(load)
    assert [thresholds.get("4"), thresholds.get("4")] == [None, None]
    assert calls == ["4"]
    monkeypatch.setattr(cached_sources, "_FRESH_S", -1.0)
    assert [thresholds.get("4"), thresholds.get("4")] == [0.25, 0.25]
    assert calls == ["4", "4"]
